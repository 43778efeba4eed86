"""Whether an event of a stream says the same as one before with other words. Does not know what it means."""

from __future__ import annotations

import re

_PLAIN = re.compile(rb"[ !#-\[\]-~]+")
# A raw quote cannot stand within a JSON string, so this is a key with its value and never a part of a text.
_TEXT = re.compile(rb'"(?:content|delta|token|text)": ?"([ !#-\[\]-~]+)"')
_MOST_TRIES = 3


class KnownPiece:
    """An event of a stream that adds a piece of text: others differ in just that text, and need no parsing.

    The text must be printable ASCII without quotes or backslashes, before and now: put in place of such text
    within a JSON string, it leaves the JSON as sound as it was, and the string no more empty than it was.
    """

    __slots__ = ("_before", "_behind", "_tries")

    def __init__(self) -> None:
        self._before = self._behind = b""
        self._tries = _MOST_TRIES

    def says_the_same(self, data: bytes) -> bool:
        """Whether an event is the known one with other text."""
        before, behind = self._before, self._behind
        return (
            bool(before)
            and data.startswith(before)
            and data.endswith(behind)
            and _PLAIN.fullmatch(data, len(before), len(data) - len(behind)) is not None
        )

    def learn(self, data: bytes) -> None:
        """Know this JSON object from now on; not often, for texts may be other than plain, or kinds many."""
        if not self._tries:
            return
        self._tries -= 1
        texts = list(_TEXT.finditer(data))
        if len(texts) == 1:
            self._before, self._behind = data[: texts[0].start(1)], data[texts[0].end(1) :]
