"""Token counts by a simple documented rule; it is no vocabulary of a real language model."""

from __future__ import annotations

import re

# A word counts one token for every six characters begun, every other visible character counts one.
_TOKEN = re.compile(r"\w{1,6}|[^\w\s]")


def count_tokens(text: str) -> int:
    """Tokens of ``text``: one per six word characters begun, one per punctuation mark or symbol."""
    return sum(1 for _ in _TOKEN.finditer(text))
