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
    MaxBytesOption,
    ToOption,
    emit,
    emit_texts,
    one_markdown,
)
from govbench.errors import UsageError
from govbench.pipeline.documents import samples_csv
from govbench.pipeline.folder import latest_run
from govbench.results import codec


def command(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Run folder or results.json; without it the latest run. Several make one --markdown.",
            show_default=False,
            autocompletion=complete.runs,
        ),
    ] = None,
    html: HtmlOption = False,
    markdown: MarkdownOption = False,
    junit: JunitOption = False,
    json: JsonOption = False,
    csv: CsvOption = False,
    max_bytes: MaxBytesOption = None,
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

      govbench report results/chat results/search --markdown --max-bytes 65000
    """
    how = Output(verbose=verbose, quiet=quiet, no_color=no_color)
    settings = settings_of({"output.folder": output}, config)
    paths = runs or [latest_run(Path.cwd() / settings.output.folder)]
    asked = {"html": html, "markdown": markdown, "junit": junit, "json": json, "csv": csv}
    formats = [name for name, wanted in asked.items() if wanted]
    fail_on = settings.compare.fail_on
    if len(paths) > 1 or max_bytes is not None:
        if formats != ["markdown"]:
            raise UsageError(
                "several runs in one report, and --max-bytes, are for Markdown", hint="add --markdown alone"
            )
        read = [(codec.read(path), folder_of(path)) for path in paths]
        emit_texts({"markdown": one_markdown(read, fail_on=fail_on, max_bytes=max_bytes)}, to=to)
        return
    (path,) = paths
    if formats == ["csv"]:  # all that a killed run may have left is its samples
        emit_texts({"csv": samples_csv(folder_of(path))}, to=to)
        return
    emit(codec.read(path), formats, to=to, how=how, fail_on=fail_on, folder=folder_of(path))


def folder_of(path: Path) -> Path:
    """The folder of a run that is named by itself or by a file in it."""
    return path if path.is_dir() else path.parent
