"""How samples get from a worker to its master: in numbered pieces, so that loss and repetition are seen.

The number of a piece is that of its first record. What a worker has sent stays in its own file, so a gap is
asked for again. A worker on the master's machine ships counts alone: its file lies in the run folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from govbench.files import naming
from govbench.load.recorder import Recorder
from govbench.results.run import Outcome
from govbench.results.samples import HEADER_BYTES, RECORD_BYTES, Kind, SamplesHeader, kinds_json

MAX_RECORDS: Final = 16_384
MAX_EVENT_BYTES: Final = 1 << 20

Piece = dict[str, Any]


class Shipper:
    """A worker's side: makes pieces of what it has recorded since the last one."""

    def __init__(self, recorder: Recorder, folder: Path, *, with_records: bool) -> None:
        self._recorder, self._folder, self._with_records = recorder, folder, with_records
        self._next = self._next_event = 0

    @property
    def is_complete(self) -> bool:
        """Whether everything recorded has been in a piece."""
        done = self._next == self._recorder.ended and self._next_event == self.event_bytes()
        return done or not self._with_records

    def rewind(self, record: int, event_byte: int) -> None:
        """Begin again where the master has a gap."""
        self._next, self._next_event = min(self._next, record), min(self._next_event, event_byte)

    def piece(self) -> Piece:
        """The counts as they are now, and the next records and stream events where they travel."""
        recorder = self._recorder
        finished = recorder.finished
        ok = finished[Outcome.OK]
        piece: Piece = {
            "counters": [recorder.offered, recorder.dropped, recorder.sent],
            "ok": ok,
            "failed": recorder.ended - ok - finished[Outcome.CANCELLED],
        }
        return piece | self._records() if self._with_records else piece

    def _records(self) -> Piece:
        count = min(self._recorder.ended - self._next, MAX_RECORDS)
        records = _read(
            self._folder / "samples", HEADER_BYTES + self._next * RECORD_BYTES, count * RECORD_BYTES
        )
        size = min(self.event_bytes() - self._next_event, MAX_EVENT_BYTES)
        events = _read(self._folder / "events", self._next_event, size)
        piece = {
            "first": self._next,
            "records": records,
            "first_event": self._next_event,
            "events": events,
            "names": self._recorder.names,
            "kinds": [tuple(kind) for kind in self._recorder.kinds],
        }
        self._next += count
        self._next_event += size
        return piece

    def event_bytes(self) -> int:
        """Length of the file of stream events; 0 where there is none."""
        try:
            return (self._folder / "events").stat().st_size
        except FileNotFoundError:
            return 0


def _read(path: Path, start: int, count: int) -> bytes:
    if not count:
        return b""
    with path.open("rb") as file:
        return os.pread(file.fileno(), count, start)


class Received:
    """The master's side: files what a remote worker ships in a folder like that of a local one.

    Raises:
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.records = self.event_bytes = 0
        self.repeated = 0
        self._folder = folder
        folder.mkdir()
        self._fd = os.open(folder / "samples", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        self._write_header((0, 0, 0))
        self._names: list[str] = []
        self._kinds: list[Kind] = []

    def take(self, piece: Mapping[str, Any]) -> bool:
        """Keep what is new in a piece; false where something before it is missing."""
        self._write_header(piece["counters"])
        names = [str(name) for name in piece["names"]]
        if len(names) > len(self._names):
            self._names = names
            (self._folder / "names.json").write_text(json.dumps(names), encoding="utf-8")
        kinds = [Kind(*kind) for kind in piece["kinds"]]
        if len(kinds) > len(self._kinds):
            self._kinds = kinds
            (self._folder / "kinds.json").write_text(kinds_json(kinds), encoding="utf-8")
        return self._take_records(piece) & self._take_events(piece)

    def _take_records(self, piece: Mapping[str, Any]) -> bool:
        data: bytes = piece["records"]
        known = self.records - int(piece["first"])
        if known < 0:
            return False
        self.repeated += min(known, len(data) // RECORD_BYTES)
        new = data[known * RECORD_BYTES :]
        with naming(self._folder / "samples"):
            os.pwrite(self._fd, new, HEADER_BYTES + self.records * RECORD_BYTES)
        self.records += len(new) // RECORD_BYTES
        return True

    def _take_events(self, piece: Mapping[str, Any]) -> bool:
        known = self.event_bytes - int(piece["first_event"])
        if known < 0:
            return False
        new = piece["events"][known:]
        if new:
            path = self._folder / "events"
            with naming(path), path.open("ab") as file:
                file.write(new)
            self.event_bytes += len(new)
        return True

    def _write_header(self, counters: Any) -> None:
        offered, dropped, sent = counters
        os.pwrite(self._fd, SamplesHeader(offered=offered, dropped=dropped, sent=sent).pack(), 0)

    def close(self) -> None:
        """Close the file; what came is in it."""
        os.close(self._fd)
