from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from govbench.compare.compare import without_baseline
from govbench.config.settings import CompareConfig
from govbench.errors import PublishError, ResultsError
from govbench.pipeline.documents import BESIDE, FILE_NAMES, FORMATS, render, write_documents
from govbench.results import codec
from govbench.results.comparison import Results, Verdict
from govbench.results.run import RunSummary

FAIL_ON = frozenset({Verdict.REGRESSION, Verdict.INVALID})


@pytest.fixture
def results(summary: RunSummary) -> Results:
    comparison = without_baseline(summary, "no baseline here", CompareConfig())
    return Results(summary=summary, comparison=comparison)


def test_everything_that_a_run_leaves(results: Results, tmp_path: Path) -> None:
    write_documents(results, tmp_path, fail_on=FAIL_ON)

    assert {path.name for path in tmp_path.iterdir()} == {
        "results.json",
        "environment.json",
        "report.html",
        "report.md",
        "junit.xml",
        "scalability_test_results_20260131_093000.json",
        "performance_metrics_20260131_093000.json",
        "token_usage_20260131_093000.json",
    }
    assert codec.read(tmp_path) == results
    assert json.loads((tmp_path / "environment.json").read_text())["environment"]["cores"] == 2
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().tag == "testsuites"
    summary = (tmp_path / "report.md").read_text()
    assert summary.startswith("### ⚪ default: first measurement on")
    assert summary.endswith("\nreport: `report.html`\n")
    assert "report.html" not in (tmp_path / "report.html").read_text()


def test_file_names_carry_universal_time(results: Results, tmp_path: Path) -> None:
    run = replace(results.summary.run, started_at="2026-01-31T23:30:00-02:00")

    write_documents(replace(results, summary=replace(results.summary, run=run)), tmp_path, fail_on=FAIL_ON)

    assert (tmp_path / "token_usage_20260201_013000.json").exists()


def test_results_stay_when_the_rest_cannot_be_written(results: Results, tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()

    with pytest.raises(PublishError, match=r"report\.html"):
        write_documents(results, tmp_path, fail_on=FAIL_ON)

    assert codec.read(tmp_path) == results


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "csv"])
def test_a_stored_run_renders_as_it_did(results: Results, tmp_path: Path, name: str) -> None:
    write_documents(results, tmp_path, fail_on=FAIL_ON)

    again = render(codec.read(tmp_path), name, fail_on=FAIL_ON, folder=tmp_path, place=BESIDE)

    assert again == (tmp_path / FILE_NAMES[name]).read_text()


def test_csv_without_samples(results: Results, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="samples: no such file"):
        render(results, "csv", fail_on=FAIL_ON, folder=tmp_path)
