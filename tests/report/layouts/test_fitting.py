from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from govbench.report.layouts.fitting import beside, flowed, hanging, wrapped

WIDTHS = st.integers(10, 60)
WORDS = st.text("ab 日\u202f-/", max_size=120)


@given(WORDS, WIDTHS)
def test_wrapped_loses_no_word_and_keeps_to_the_width(words: str, width: int) -> None:
    lines = wrapped(Text(words), width)
    assert all(cell_len(line.plain) <= width for line in lines)
    assert "".join("".join(line.plain for line in lines).split()) == "".join(words.split())


def test_a_grouped_number_is_not_broken() -> None:
    assert [line.plain for line in wrapped(Text("of 12\u202f345 requests"), 8)] == [
        "of",
        "12\u202f345",
        "requests",
    ]


@pytest.mark.parametrize(
    "words", ["25.2 ms", "8.05 %", "+1.50 pp", "107 req/s", "1.50 KiB", "[+42.4, +59.1]", "[818 ms, 1.25 s]"]
)
def test_a_number_keeps_its_unit_and_an_interval_its_ends(words: str) -> None:
    lines = wrapped(Text(f"a {words} b"), len(words) + 1)
    assert [line.plain for line in lines] == ["a", words, "b"]


def test_other_words_after_a_number_may_go_to_the_next_line() -> None:
    assert [line.plain for line in wrapped(Text("of 20 samples, 30 more"), 8)] == [
        "of 20",
        "samples,",
        "30 more",
    ]


def test_a_word_longer_than_a_line_is_folded() -> None:
    assert [line.plain for line in wrapped(Text("a/long/path/of/a/file"), 10)] == [
        "a/long/pat",
        "h/of/a/fil",
        "e",
    ]


def test_lines_hang_below_where_the_text_begins() -> None:
    lines = hanging(Text("note: "), Text("a few words that take two lines"), 25)
    assert [line.plain for line in lines] == ["note: a few words that", "      take two lines"]


def test_a_lead_without_room_beside_it_stands_alone() -> None:
    lines = hanging(Text("a lead as long as that: "), Text("words"), 24)
    assert [line.plain for line in lines] == ["a lead as long as that:", "words"]


def test_flowed_breaks_between_parts() -> None:
    parts = ["2 of 5 gated metrics regressed", "3 of 3 thresholds met", "0 of 503 failed"]
    assert flowed(parts, " · ", 40) == [
        "2 of 5 gated metrics regressed",
        "3 of 3 thresholds met · 0 of 503 failed",
    ]
    assert flowed(parts, " · ", 80) == [" · ".join(parts)]


def test_cells_of_several_lines_stand_beside_one_another() -> None:
    lines = beside([[Text("a"), Text("b")], [Text("1")]], [3, 4], right=[False, True])
    assert [line.plain for line in lines] == ["a       1", "b"]
