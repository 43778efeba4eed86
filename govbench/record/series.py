"""The ``resources`` file of a run folder: readings appended one by one, and read back. Polls nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from govbench.errors import ResultsError
from govbench.files import read_bytes
from govbench.results.meters import Source, Use
from govbench.results.resources import (
    NOT_MEASURED_16,
    NOT_MEASURED_64,
    RECORD,
    Header,
    pack_header,
    unpack_header,
)

FILE_NAME = "resources"
_SOURCES = tuple(Source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at what plays a role: Unix time, CPU seconds so far, memory now; see ``Use``."""

    role: str
    at_s: float
    cpu_s: float
    rss_bytes: int
    own_bytes: int | None = None
    handles: int | None = None
    threads: int | None = None
    unread: int = 0
    source: Source = Source.PROCESSES


class SeriesWriter:
    """Appends readings to the file, each with one write: whatever kills this process, they are there.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, folder: Path, roles: Iterable[str]) -> None:
        self._roles = {role: number for number, role in enumerate(roles)}
        path = folder / FILE_NAME
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        try:
            self._write(pack_header(tuple(self._roles), tuple(_SOURCES)))
        except OSError:  # half of a header is no file of ours
            os.close(self._fd)
            path.unlink()
            raise

    def append(self, role: str, at_s: float, use: Use) -> None:
        """Write a look down.

        Raises:
            OSError: it cannot be written.
        """
        record = RECORD.pack(
            at_s,
            use.cpu_s,
            use.rss_bytes,
            NOT_MEASURED_64 if use.own_bytes is None else use.own_bytes,
            _short(use.handles),
            _short(use.threads),
            min(use.unread, NOT_MEASURED_16 - 1),
            self._roles[role],
            _SOURCES.index(use.source),
        )
        self._write(record)

    def _write(self, data: bytes) -> None:
        """Write all of it: where the disk gets full, the system takes a part first, then it says so."""
        while data:
            data = data[os.write(self._fd, data) :]

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def _short(count: int | None) -> int:
    return NOT_MEASURED_16 if count is None else min(count, NOT_MEASURED_16 - 1)


def read_resources(folder: Path) -> tuple[Reading, ...]:
    """The readings of a run folder in order of time; of a comparison, those of all rounds.

    A folder without the file, as older versions left it, has none. A record that was cut off is left out.

    Raises:
        ResultsError: the file is none of ours.
    """
    if not (folder / FILE_NAME).exists():
        parts = sorted(folder.glob(f"round-*/{FILE_NAME}"))
        return tuple(reading for part in parts for reading in _read(part))
    return _read(folder / FILE_NAME)


def _read(path: Path) -> tuple[Reading, ...]:
    try:
        data = read_bytes(path)
        header = unpack_header(data)
        dtype = np.dtype(
            {
                "names": [name for name, _, _ in header.fields],
                "formats": [numpy_type for _, numpy_type, _ in header.fields],
                "offsets": [offset for _, _, offset in header.fields],
                "itemsize": header.record_bytes,
            }
        )
        count = (len(data) - header.header_bytes) // header.record_bytes
        records = np.frombuffer(data, dtype, count=max(count, 0), offset=header.header_bytes)
        names = records.dtype.names or ()
        return tuple(_reading(dict(zip(names, record.item(), strict=True)), header) for record in records)
    except (OSError, ValueError, TypeError, KeyError, IndexError, ZeroDivisionError) as error:
        raise ResultsError(f"{path}: {error}") from error


def _reading(stored: Mapping[str, Any], header: Header) -> Reading:
    own, handles, threads = (
        None if stored.get(name, missing) == missing else int(stored[name])
        for name, missing in (
            ("own_bytes", NOT_MEASURED_64),
            ("handles", NOT_MEASURED_16),
            ("threads", NOT_MEASURED_16),
        )
    )
    return Reading(
        role=header.roles[stored["role"]],
        at_s=stored["at_s"],
        cpu_s=stored["cpu_s"],
        rss_bytes=stored["rss_bytes"],
        own_bytes=own,
        handles=handles,
        threads=threads,
        unread=stored.get("unread", 0),
        source=Source(header.sources[stored.get("source", 0)]),
    )
