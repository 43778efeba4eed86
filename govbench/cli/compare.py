"""``govbench compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from govbench.cli import complete
from govbench.cli.options import (
    ConfigOption,
    FailOnOption,
    GateFromOption,
    NoColorOption,
    Output,
    OutputOption,
    QuietOption,
    VerboseOption,
    notes_of,
    settings_of,
)
from govbench.cli.progress import ShownProgress
from govbench.cli.rendering import HtmlOption, JsonOption, JunitOption, MarkdownOption, ToOption, emit
from govbench.compare.acceptance import parse_acceptance
from govbench.compare.conclude import conclude
from govbench.pipeline.compare import compare


def command(
    baseline: Annotated[
        str | None,
        typer.Argument(
            help="Result file, run folder or baseline:REF; without it the committed baselines.",
            show_default=False,
            autocompletion=complete.compared,
        ),
    ] = None,
    candidate: Annotated[
        str | None,
        typer.Argument(
            help="Result file or run folder; without it the latest run.",
            show_default=False,
            autocompletion=complete.runs,
        ),
    ] = None,
    html: HtmlOption = False,
    markdown: MarkdownOption = False,
    junit: JunitOption = False,
    json: JsonOption = False,
    to: ToOption = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            "--accept",
            metavar="'METRIC REASON'",
            help="A regression that is meant: METRIC, TEST_TYPE/METRIC or all, and why. Repeatable.",
            show_default=False,
        ),
    ] = None,
    output: OutputOption = None,
    fail_on: FailOnOption = None,
    gate_from: GateFromOption = None,
    config: ConfigOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Compare two results, or the latest run with the baseline.

    Examples:

      govbench compare

      govbench compare results/A results/B

      govbench compare baseline:main --markdown

      govbench compare --accept "response_time_p50_ms answers are checked since"
    """
    how = Output(verbose=verbose, quiet=quiet, no_color=no_color)
    settings = settings_of({"output.folder": output, "compare.fail_on": fail_on}, config, gate_from)
    if verbose:
        progress = ShownProgress(how)
        for note in notes_of(settings):
            progress.note(note)
    acceptances = [parse_acceptance(text, source="--accept") for text in accept or ()]
    results = compare(baseline, candidate, settings, Path.cwd(), acceptances=acceptances)
    asked = {"html": html, "markdown": markdown, "junit": junit, "json": json}
    formats = [name for name, wanted in asked.items() if wanted]
    emit(results, formats, to=to, how=how, fail_on=settings.compare.fail_on)
    assert results.comparison is not None
    raise typer.Exit(conclude(results.comparison, settings.compare.fail_on).exit_code)
