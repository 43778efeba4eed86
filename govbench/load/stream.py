"""Server-sent events cut out of a byte stream as it arrives. Does not know what the events mean."""

from __future__ import annotations

import re
from collections.abc import Callable

# An event ends at an empty line; lines end in LF, CRLF or CR (WHATWG HTML, "Server-sent events", 9.2.5).
_END_OF_EVENT = re.compile(rb"\r\n\r\n|\n\n|\r\r")
MAX_EVENT_BYTES = 1024 * 1024


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


def _data_of(event: bytes) -> bytes | None:
    lines = [line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None
