"""``govbench baseline``: list, show, update, history, prune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from govbench.baselines import entries as baselines
from govbench.cli import complete
from govbench.cli.options import ConfigOption, OutputOption, settings_of
from govbench.compare.scope import ALL, parse_scope
from govbench.config.load import environment
from govbench.errors import UsageError
from govbench.pipeline.baselines import store_run
from govbench.pipeline.folder import latest_run, write_whole
from govbench.pipeline.history import read_history
from govbench.record.environment import describe_environment
from govbench.report import baseline as baseline_report
from govbench.report import history as history_report
from govbench.report import history_html
from govbench.results import codec
from govbench.results import history as history_document
from govbench.results.baseline import to_json
from govbench.results.comparison import Verdict

app = typer.Typer(
    help="List, show, update and prune the committed baselines, and their history.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ClassOption = Annotated[
    str | None, typer.Option("--class", metavar="CLASS", help="Only that machine class.", show_default=False)
]
RefOption = Annotated[
    str | None, typer.Option("--ref", help="Read the tree of that commit or branch.", show_default=False)
]


@app.command("list")
def list_(
    machine_class: ClassOption = None,
    ref: RefOption = None,
    config: ConfigOption = None,
) -> None:
    """List the stored baselines, newest commit first.

    Examples:

      govbench baseline list

      govbench baseline list --ref main
    """
    settings = settings_of({}, config)
    folder = settings.baselines.folder
    entries = baselines.list_entries(Path.cwd(), folder, machine_class=machine_class, ref=ref)
    if not entries:
        here = describe_environment(environment()).machine_class
        where = f"{folder}: no baselines" + (f" of {machine_class}" if machine_class else "")
        typer.echo(f"{where} (this machine is {here})", err=True)
        typer.echo("  hint: measure with govbench run, then govbench baseline update", err=True)
        return
    typer.echo(baseline_report.table(entries))


@app.command()
def show(
    what: Annotated[
        str,
        typer.Argument(
            help="Beginning of a commit id, an anchor, or a file.", autocompletion=complete.commits
        ),
    ],
    machine_class: ClassOption = None,
    ref: RefOption = None,
    json: Annotated[bool, typer.Option("--json", help="The stored document itself.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show one stored baseline.

    Examples:

      govbench baseline show 1a2b3c

      govbench baseline show v1.0 --json
    """
    settings = settings_of({}, config)
    entry = baselines.find_entry(
        Path.cwd(), settings.baselines.folder, what, ref=ref, machine_class=machine_class
    )
    typer.echo(to_json(entry) if json else baseline_report.details(entry), nl=not json)


@app.command()
def update(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="Run folder or results.json; without it the latest run.",
            show_default=False,
            autocompletion=complete.runs,
        ),
    ] = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit exactly the baseline files.")] = False,
    accept: Annotated[
        str | None,
        typer.Option("--accept", metavar="NOTE", help="Store it in spite of its verdict, with this reason."),
    ] = None,
    anchor: Annotated[
        str | None, typer.Option("--anchor", metavar="NAME", help="Keep it beyond the window (a release).")
    ] = None,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Store a run of a work tree with uncommitted changes.")
    ] = False,
    remember: Annotated[
        bool,
        typer.Option(
            "--remember", help="Store a regression outside the window: it stays one until mended or accepted."
        ),
    ] = False,
    output: OutputOption = None,
    config: ConfigOption = None,
) -> None:
    """Store a run as the baseline of its commit.

    A run that regressed or was not sound is refused unless a person accepts it with a reason. With --remember
    what regressed is kept as such: no run is held against it, and none passes while it is as slow.

    Examples:

      govbench baseline update --commit

      govbench baseline update results/latest --accept "new model, slower on purpose"

      govbench baseline update --remember --commit
    """
    settings = settings_of({"output.folder": output}, config)
    path = run or latest_run(Path.cwd() / settings.output.folder)
    entry, stored = store_run(
        codec.read(path),
        settings,
        Path.cwd(),
        accepted=accept,
        anchor=anchor,
        commit=commit,
        allow_dirty=allow_dirty,
        remember=remember,
    )
    typer.echo(f"stored {_shown(stored.path)} ({entry.commit[:9]}, {entry.machine_class})")
    if entry.verdict is Verdict.REGRESSION and entry.accepted is None:
        typer.echo(f"remembered, outside the window: {', '.join(entry.suspects)}")
    for path in stored.removed:
        typer.echo(f"removed {_shown(path)}: beyond the window of {settings.baselines.window}")
    if stored.commit_sha:
        typer.echo(f"committed {stored.commit_sha[:9]}")
    elif not commit:
        typer.echo("not committed: commit it yourself, or use --commit")


@app.command()
def history(
    metric: Annotated[
        str | None,
        typer.Argument(
            help="A metric, TEST_TYPE/METRIC or all; without it those that are gated.",
            show_default=False,
            autocompletion=complete.metrics,
        ),
    ] = None,
    suite: Annotated[
        str | None, typer.Option("--suite", metavar="NAME", help="Only that suite.", show_default=False)
    ] = None,
    machine_class: Annotated[
        str | None,
        typer.Option(
            "--class", "--machine-class", metavar="CLASS", help="Only that machine class.", show_default=False
        ),
    ] = None,
    test_type: Annotated[
        str | None,
        typer.Option(
            "--test-type",
            metavar="NAME",
            help="Only that test type.",
            show_default=False,
            autocompletion=complete.test_type,
        ),
    ] = None,
    ref: RefOption = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with trends there.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Values and change points as JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show the course of metrics over the stored runs, and where their level changed.

    Examples:

      govbench baseline history

      govbench baseline history response_time_p95_ms --test-type concurrent

      govbench baseline history all --html trend.html
    """
    if html is not None and json:
        raise UsageError("--html and --json exclude each other", hint="call it once for each")
    found = read_history(
        settings_of({}, config),
        Path.cwd(),
        scope=parse_scope("/".join(word for word in (test_type, metric or ALL) if word)),
        only_gated=metric is None,
        suite=suite,
        machine_class=machine_class,
        ref=ref,
    )
    if html is not None:
        write_whole(html, history_html.render(found))
    else:
        typer.echo(history_document.to_json(found) if json else history_report.render(found), nl=not json)


@app.command()
def prune(
    window: Annotated[
        int | None, typer.Option("--window", min=1, help="Keep that many; default the configured window.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Remove stored baselines beyond the window from the work tree; anchors stay.

    Examples:

      govbench baseline prune --window 10
    """
    settings = settings_of({}, config)
    folder, keep = settings.baselines.folder, window or settings.baselines.window
    entries = baselines.list_entries(Path.cwd(), folder)
    removed: list[Path] = []
    for suite, machine_class in sorted({(e.suite, e.machine_class) for e in entries}):
        removed += baselines.prune(Path.cwd(), folder, suite, machine_class, window=keep)
    for path in removed:
        typer.echo(f"removed {_shown(path)}")
    Console(stderr=True, highlight=False).print(f"{len(removed)} removed, {len(entries) - len(removed)} kept")


def _shown(path: Path) -> str:
    path = path.absolute()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
