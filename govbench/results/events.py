"""Server-sent events cut out of a byte stream as it arrives. Does not know what the events mean.

By the grammar of WHATWG HTML, "Server-sent events", 9.2.5 and 9.2.6: lines end in LF, CRLF or CR, also mixed;
one byte order mark may lead; an empty line ends an event.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

OnEvent = Callable[[bytes, int, bytes], None]

MAX_EVENT_BYTES: Final = 1024 * 1024
DONE_MARK: Final = b"[DONE]"

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class EventStream:
    """Feeds each whole event to ``on_event``: its data, the arrival of its last byte, its name or nothing."""

    __slots__ = ("_data", "_name", "_on_event", "_rest", "_size", "_skips_lf", "_started")

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._rest = b""  # of a line
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0
        self._skips_lf = self._started = False

    @property
    def is_amid_an_event(self) -> bool:
        """Whether the bytes so far end within the data of an event; a comment does not count."""
        return bool(self._data) or self._rest.startswith(b"data:")

    def feed(self, data: bytes, at_ns: int) -> None:
        """Take the next bytes, which arrived at ``at_ns`` (Unix ns).

        Raises:
            ValueError: an event is larger than any sane one.
        """
        if (
            not (self._rest or self._data or self._name)
            and data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and data.find(b"\n") == len(data) - 2
            and data.find(b"\r") < 0
        ):
            self._started, self._skips_lf = True, False
            self._on_event(data[6:-2], at_ns, b"")  # nearly always a piece is just one event of one line
            return
        if self._skips_lf:
            self._skips_lf = not data
            data = data.removeprefix(b"\n")
        if not data:
            return
        self._skips_lf = data.endswith(b"\r")
        *lines, self._rest = _LINE_END.split(self._rest + data)
        for line in lines:
            self._take(line, at_ns)
        if self._size + len(self._rest) > MAX_EVENT_BYTES:
            raise ValueError("a streamed event is beyond the limit")

    def end(self, at_ns: int) -> None:
        """Nothing more will come: an end mark needs no empty line behind it; any other event does."""
        if self._rest in (b"data:" + DONE_MARK, b"data: " + DONE_MARK):
            self._take(self._rest, at_ns)
            self._rest = b""
        if self._data == [DONE_MARK] and not self._rest:
            self._take(b"", at_ns)

    def _take(self, line: bytes, at_ns: int) -> None:
        if not self._started:
            self._started = True
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            if self._data:
                data, name = b"\n".join(self._data), self._name
                self._data, self._name, self._size = [], b"", 0
                self._on_event(data, at_ns, name)
            self._name = b""
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._size += len(value) + 1
        elif field == b"event":
            self._name = value
