"""``govbench ab``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from govbench.cli import complete
from govbench.cli.leave import ask_for_leave
from govbench.cli.options import (
    ApiOption,
    BodyOption,
    ConfigOption,
    FailOnOption,
    GateFromOption,
    HeaderOption,
    MethodOption,
    NoColorOption,
    Output,
    OutputOption,
    PairedLevelsOption,
    PairedTestTypesOption,
    PairedUsersOption,
    QuietOption,
    RoundOption,
    SeedOption,
    StreamOption,
    ThroughputOption,
    VerboseOption,
    YesOption,
    body_of,
    notes_of,
    settings_of,
    typed,
)
from govbench.cli.progress import ShownProgress
from govbench.cli.rendering import end_with
from govbench.config.load import environment
from govbench.config.rounds import round_load
from govbench.pipeline.ab.command import Call, ab


def command(
    base: Annotated[
        str,
        typer.Option(
            "--base",
            metavar="TARGET",
            help="The stack to compare with: git:main, a URL, command:CMD.",
            autocompletion=complete.targets,
        ),
    ],
    head: Annotated[
        str,
        typer.Option(
            "--head",
            metavar="TARGET",
            help="The stack under judgement; same forms as --base.",
            autocompletion=complete.targets,
        ),
    ],
    max_time: Annotated[
        str | None,
        typer.Option("--max-time", "--duration", help="Load and boots together: 60, 60s, 5m; default 2m."),
    ] = None,
    round_: RoundOption = None,
    users: PairedUsersOption = None,
    levels: PairedLevelsOption = None,
    test_types: PairedTestTypesOption = None,
    throughput: ThroughputOption = None,
    api: ApiOption = None,
    method: MethodOption = None,
    body: BodyOption = None,
    header: HeaderOption = None,
    stream: StreamOption = None,
    seed: SeedOption = None,
    yes: YesOption = False,
    output: OutputOption = None,
    fail_on: FailOnOption = None,
    gate_from: GateFromOption = None,
    config: ConfigOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Compare two stacks on this machine, in pairs of requests.

    Every question goes to both sides, in rounds of freshly started instances, until every gated metric is
    decided or the time is used up. A change is reported only when fresh rounds confirm it.

    Examples:

      govbench ab --base git:main --head git:HEAD

      govbench ab --base embedded --head embedded:slowdown=1.05 --max-time 60s

      govbench ab --base http://127.0.0.1:8001 --head http://127.0.0.1:8002
    """
    how = Output(verbose=verbose, quiet=quiet, no_color=no_color)
    flags: dict[str, object] = {
        "ab.max_time_s": typed("--max-time", max_time),
        "ab.round_s": typed("--round", round_),
        "ab.users": typed("--users", users),
        "ab.levels": typed("--levels", levels),
        "ab.throughput_rps": typed("--throughput", throughput),
        "load.test_types": test_types,
        "load.seed": seed,
        "target.api": api,
        "target.headers": header or None,
        "target.stream": stream,
        "target.http.method": method,
        "target.http.body": body_of(body),
        "load.assume_yes": yes or None,
        "compare.fail_on": fail_on,
        "output.folder": output,
    }
    settings = settings_of(flags, config, gate_from)
    with closing(ShownProgress(how)) as progress:
        for note in notes_of(settings):
            progress.note(note)
        phases = round_load(settings.load, settings.ab).phases(load_s=1.0, number=0)
        ask_for_leave([base, head], phases, assume_yes=settings.load.assume_yes)
        call = Call(
            base=base, head=head, settings=settings, environ=environment(), cwd=Path.cwd(), progress=progress
        )
        finished = ab(call)
    end_with(finished, settings, how)
