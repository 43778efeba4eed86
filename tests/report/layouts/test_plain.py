from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.report.layouts.plain import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain  words", "plain  words"),
        ("12\u202f345 requests", "12\u202f345 requests"),
        ("a\x07b\u202ec\x00", "abc"),
        ("two\nlines", "two lines"),
    ],
)
def test_only_words_are_left(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_nothing_that_moves_a_cursor_or_breaks_xml_is_left(text: str) -> None:
    assert printable(text).replace("\u202f", "").isprintable()


def test_lines_keep_their_indentation() -> None:
    assert printable_lines("Traceback:\n\tFile \x07x.py\r\n  end  ") == [
        "Traceback:",
        "    File x.py",
        "  end",
    ]
