"""Names that have to fit: cut in the middle, and never two alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from govbench.report.widths import cropped, fitted, shortened

LEVELS = ["baseline", "concurrent_10", "concurrent_25", "concurrent_50", "concurrent_1000"]


@pytest.mark.parametrize(
    ("name", "width", "expected"),
    [
        ("concurrent_10", 13, "concurrent_10"),
        ("concurrent_10", 12, "concu…ent_10"),
        ("concurrent_10", 8, "con…t_10"),
        ("concurrent_10", 2, "…0"),
        ("concurrent_10", 1, "…"),
        ("", 3, ""),
    ],
)
def test_a_name_is_cut_in_the_middle(name: str, width: int, expected: str) -> None:
    assert shortened(name, width) == expected


@pytest.mark.parametrize("width", range(6, 20))
def test_levels_can_be_told_apart_in_any_column(width: int) -> None:
    found = fitted(LEVELS, width)

    assert list(found) == LEVELS
    assert len(set(found.values())) == len(LEVELS)
    assert all(len(short) <= width for short in found.values())
    assert found["concurrent_25"].endswith("25")


def test_what_no_cut_tells_apart_is_numbered() -> None:
    assert fitted(["aaaa1aaaa", "aaaa2aaaa"], 5) == {"aaaa1aaaa": "a…a#1", "aaaa2aaaa": "a…a#2"}


def test_what_fits_is_left_as_it_is() -> None:
    assert fitted(["GET /a", "GET /b"], 6) == {"GET /a": "GET /a", "GET /b": "GET /b"}


@given(st.text("ab 日\u202f-", max_size=60), st.integers(0, 20))
def test_cropped_is_a_beginning_that_fits(words: str, width: int) -> None:
    assert words.startswith(cropped(words, width))
    assert cell_len(cropped(words, width)) <= width


@given(st.lists(st.text("ab_1日", max_size=12), max_size=8), st.integers(4, 16))
def test_names_that_differ_stay_different(names: list[str], width: int) -> None:
    found = fitted(names, width)

    assert len(set(found.values())) == len(set(names))
    assert all(cell_len(short) <= width for short in found.values())
