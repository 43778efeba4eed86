"""Reads ``samples`` files into columns. Knows the layout, not what the numbers are good for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from govbench.errors import ResultsError
from govbench.results.run import Outcome
from govbench.results.samples import (
    CODE_OF,
    FIELDS,
    HEADER_BYTES,
    NO_TOKENS,
    OUTCOME_CODES,
    RECORD_BYTES,
    SamplesHeader,
)
from govbench.stats import FloatArray

_NUMPY_CODE = {"q": "<i8", "f": "<f4", "I": "<u4", "e": "<f2", "H": "<u2", "B": "u1"}
DTYPE = np.dtype([(name, _NUMPY_CODE[code]) for name, code, _ in FIELDS])

EVENT_DTYPE = np.dtype([("sample", "<u4"), ("ms", "<f4")])

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTable:
    """All records of a run, one per request, in the order in which the requests ended.

    ``records`` is a structured array of ``DTYPE``; ``names`` belongs to its ``name`` column. ``rows`` holds
    the number of each record in the file, which the streamed ``events`` (of ``EVENT_DTYPE``, those of a
    record together and in order of time) refer to.
    """

    header: SamplesHeader
    records: npt.NDArray[np.void]
    names: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    events: npt.NDArray[np.void]

    def __len__(self) -> int:
        return len(self.records)

    def column(self, name: str) -> npt.NDArray[Any]:
        """A column as it is stored."""
        column: npt.NDArray[Any] = self.records[name]
        return column

    def where(self, mask: BoolArray) -> SampleTable:
        """The records that ``mask`` selects."""
        return replace(self, records=self.records[mask], rows=self.rows[mask])

    @property
    def due_s(self) -> FloatArray:
        """Intended start, Unix seconds."""
        due: FloatArray = self.column("due_ns") / 1e9
        return due

    @property
    def end_s(self) -> FloatArray:
        """Arrival of the last byte (or failure), Unix seconds."""
        return self.due_s + self.response_time_ms / 1e3

    @property
    def response_time_ms(self) -> FloatArray:
        """From the intended start to the last byte."""
        return self.since_due_ms("last_byte_ms")

    def since_due_ms(self, name: str) -> FloatArray:
        """A column that counts from the send instant, counted from the intended start instead."""
        since: FloatArray = self.column("send_delay_ms").astype(np.float64) + self.column(name)
        return since

    def is_outcome(self, *outcomes: Outcome) -> BoolArray:
        """Which records ended in one of these ways."""
        return np.isin(self.records["outcome"], [CODE_OF[outcome] for outcome in outcomes])

    @property
    def ok(self) -> BoolArray:
        """Which requests were answered as they should be."""
        return self.is_outcome(Outcome.OK)

    @property
    def failed(self) -> BoolArray:
        """Which requests failed; cancelled ones did not, they are unknown."""
        return ~self.is_outcome(Outcome.OK, Outcome.CANCELLED)


def read_samples(folder: Path) -> SampleTable:
    """Read the samples of a run folder; a file of a killed process is read up to its last whole record.

    Where workers shared the load, or a comparison had rounds, each has a folder of its own in it, and their
    samples become one table.

    Raises:
        ResultsError: there is no such file, or it is none of ours.
    """
    if (folder / "samples").exists():
        return _read_file(folder / "samples")
    parts = [read_samples(part) for part in sorted(folder.glob("round-*")) if _has_samples(part)]
    parts = parts or [_read_file(path) for path in sorted(folder.glob("worker-*/samples"))]
    return _merged(parts) if parts else _read_file(folder / "samples")


def _has_samples(folder: Path) -> bool:
    """Whether the load of a round came as far as its first record."""
    return (folder / "samples").exists() or any(folder.glob("worker-*/samples"))


def _read_file(path: Path) -> SampleTable:
    try:
        with path.open("rb") as file:
            header = SamplesHeader.unpack(file.read(HEADER_BYTES))
        count = (path.stat().st_size - HEADER_BYTES) // RECORD_BYTES
        records: npt.NDArray[np.void] = np.empty(0, dtype=DTYPE)
        if count:
            records = np.memmap(path, dtype=DTYPE, mode="r", offset=HEADER_BYTES, shape=(count,))
    except FileNotFoundError as error:
        raise ResultsError(f"{path}: no such file", hint="the run did not get as far as its load") from error
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: {error}") from error
    if len(records) and records["outcome"].max() >= len(OUTCOME_CODES):
        raise ResultsError(f"{path}: holds outcomes that this govbench does not know")
    rows = np.flatnonzero(records["outcome"] != 0)
    if len(rows) < len(records):
        records = records[rows]
    return SampleTable(
        header=header,
        records=records,
        names=_read_names(path.parent),
        rows=rows,
        events=_read_events(path.parent),
    )


def _merged(tables: list[SampleTable]) -> SampleTable:
    """The samples of all workers in the order in which they ended; users bear other numbers in each."""
    names = tuple(dict.fromkeys(name for table in tables for name in table.names))
    records, rows, events = [], [], []
    base = 0
    for table in tables:
        records.append(_renamed(table, names))
        rows.append(table.rows + base)
        moved = np.array(table.events)
        moved["sample"] += base
        events.append(moved)
        base += int(table.rows.max(initial=-1)) + 1
    merged = SampleTable(
        header=_sum([table.header for table in tables]),
        records=np.concatenate(records),
        names=names,
        rows=np.concatenate(rows),
        events=np.concatenate(events),
    )
    order = np.argsort(merged.end_s, kind="stable")
    return replace(merged, records=merged.records[order], rows=merged.rows[order])


def _renamed(table: SampleTable, names: tuple[str, ...]) -> npt.NDArray[np.void]:
    """A copy of the records whose names are numbers in ``names``."""
    records = np.array(table.records)
    numbers = np.array([names.index(name) for name in table.names], dtype=records["name"].dtype)
    known = records["name"] < len(numbers)
    records["name"][known] = numbers[records["name"][known]]
    return records


def _sum(headers: list[SamplesHeader]) -> SamplesHeader:
    return replace(
        headers[0],
        offered=sum(header.offered for header in headers),
        dropped=sum(header.dropped for header in headers),
        sent=sum(header.sent for header in headers),
    )


def sample_rows(table: SampleTable) -> Iterator[dict[str, object]]:
    """The records as dictionaries with readable values, for CSV; None where not measured."""
    for record in table.records:
        row: dict[str, object] = {}
        for name, code, _ in FIELDS:
            value = record[name].item()
            if code in {"f", "e"}:
                row[name] = None if np.isnan(value) else round(value, 6)
            else:
                row[name] = value
        row["outcome"] = (OUTCOME_CODES[int(record["outcome"])] or Outcome.CANCELLED).value
        row["name"] = (
            table.names[record["name"]] if record["name"] < len(table.names) else record["name"].item()
        )
        row["clock"] = "kernel" if record["clock"] else "user"
        for name in ("input_tokens", "output_tokens"):
            if row[name] == NO_TOKENS:
                row[name] = None
        yield row


def _read_events(folder: Path) -> npt.NDArray[np.void]:
    path = folder / "events"
    count = path.stat().st_size // EVENT_DTYPE.itemsize if path.exists() else 0
    if not count:
        return np.empty(0, dtype=EVENT_DTYPE)
    return np.memmap(path, dtype=EVENT_DTYPE, mode="r", shape=(count,))


def _read_names(folder: Path) -> tuple[str, ...]:
    try:
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return ()
    return tuple(str(name) for name in names) if isinstance(names, list) else ()
