"""Heads of answers that were parsed before, for the same bytes mean the same again. Parses nothing itself.

Servers repeat themselves to the letter, but for the second in ``Date`` and the length of the body; to parse a
head costs several times as much as to look it up.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from govbench.load.exchange import Exchange

MAX_HEADS: Final = 256
MAX_HEAD_BYTES: Final = 2_048

_END: Final = b"\r\n\r\n"


class Head(NamedTuple):
    """What the parser made of a head, and how long the body was that it announced."""

    status: int
    headers: list[tuple[bytes, bytes]]
    content_encoding: bytes | None
    body_bytes: int


class KnownHeads:
    """The heads that all connections of a run have met lately.

    Where they hardly ever repeat, as with a request's id in them, it is not tried for long.
    """

    __slots__ = ("_found", "_heads", "_is_of_use")

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}
        self._found = 0
        self._is_of_use = True

    def take(self, data: bytes, current: Exchange) -> bool:
        """Fill ``current`` from ``data``, where that is just one whole answer whose head is known."""
        end = data.find(_END) + len(_END)
        head = self._heads.get(data[:end])
        if head is None or head.body_bytes != len(data) - end:
            return False
        self._found += 1
        current.status, current.headers, current.content_encoding, current.response_bytes = head
        current.body_parts.append(data[end:])
        return True

    def learn(self, data: bytes, answer: Exchange) -> None:
        """Remember the head of ``data``, a whole answer that leaves its connection open, as it was parsed.

        Not one of chunks or with more before or behind: its body is not just what follows the head. Nor one
        with cookies, which are new each time.
        """
        end = data.find(_END) + len(_END)
        is_plain = answer.response_bytes == len(data) - end and not answer.set_cookies
        if not (is_plain and self._is_of_use and end <= MAX_HEAD_BYTES):
            return
        if len(self._heads) == MAX_HEADS:
            self._is_of_use = self._found > MAX_HEADS
            self._found = 0
            self._heads.clear()
        self._heads[data[:end]] = Head(
            answer.status, answer.headers, answer.content_encoding, answer.response_bytes
        )
