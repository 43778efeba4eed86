from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.cells import cell_len

from govbench.report import format as fmt
from govbench.report import terminal
from govbench.results.comparison import Results

FOLDER = "results/20260528T202640Z-3f9a"


@pytest.fixture(params=["results", "in_rounds", "run_only", "failed_run", "invalid", "passing"])
def document(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("width", [80, 120])
def test_golden(results: Results, golden: Callable[[str, str], None], width: int) -> None:
    golden(f"results.{width}.txt", terminal.render(results, folder=FOLDER, width=width))


def test_golden_without_a_comparison(run_only: Results, golden: Callable[[str, str], None]) -> None:
    golden("run_only.80.txt", terminal.render(run_only, folder=FOLDER))


def test_golden_of_a_failed_run(failed_run: Results, golden: Callable[[str, str], None]) -> None:
    golden("failed_run.80.txt", terminal.render(failed_run))


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_line_is_wider_than_asked(document: Results, width: int) -> None:
    assert all(cell_len(line) <= width for line in terminal.render(document, width=width).splitlines())


def test_the_verdict_comes_first(document: Results) -> None:
    first = " ".join(terminal.render(document, width=200).splitlines()[1].strip("│ ").split())
    assert first.endswith(fmt.headline(document))


def test_plain_text_has_no_escape_sequence_and_coloured_text_only_ours(document: Results) -> None:
    plain = terminal.render(document)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", plain)
    coloured = terminal.render(document, color=True)
    without = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert "\x1b[" in coloured
    assert [line.rstrip() for line in without.splitlines()] == plain.splitlines()


def test_the_environment_does_not_change_the_text(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = terminal.render(results)
    for name, value in (("COLUMNS", "40"), ("FORCE_COLOR", "1"), ("TERM", "dumb"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    assert terminal.render(results) == expected


def test_names_are_not_read_as_rich_markup(run_only: Results) -> None:
    text = terminal.render(run_only, folder="results/[bold]x[/bold] :smile:")
    assert "results/[bold]x[/bold] :smile:" in text


def test_no_finding_is_cut_at_80_columns(results: Results) -> None:
    assert results.comparison is not None
    text = terminal.render(results, width=80)
    assert "…" not in text
    assert all(fmt.change(finding.change) in text for finding in results.comparison.findings)
