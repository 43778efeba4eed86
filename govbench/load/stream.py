"""Server-sent events cut out of a byte stream as it arrives. Does not know what the events mean.

But it sees whether an event says the same as one before with other words (``KnownPiece``).
"""

from __future__ import annotations

import re
from collections.abc import Callable

# An event ends at an empty line; lines end in LF, CRLF or CR (WHATWG HTML, "Server-sent events", 9.2.5).
_END_OF_EVENT = re.compile(rb"\r\n\r\n|\n\n|\r\r")
MAX_EVENT_BYTES = 1024 * 1024

_PLAIN = re.compile(rb"[ !#-\[\]-~]+")
# A raw quote cannot stand within a JSON string, so this is a key with its value and never a part of a text.
_TEXT = re.compile(rb'"(?:content|delta|token|text)": ?"([ !#-\[\]-~]+)"')
_MOST_TRIES = 3


class EventStream:
    """Feeds the data of each whole event to ``on_event`` together with the arrival of its last byte."""

    def __init__(self, on_event: Callable[[bytes, int], None]) -> None:
        self._on_event = on_event
        self._rest = b""

    @property
    def is_amid_an_event(self) -> bool:
        """Whether the bytes so far end within the data of an event; a comment does not count."""
        return _data_of(self._rest) is not None

    def feed(self, data: bytes, at_ns: int) -> None:
        """Take the next bytes, which arrived at ``at_ns`` (Unix ns).

        Raises:
            ValueError: an event is larger than any sane one.
        """
        if (
            not self._rest
            and data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and data.find(b"\n") == len(data) - 2
        ):
            self._on_event(data[6:-2], at_ns)  # nearly always a piece is just one event of one line
            return
        *whole, self._rest = _END_OF_EVENT.split(self._rest + data)
        if len(self._rest) > MAX_EVENT_BYTES:
            raise ValueError("a streamed event is beyond the limit")
        for event in whole:
            content = _data_of(event)
            if content is not None:
                self._on_event(content, at_ns)


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


def _data_of(event: bytes) -> bytes | None:
    lines = [line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None
