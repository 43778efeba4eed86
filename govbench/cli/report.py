"""``govbench report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from govbench.cli import complete
from govbench.cli.options import (
    ConfigOption,
    NoColorOption,
    Output,
    OutputOption,
    QuietOption,
    VerboseOption,
    settings_of,
)
from govbench.cli.rendering import (
    CsvOption,
    HtmlOption,
    JsonOption,
    JunitOption,
    MarkdownOption,
    ToOption,
    emit,
    emit_texts,
)
from govbench.pipeline.documents import samples_csv
from govbench.pipeline.folder import latest_run
from govbench.results import codec


def command(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="Run folder or results.json; without it the latest run.",
            show_default=False,
            autocompletion=complete.runs,
        ),
    ] = None,
    html: HtmlOption = False,
    markdown: MarkdownOption = False,
    junit: JunitOption = False,
    json: JsonOption = False,
    csv: CsvOption = False,
    to: ToOption = None,
    output: OutputOption = None,
    config: ConfigOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Render a stored run again: HTML, markdown, JUnit, JSON or CSV.

    Examples:

      govbench report

      govbench report results/latest --html --to report.html

      govbench report --csv > samples.csv
    """
    how = Output(verbose=verbose, quiet=quiet, no_color=no_color)
    settings = settings_of({"output.folder": output}, config)
    path = run or latest_run(Path.cwd() / settings.output.folder)
    folder = path if path.is_dir() else path.parent
    asked = {"html": html, "markdown": markdown, "junit": junit, "json": json, "csv": csv}
    formats = [name for name, wanted in asked.items() if wanted]
    if formats == ["csv"]:  # all that a killed run may have left is its samples
        emit_texts({"csv": samples_csv(folder)}, to=to)
        return
    emit(codec.read(path), formats, to=to, how=how, fail_on=settings.compare.fail_on, folder=folder)
