"""One result in the formats that were asked for: the terminal's, or documents on stdout or in files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from govbench.cli.options import Output
from govbench.errors import UsageError
from govbench.pipeline.documents import FILE_NAMES, render
from govbench.pipeline.folder import write_whole
from govbench.report import terminal
from govbench.results.comparison import Results, Verdict

HtmlOption = Annotated[bool, typer.Option("--html", help="The self-contained HTML page.")]
MarkdownOption = Annotated[bool, typer.Option("--markdown", help="Markdown, as for a pull request.")]
JunitOption = Annotated[bool, typer.Option("--junit", help="JUnit XML.")]
JsonOption = Annotated[bool, typer.Option("--json", help="results.json.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Every sample, one request a line.")]
ToOption = Annotated[
    Path | None,
    typer.Option(
        "--to", metavar="PATH", help="Write there instead: a file, or a folder for several formats."
    ),
]


def emit(
    results: Results,
    formats: list[str],
    *,
    to: Path | None,
    how: Output,
    fail_on: frozenset[Verdict],
    folder: Path | None = None,
) -> None:
    """Print or write the formats; without any, the terminal's.

    Raises:
        UsageError: several formats, and no folder to write them to.
        PublishError: a file cannot be written.
    """
    if not formats and to is None:
        typer.echo(terminal.render(results, folder=None, width=how.width, color=how.color))
        return
    texts = {name: render(results, name, fail_on=fail_on, folder=folder) for name in formats}
    emit_texts(texts, to=to)


def emit_texts(texts: dict[str, str], *, to: Path | None) -> None:
    """Print one document, or write one or several; the arguments are those of ``emit``."""
    if not texts:
        raise UsageError("--to needs a format", hint="add --html, --markdown, --junit, --json or --csv")
    if to is None:
        if len(texts) > 1:
            raise UsageError("several formats do not fit on one stdout", hint="name a folder with --to")
        typer.echo(next(iter(texts.values())), nl=False)
        return
    if len(texts) == 1 and not to.is_dir():
        write_whole(to, next(iter(texts.values())), option="--to")
        return
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{to}: cannot be made a folder: {error.strerror}", hint="name another one"
        ) from error
    for name, text in texts.items():
        write_whole(to / FILE_NAMES[name], text, option="--to")
