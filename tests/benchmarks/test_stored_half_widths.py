"""What the benchmark of half widths makes of its figures, and its repository; no load is made."""

import importlib
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, which is a script and not installed."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    return importlib.import_module("stored_half_widths")


def rows(script: ModuleType, *widths: float, within: float = 0.01) -> list[Any]:
    return [
        script.Width(
            stored=n, test_type="concurrent", verdict="pass", half_width=width, within=within, change=0.0
        )
        for n, width in enumerate(widths, start=1)
    ]


def test_a_half_width_is_half_on_log_scale(script: ModuleType) -> None:
    assert script.half_width(math.expm1(-0.2), math.expm1(0.3)) == pytest.approx(math.expm1(0.25))


def test_widths_that_shrink_meet_the_bounds(script: ModuleType) -> None:
    assert [met for _, _, met in script.judged(rows(script, 0.26, 0.19, 0.195, 0.15))] == [True] * 3


@pytest.mark.parametrize(
    ("widths", "within", "met"),
    [
        ((0.31, 0.2), 0.01, [False, True, True]),
        ((0.26, 0.19, 0.21), 0.01, [True, False, True]),
        ((0.26, 0.19), 0.03, [True, True, False]),
    ],
)
def test_each_bound_is_missed_for_itself(
    script: ModuleType, widths: tuple[float, ...], within: float, met: list[bool]
) -> None:
    assert [each for _, _, each in script.judged(rows(script, *widths, within=within))] == met


def test_the_table_holds_every_width(script: ModuleType) -> None:
    text = script.table(rows(script, 0.26, 0.19))
    assert "26.0%" in text
    assert "| 2 " in text
    assert "met" in text


def test_a_repository_begins_with_no_run_made(script: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    script.begin(folder)
    assert script._made(folder) == 0
    script._commit(folder, "next")
    assert script._made(folder) == 1
