"""The samples of a run as rows with readable values, for CSV. Measures nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from govbench.record.part import CHUNK
from govbench.record.reader import SampleTable
from govbench.results.run import Outcome
from govbench.results.samples import FIELDS, FLAG_NAMES, NOT_MEASURED, OUTCOME_CODES

# As CSV a request says in words what the file has numbers for.
_IN_WORDS = {"kind": ("scenario", "category"), "flags": ("clock", *FLAG_NAMES[1:])}
CSV_COLUMNS = tuple(name for field in FIELDS for name in _IN_WORDS.get(field.name, (field.name,)))


def sample_rows(table: SampleTable) -> Iterator[dict[str, object]]:
    """The records as dictionaries with readable values, for CSV; None where not measured."""
    for start in range(0, len(table), CHUNK):
        part = table.take(np.arange(start, min(start + CHUNK, len(table))))
        columns = {field.name: part.column(field.name).tolist() for field in FIELDS}
        told = {name: part.flag(name) is not None for name in FLAG_NAMES}
        has = {field.name: part.has(field.name) for field in FIELDS}
        for values in zip(*columns.values(), strict=True):
            yield _readable(dict(zip(columns, values, strict=True)), table, has, told)


def _readable(
    stored: dict[str, Any], table: SampleTable, has: dict[str, bool], told: dict[str, bool]
) -> dict[str, object]:
    row: dict[str, object] = {}
    for field in FIELDS:
        value = stored[field.name]
        if field.code in {"f", "e"}:
            row[field.name] = None if value != value else round(value, 6)  # noqa: PLR0124 - NaN
        else:
            row[field.name] = value if has[field.name] and value != NOT_MEASURED.get(field.name) else None
    row["outcome"] = (OUTCOME_CODES[stored["outcome"]] or Outcome.CANCELLED).value
    if stored["name"] < len(table.names):
        row["name"] = table.names[stored["name"]]
    kind = table.kinds[stored["kind"]] if stored["kind"] < len(table.kinds) else None
    row["scenario"], row["category"] = kind or (None, None)
    for bit, name in enumerate(FLAG_NAMES):
        row[name] = stored["flags"] >> bit & 1 if told[name] else None
    row["clock"] = "kernel" if row["kernel_clock"] else "user"
    return {name: row[name] for name in CSV_COLUMNS}
