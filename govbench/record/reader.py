"""The samples of a run as one table of columns. Knows the layout, not what the numbers are good for.

Files are mapped, not read: what a table holds in memory is which records belong to it, four bytes each, and a
column is fetched when it is asked for. So a run of many millions of requests is summarised in little memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from govbench.record.part import CHUNK, CODES, Part, Places, open_part, translated
from govbench.results.run import Outcome
from govbench.results.samples import (
    CODE_OF,
    FLAG_NAMES,
    NO_KIND,
    NO_TOKENS,
    OUTCOME_CODES,
    TYPES,
    Kind,
    SamplesHeader,
)
from govbench.stats import FloatArray

BoolArray = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.uint32]


@dataclass(frozen=True, kw_only=True)
class SampleTable:
    """Records of a run, one per request, in the order in which the requests ended.

    ``rows`` says which of the records of all ``parts``, numbered through, belong to the table. ``names`` and
    ``kinds`` belong to the columns ``name`` and ``kind``.
    """

    header: SamplesHeader
    parts: tuple[Part, ...]
    rows: Rows
    names: tuple[str, ...]
    kinds: tuple[Kind, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """The number of the first record of each part, and one beyond the last."""
        return np.cumsum([0, *(len(part.records) for part in self.parts)], dtype=np.int64)

    def column(self, name: str) -> npt.NDArray[Any]:
        """A column as it is stored; see ``results/samples.py`` for what stands for "not measured"."""
        found: npt.NDArray[Any] = np.empty(len(self.rows), dtype=TYPES[CODES[name]])
        for start in range(0, len(self.rows), CHUNK):
            rows = self.rows[start : start + CHUNK]
            found[start : start + CHUNK] = self._fetched(name, rows)
        return found

    def _fetched(self, name: str, rows: Rows) -> npt.NDArray[Any]:
        if len(self.parts) == 1:
            return self.parts[0].values(name, rows)
        found: npt.NDArray[Any] = np.empty(len(rows), dtype=TYPES[CODES[name]])
        part_of = np.searchsorted(self.starts, rows, side="right") - 1
        for which in np.unique(part_of).tolist():
            mine = part_of == which
            found[mine] = self.parts[which].values(name, rows[mine] - self.starts[which])
        return found

    def has(self, name: str) -> bool:
        """Whether the column was measured at all: older layouts lack some."""
        if name == "kind":
            return bool(self.kinds)
        return all(part.has(name) for part in self.parts)

    def flag(self, name: str) -> BoolArray | None:
        """Of which requests a flag says that it is so; None where the files do not tell it."""
        if not all(name in part.flags for part in self.parts):
            return None
        bit = 1 << FLAG_NAMES.index(name)
        told: BoolArray = self.column("flags") & np.uint8(bit) != 0
        return told

    @property
    def kernel_clock(self) -> BoolArray:
        """Whose times are the kernel's; of the others they are those at which the program saw an answer."""
        told = self.flag("kernel_clock")
        return np.zeros(len(self), dtype=np.bool_) if told is None else told

    def where(self, mask: BoolArray) -> SampleTable:
        """The records that ``mask`` selects."""
        return replace(self, rows=self.rows[mask])

    def take(self, places: Places) -> SampleTable:
        """The records at these places, in this order."""
        return replace(self, rows=self.rows[places])

    def by_phase(self) -> Callable[..., SampleTable]:
        """Gives the records of a phase, or of one of its sides, from one order of all of them."""
        key = self.column("phase").astype(np.uint16) << 8 | self.column("side")
        order = np.argsort(key, kind="stable").astype(np.uint32)
        edges = np.searchsorted(key[order], np.arange(0x1_0001))
        del key

        def of(phase: int, side: int | None = None) -> SampleTable:
            first = phase << 8 | (side or 0)
            beyond = first + 1 if side is not None else phase + 1 << 8
            return self.take(order[edges[first] : edges[beyond]])

        return of

    @property
    def due_s(self) -> FloatArray:
        """Intended start, Unix seconds."""
        due: FloatArray = self.column("due_ns") / 1e9
        return due

    @property
    def end_s(self) -> FloatArray:
        """Arrival of the last byte (or failure), Unix seconds."""
        end = self.response_time_ms
        end /= 1e3
        end += self.due_s
        return end

    @property
    def response_time_ms(self) -> FloatArray:
        """From the intended start to the last byte."""
        return self.since_due_ms("last_byte_ms")

    def since_due_ms(self, name: str) -> FloatArray:
        """A column that counts from the send instant, counted from the intended start instead."""
        since: FloatArray = self.column("send_delay_ms").astype(np.float64)
        since += self.column(name)
        return since

    def tokens(self, name: str) -> FloatArray:
        """A column of tokens, NaN where the target did not report them."""
        stored = self.column(name)
        counts: FloatArray = stored.astype(np.float64)
        counts[stored == NO_TOKENS] = np.nan
        return counts

    def is_outcome(self, *outcomes: Outcome) -> BoolArray:
        """Which records ended in one of these ways."""
        wanted = np.zeros(len(OUTCOME_CODES), dtype=np.bool_)
        wanted[[CODE_OF[outcome] for outcome in outcomes]] = True
        found: BoolArray = wanted[self.column("outcome")]
        return found

    @property
    def ok(self) -> BoolArray:
        """Which requests were answered as they should be."""
        return self.is_outcome(Outcome.OK)

    @property
    def failed(self) -> BoolArray:
        """Which requests failed; cancelled ones did not, they are unknown."""
        return ~self.is_outcome(Outcome.OK, Outcome.CANCELLED)

    def events(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """The streamed events of these records: whose each is, by its place in the table, and when (ms).

        Events of a record stand together and in order of time.
        """
        if not any(len(part.events) for part in self.parts):
            return np.empty(0, np.int32), np.empty(0, np.float32)
        place_of_row = np.full(int(self.starts[-1]), -1, dtype=np.int32)
        place_of_row[self.rows] = np.arange(len(self), dtype=np.int32)
        places, times = [], []
        for first, part in zip(self.starts.tolist(), self.parts, strict=False):
            mine = place_of_row[first : first + len(part.records)]
            for start in range(0, len(part.events), CHUNK):
                events = part.events[start : start + CHUNK]
                rows = events["sample"]
                known = rows < len(mine)
                place = mine[rows[known]]
                places.append(place[place >= 0])
                times.append(events["ms"][known][place >= 0])
        return np.concatenate(places), np.concatenate(times)


def read_samples(folder: Path) -> SampleTable:
    """Read the samples of a run folder; a file of a killed process is read up to its last whole record.

    Where workers shared the load, or a comparison had rounds, each has a folder of its own in it, and their
    samples become one table, in which no two rounds share a session.

    Raises:
        ResultsError: there is no such file, or it is none of ours.
    """
    if (folder / "samples").exists():
        return _read_file(folder / "samples")
    rounds = [read_samples(part) for part in sorted(folder.glob("round-*")) if _has_samples(part)]
    if rounds:
        return _merged(rounds, share_sessions=False)
    workers = [_read_file(path) for path in sorted(folder.glob("worker-*/samples"))]
    return _merged(workers, share_sessions=True) if workers else _read_file(folder / "samples")


def _has_samples(folder: Path) -> bool:
    """Whether the load of a round came as far as its first record."""
    return (folder / "samples").exists() or any(folder.glob("worker-*/samples"))


def _read_file(path: Path) -> SampleTable:
    found = open_part(path)
    return SampleTable(
        header=found.header, parts=(found.part,), rows=found.rows, names=found.names, kinds=found.kinds
    )


def _merged(tables: list[SampleTable], *, share_sessions: bool) -> SampleTable:
    """The samples of all workers or rounds in the order in which they ended.

    Workers bear other numbers of users and sessions; those of rounds begin anew in each.
    """
    names = tuple(dict.fromkeys(name for table in tables for name in table.names))
    kinds = tuple(dict.fromkeys(kind for table in tables for kind in table.kinds))
    parts: list[Part] = []
    rows: list[Rows] = []
    base = first_session = 0
    for table in tables:
        of_names = _numbers(table.names, names)
        of_kinds = _numbers(table.kinds, kinds)
        rows.append(table.rows + np.uint32(base))
        base += int(table.starts[-1])
        parts += [
            replace(
                part,
                names=translated(part.names, of_names, beyond=None),
                kinds=translated(part.kinds, of_kinds, beyond=NO_KIND),
                first_session=first_session,
            )
            for part in table.parts
        ]
        if not share_sessions:
            first_session += max((part.sessions for part in table.parts), default=0)
    merged = SampleTable(
        header=_sum([table.header for table in tables]),
        parts=tuple(parts),
        rows=np.concatenate(rows),
        names=names,
        kinds=kinds,
    )
    del rows
    return merged.take(np.argsort(merged.end_s, kind="stable"))


def _numbers(own: Sequence[object], shared: Sequence[object]) -> npt.NDArray[np.uint16]:
    """The number in ``shared`` of each of ``own``."""
    number_of = {each: number for number, each in enumerate(shared)}
    return np.array([number_of[each] for each in own], dtype=np.uint16)


def _sum(headers: list[SamplesHeader]) -> SamplesHeader:
    return replace(
        headers[0],
        offered=sum(header.offered for header in headers),
        dropped=sum(header.dropped for header in headers),
        sent=sum(header.sent for header in headers),
    )
