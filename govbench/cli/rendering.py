"""One result in the formats that were asked for: the terminal's, or documents on stdout or in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from govbench.cli.options import Output
from govbench.compare.conclude import conclude_results
from govbench.config.settings import Settings
from govbench.errors import ExitCode, UsageError
from govbench.pipeline.documents import FILE_NAMES, render
from govbench.pipeline.folder import write_where_named
from govbench.pipeline.run.command import Finished
from govbench.report.build import NOWHERE, Place, document_of
from govbench.report.layouts import markdown, terminal
from govbench.results.comparison import Results, Verdict
from govbench.results.conclusion import Conclusion

# Why a command ends with the code of a signal, whatever was measured until then.
STOPPED = "a signal ended it early"

HtmlOption = Annotated[bool, typer.Option("--html", help="The self-contained HTML page.")]
MarkdownOption = Annotated[bool, typer.Option("--markdown", help="Markdown, as for a pull request.")]
JunitOption = Annotated[bool, typer.Option("--junit", help="JUnit XML.")]
JsonOption = Annotated[bool, typer.Option("--json", help="results.json.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Every sample, one request a line.")]
MaxBytesOption = Annotated[
    int | None,
    typer.Option(
        "--max-bytes",
        metavar="N",
        min=markdown.LEAST_BYTES,
        help="With --markdown: no longer than that; what is left out is named. A comment holds 65,536.",
        show_default=False,
    ),
]
ToOption = Annotated[
    Path | None,
    typer.Option(
        "--to", metavar="PATH", help="Write there instead: a file, or a folder for several formats."
    ),
]


def show(
    results: Results,
    conclusion: Conclusion,
    how: Output,
    folder: Path | None,
    *,
    ends: tuple[ExitCode, str] | None = None,
) -> None:
    """Print the report of a terminal, the same after every command that measures or compares.

    ``folder`` holds the files of the run, where there are any. ``ends`` is what the command ends with and
    why, where that is not what the verdict comes to.
    """
    document = document_of(results, conclusion, _place(folder))
    if ends is not None:
        code, why = ends
        document = replace(document, closing=replace(document.closing, exit_code=code, exit_text=why))
    text = terminal.render(document, width=how.width, color=how.color, verbose=how.verbose, quiet=how.quiet)
    typer.echo(text, nl=False)


def end_with(finished: Finished, settings: Settings, how: Output) -> NoReturn:
    """Show what was measured, and end with the code of its verdict, or of the signal that cut it short.

    Raises:
        Interrupted: a signal did.
    """
    stopped = finished.interrupted
    conclusion = conclude_results(finished.results, settings.compare.fail_on)
    ends = None if stopped is None else (stopped.exit_code, STOPPED)
    show(finished.results, conclusion, how, finished.folder, ends=ends)
    if stopped is not None:
        raise stopped
    raise typer.Exit(conclusion.exit_code)


def shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _place(folder: Path | None) -> Place:
    """The page of a run; the folder itself where none was written."""
    if folder is None:
        return NOWHERE
    page = folder / FILE_NAMES["html"]
    return Place(page=shown(page)) if page.exists() else Place(folder=shown(folder))


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
        show(results, conclude_results(results, fail_on), how, folder)
        return
    texts = {
        name: render(results, name, fail_on=fail_on, folder=folder, place=_place(folder)) for name in formats
    }
    emit_texts(texts, to=to)


def one_markdown(
    runs: Sequence[tuple[Results, Path]], *, fail_on: frozenset[Verdict], max_bytes: int | None
) -> str:
    """Several runs, each with the folder that it lies in, in one text, as for one comment."""
    documents = [
        document_of(results, conclude_results(results, fail_on), _place(folder)) for results, folder in runs
    ]
    return markdown.render(documents, budget_bytes=max_bytes or markdown.SUMMARY_BYTES)


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
        write_where_named(to, next(iter(texts.values())), option="--to")
        return
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{to}: cannot be made a folder: {error.strerror}", hint="name another one"
        ) from error
    for name, text in texts.items():
        write_where_named(to / FILE_NAMES[name], text, option="--to")
