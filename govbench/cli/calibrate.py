"""``govbench calibrate``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from govbench.cli.leave import ask_for_leave
from govbench.cli.options import (
    ApiOption,
    BodyOption,
    ConfigOption,
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
    TargetArgument,
    ThroughputOption,
    VerboseOption,
    YesOption,
    body_of,
    named,
    settings_of,
    typed,
)
from govbench.cli.progress import ShownProgress
from govbench.cli.rendering import shown
from govbench.compare.trial import MIN_ROUNDS
from govbench.config.load import environment
from govbench.config.rounds import round_load
from govbench.pipeline.ab.command import Call
from govbench.pipeline.calibrate import DEFAULT_ROUNDS, calibrate
from govbench.report import calibration as report


def command(
    target: TargetArgument = None,
    rounds: Annotated[
        int, typer.Option("--rounds", min=MIN_ROUNDS, help="Rounds of fresh instances.")
    ] = DEFAULT_ROUNDS,
    max_time: Annotated[
        str | None,
        typer.Option("--max-time", help="As many of the rounds as fit: 60, 60s, 5m; default no limit."),
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
    commit: Annotated[bool, typer.Option("--commit", help="Commit exactly the calibration file.")] = False,
    output: OutputOption = None,
    config: ConfigOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Measure the noise of this machine, one stack against itself, and what can be detected.

    The result lies beside the baselines of this class of machine; govbench ab, run and compare use it.

    Examples:

      govbench calibrate git:HEAD --commit

      govbench calibrate embedded --rounds 10

      govbench calibrate "command:python app.py --port {port}" --max-time 5m
    """
    how = Output(verbose=verbose, quiet=quiet, no_color=no_color)
    flags: dict[str, object] = {
        "target.form": named(target),
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
        "output.folder": output,
    }
    settings = settings_of(flags, config)
    form = settings.target.form
    with closing(ShownProgress(how)) as progress:
        for note in settings.notes:
            progress.note(note)
        phases = round_load(settings.load, settings.ab).phases(load_s=1.0, number=0)
        ask_for_leave([form], phases, assume_yes=settings.load.assume_yes)
        call = Call(
            base=form, head=form, settings=settings, environ=environment(), cwd=Path.cwd(), progress=progress
        )
        made = calibrate(
            call,
            rounds=rounds,
            max_time_s=None if max_time is None else settings.ab.max_time_s,
            commit=commit,
        )
    typer.echo(report.details(made.calibration))
    typer.echo(f"\nstored {shown(made.stored.path)}, the rounds in {shown(made.folder)}")
    if made.stored.commit_sha:
        typer.echo(f"committed {made.stored.commit_sha[:9]}")
    elif not commit:
        typer.echo("not committed: commit it yourself, or use --commit")
