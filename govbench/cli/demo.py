"""``govbench demo``."""

from __future__ import annotations

from pathlib import Path

import typer

from govbench.cli.options import (
    NoColorOption,
    Output,
    OutputOption,
    QuietOption,
    SeedOption,
    VerboseOption,
    settings_of,
)
from govbench.cli.progress import ShownProgress
from govbench.cli.rendering import STOPPED, show
from govbench.compare.conclude import conclude_results
from govbench.config.load import environment
from govbench.errors import ExitCode
from govbench.pipeline.demo import demo


def command(
    output: OutputOption = None,
    seed: SeedOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Show the whole story on this machine: two stacks, one slower, one verdict.

    Boots the embedded GovStack API twice, the second slowed by 1.3; compares both in pairs of requests, as
    govbench ab does, for half a minute or so; writes every report, prints the verdict. Exits 0 when the
    verdict is the right one: a regression whose interval holds the factor of 1.3; else 3.

    Examples:

      govbench demo

      govbench demo --output /tmp/demo
    """
    how = Output(verbose=verbose, quiet=quiet, no_color=no_color)
    settings = settings_of({"target.form": "embedded", "output.folder": output, "load.seed": seed}, None)
    finished = demo(settings, environ=environment(), cwd=Path.cwd(), progress=ShownProgress(how))
    stopped = finished.interrupted
    code, why = ExitCode.OK if finished.proven else ExitCode.NOT_MEASURED, finished.sentence
    if stopped is not None:
        code, why = stopped.exit_code, STOPPED
    conclusion = conclude_results(finished.results, settings.compare.fail_on)
    show(finished.results, conclusion, how, finished.folder, ends=(code, why))
    if stopped is not None:
        raise stopped
    raise typer.Exit(code)
