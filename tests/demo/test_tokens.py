from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.demo.assistant import split_answer
from govbench.demo.tokens import count_tokens


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("passport", 2), ("a tax, paid.", 5), ("größer", 1), ("   \n", 0)]
)
def test_token_rule(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


@given(st.lists(st.text(alphabet="abc.,", min_size=1), min_size=1).map(" ".join))
def test_pieces_are_the_answer(answer: str) -> None:
    pieces = split_answer(answer)
    assert "".join(pieces) == answer
    assert 1 <= len(pieces) <= 24
