"""Reads a ``samples`` file into columns. Knows the layout, not what the numbers are good for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
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

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTable:
    """All records of a run, one per request, in the order in which the requests ended.

    ``records`` is a structured array of ``DTYPE``; ``names`` belongs to its ``name`` column.
    """

    header: SamplesHeader
    records: npt.NDArray[np.void]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.records)

    def column(self, name: str) -> npt.NDArray[Any]:
        """A column as it is stored."""
        column: npt.NDArray[Any] = self.records[name]
        return column

    def where(self, mask: BoolArray) -> SampleTable:
        """The records that ``mask`` selects."""
        return SampleTable(header=self.header, records=self.records[mask], names=self.names)

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
    """Read the samples of a run folder; a file of a killed run is read up to its last whole record.

    Raises:
        ResultsError: there is no such file, or it is none of ours.
    """
    path = folder / "samples"
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
    written = records["outcome"] != 0
    if not written.all():
        records = records[written]
    return SampleTable(header=header, records=records, names=_read_names(folder))


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


def _read_names(folder: Path) -> tuple[str, ...]:
    try:
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return ()
    return tuple(str(name) for name in names) if isinstance(names, list) else ()
