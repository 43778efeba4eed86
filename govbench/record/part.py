"""One file of samples, mapped: its fields by their names, whatever its layout. Knows no other files.

What a file has no field for was not measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from govbench.errors import ResultsError
from govbench.files import read_bytes, require_regular
from govbench.results.plain import plain_line
from govbench.results.samples import (
    FIELDS,
    MOST_HEADER_BYTES,
    NO_KIND,
    NO_SESSION,
    NOT_MEASURED,
    OUTCOME_CODES,
    PLACES,
    RECORD_BYTES,
    TYPES,
    Kind,
    Place,
    SamplesHeader,
    kind_of,
)

EVENT_DTYPE = np.dtype([("sample", "<u4"), ("ms", "<f4")])

Places = npt.NDArray[np.integer[Any]]

# Records of which a column is fetched at once: the transient memory is that of so many.
CHUNK = 1 << 18
CODES = {field.name: field.code for field in FIELDS}


def dtype_of(places: Iterable[Place], record_bytes: int) -> np.dtype[np.void]:
    """The numpy type of the records of a file, by the table in its header."""
    places = list(places)
    return np.dtype(
        {
            "names": [place.name for place in places],
            "formats": [place.type for place in places],
            "offsets": [place.offset for place in places],
            "itemsize": record_bytes,
        }
    )


DTYPE = dtype_of(PLACES, RECORD_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of samples, mapped.

    ``names`` and ``kinds`` translate its numbers of these into those of the table; its sessions count from
    ``first_session`` on. ``flags`` are those that the file tells.
    """

    records: npt.NDArray[np.void]
    events: npt.NDArray[np.void]
    names: npt.NDArray[np.uint16]
    kinds: npt.NDArray[np.uint16]
    kind_field: str
    flags: tuple[str, ...]
    first_session: int = 0

    def has(self, name: str) -> bool:
        """Whether the file has a field of this name."""
        return name in (self.records.dtype.names or ())

    def values(self, name: str, at: Places) -> npt.NDArray[Any]:
        """A field of the records at these places; what stands for "not measured" where the file lacks it."""
        if name == "kind":
            return translated(self._stored(self.kind_field, at), self.kinds, beyond=NO_KIND)
        stored = self._stored(name, at)
        if name == "name":
            return translated(stored, self.names, beyond=None)
        if name == "session" and self.first_session:
            return np.where(stored == NO_SESSION, stored, stored + np.uint32(self.first_session))
        return stored

    def _stored(self, name: str, at: Places) -> npt.NDArray[Any]:
        if self.has(name):
            stored: npt.NDArray[Any] = self.records[name][at]
            return stored
        code = CODES[name]
        missing = np.nan if code in {"f", "e"} else NOT_MEASURED.get(name, 0)
        return np.full(len(at), missing, dtype=TYPES[code])

    @property
    def sessions(self) -> int:
        """One more than the highest number of a session in the file."""
        if not self.has("session"):
            return 0
        highest = 0
        for start in range(0, len(self.records), CHUNK):
            numbers = self.records["session"][start : start + CHUNK]
            numbers = numbers[numbers != NO_SESSION]
            if len(numbers):
                highest = max(highest, int(numbers.max()) + 1)
        return highest


def translated(
    stored: npt.NDArray[Any], table: npt.NDArray[np.uint16], *, beyond: int | None
) -> npt.NDArray[Any]:
    """Numbers looked up in ``table``; one that it does not hold becomes ``beyond``, or stays as it is."""
    if not len(table):
        return stored if beyond is None else np.full_like(stored, beyond)
    known = stored < len(table)
    other = stored if beyond is None else np.full_like(stored, beyond)
    found: npt.NDArray[Any] = np.where(known, table[np.minimum(stored, len(table) - 1)], other)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file as it was found: its header and itself, its names and kinds, and which records were written."""

    header: SamplesHeader
    part: Part
    rows: npt.NDArray[np.uint32]
    names: tuple[str, ...]
    kinds: tuple[Kind, ...]


def open_part(path: Path) -> Opened:
    """Map a file and read what lies beside it; that of a killed process up to its last whole record.

    Raises:
        ResultsError: there is no such file, or it is none of ours.
    """
    try:
        require_regular(path)
        with path.open("rb") as file:
            header = SamplesHeader.unpack(file.read(MOST_HEADER_BYTES))
        count = (path.stat().st_size - header.header_bytes) // header.record_bytes
        dtype = dtype_of(header.places, header.record_bytes)
        records: npt.NDArray[np.void] = np.empty(0, dtype=dtype)
        if count > 0:
            records = np.memmap(path, dtype=dtype, mode="r", offset=header.header_bytes, shape=(count,))
    except FileNotFoundError as error:
        raise ResultsError(f"{path}: no such file", hint="the run did not get as far as its load") from error
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: {error}") from error
    if len(records) and records["outcome"].max() >= len(OUTCOME_CODES):
        raise ResultsError(f"{path}: holds outcomes that this govbench does not know")
    names = _strings(_read_json(path.parent / "names.json"))
    kinds, kind_of_number, kind_field = _kinds(path.parent, names, header)
    part = Part(
        records=records,
        events=_read_events(path.parent),
        names=np.arange(len(names), dtype=np.uint16),
        kinds=kind_of_number,
        kind_field=kind_field,
        flags=next((tuple(p.unit.split("|")) for p in header.places if p.name == "flags"), ()),
    )
    rows = np.flatnonzero(records["outcome"]).astype(np.uint32)
    return Opened(header=header, part=part, rows=rows, names=names, kinds=kinds)


def _kinds(
    folder: Path, names: tuple[str, ...], header: SamplesHeader
) -> tuple[tuple[Kind, ...], npt.NDArray[np.uint16], str]:
    """The kinds of a file, the number of each by what its records hold, and the field that holds it."""
    if header.layout_version > 1:
        kinds = _read_kinds(folder)
        return kinds, np.arange(len(kinds), dtype=np.uint16), "kind"
    told = [kind_of(name) for name in names]
    kinds = tuple(dict.fromkeys(kind for kind in told if kind is not None))
    numbers = [NO_KIND if kind is None else kinds.index(kind) for kind in told]
    return kinds, np.array(numbers, dtype=np.uint16), "name"


def _read_events(folder: Path) -> npt.NDArray[np.void]:
    path = folder / "events"
    count = path.stat().st_size // EVENT_DTYPE.itemsize if path.exists() else 0
    if not count:
        return np.empty(0, dtype=EVENT_DTYPE)
    return np.memmap(path, dtype=EVENT_DTYPE, mode="r", shape=(count,))


def _read_json(path: Path) -> object:
    try:
        return json.loads(read_bytes(path))
    except (OSError, ValueError):
        return None


def _strings(value: object) -> tuple[str, ...]:
    return tuple(plain_line(str(name)) for name in value) if isinstance(value, list) else ()


def _read_kinds(folder: Path) -> tuple[Kind, ...]:
    value = _read_json(folder / "kinds.json")
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return ()
    return tuple(Kind(plain_line(str(each.get("scenario"))), _plain(each.get("category"))) for each in value)


def _plain(category: object) -> str | None:
    return None if category is None else plain_line(str(category))
