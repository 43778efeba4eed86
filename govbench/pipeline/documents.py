"""Writes the documents of a run folder from its results, and renders a stored run again."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

from govbench.compare.conclude import conclude_results
from govbench.pipeline.folder import write_whole
from govbench.record.reader import read_samples
from govbench.record.rows import CSV_COLUMNS, sample_rows
from govbench.report import json_files
from govbench.report.build import NOWHERE, Place, document_of
from govbench.report.layouts import html, junit, markdown
from govbench.results import codec
from govbench.results.comparison import Results, Verdict

FORMATS = ("json", "html", "markdown", "junit", "csv")
FILE_NAMES = {
    "json": "results.json",
    "html": "report.html",
    "markdown": "report.md",
    "junit": "junit.xml",
    "csv": "samples.csv",
}

# Where the page is for whoever reads another document of the same folder.
BESIDE = Place(page=FILE_NAMES["html"])


def write_documents(results: Results, folder: Path, *, fail_on: frozenset[Verdict]) -> None:
    """Write everything that a finished run leaves; ``results.json`` first, for all else follows from it.

    Raises:
        PublishError: a file cannot be written; those before it are whole.
    """
    for name in ("json", "html", "markdown", "junit"):
        write_whole(folder / FILE_NAMES[name], render(results, name, fail_on=fail_on, place=BESIDE))
    summary = results.summary
    write_whole(folder / "environment.json", codec.environment_json(summary.environment, summary.provenance))
    started = datetime.fromisoformat(summary.run.started_at).astimezone(UTC)
    for name, text in json_files.suite_files(results, stamp=f"{started:%Y%m%d_%H%M%S}").items():
        write_whole(folder / name, text)


def render(
    results: Results,
    name: str,
    *,
    fail_on: frozenset[Verdict],
    folder: Path | None = None,
    place: Place = NOWHERE,
) -> str:
    """One format of a run as text; ``csv`` reads the samples in ``folder``.

    ``place`` is where the reader of the text finds the page, which is not told where it is itself.

    Raises:
        ResultsError: the samples are missing or cannot be read.
    """
    if name == "json":
        return codec.to_json(results)
    if name == "csv":
        return samples_csv(folder or Path())
    conclusion = conclude_results(results, fail_on)
    if name == "html":
        return html.render(document_of(results, conclusion))
    document = document_of(results, conclusion, place)
    return markdown.render([document]) if name == "markdown" else junit.render(document)


def samples_csv(folder: Path) -> str:
    """All samples of a run folder as CSV, one request a line, empty where not measured."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sample_rows(read_samples(folder)))
    return text.getvalue()
