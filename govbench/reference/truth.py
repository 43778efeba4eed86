"""Every request that was answered, kept exactly, and the figures of a window of them. Reads no clock.

The quantile is written here on purpose and not taken from ``stats``: a truth must not share its judge's code.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

FORMAT_VERSION = 1

# What a record's ``flags`` say.
KERNEL_ARRIVAL = 1  # the arrival is the kernel's stamp; otherwise the instant at which the server read it
STREAM = 2
CUT = 4  # the script closes the connection before the end
GONE = 8  # not answered in full: the client left, or an earlier answer was cut
STUCK = 16  # the client's window was full for a time: instants of events are those of their being due

FIELDS = (
    ("arrival_ns", "<i8"),
    ("first_byte_ns", "<i8"),
    ("first_token_ns", "<i8"),
    ("last_token_ns", "<i8"),
    ("last_byte_ns", "<i8"),
    ("planned_ns", "<i8"),
    ("bytes", "<u4"),
    ("path", "<u2"),
    ("status", "<u2"),
    ("events", "<u2"),
    ("peer_port", "<u2"),
    ("flags", "<u2"),
    ("reserved", "<u2"),
)
RECORD = np.dtype(list(FIELDS))
_PACK = struct.Struct("<6qI6H").pack

Records = npt.NDArray[np.void]


class Finished(NamedTuple):
    """One request; Unix ns, 0 where there was no such instant; ``planned_ns`` is the script's duration."""

    arrival_ns: int
    first_byte_ns: int
    first_token_ns: int
    last_token_ns: int
    last_byte_ns: int
    planned_ns: int
    sent_bytes: int
    path: int
    status: int
    events: int
    peer_port: int
    flags: int


class Truth:
    """The requests in the order in which their answers ended, 64 bytes each."""

    def __init__(self) -> None:
        self._records = bytearray()
        self._paths: dict[str, int] = {}

    def path_id(self, path: str) -> int:
        """The number that stands for a path in the records."""
        return self._paths.setdefault(path, len(self._paths))

    def add(self, done: Finished) -> None:
        """Keep one request."""
        self._records += _PACK(*done, 0)

    def summary(
        self, *, start: float | None = None, end: float | None = None, path: str | None = None
    ) -> dict[str, Any]:
        """Figures of the requests that arrived in [start, end), Unix seconds, and went to ``path``."""
        records = self._records_now()
        chosen = np.ones(len(records), dtype=np.bool_)
        if start is not None:
            chosen &= records["arrival_ns"] >= round(start * 1e9)
        if end is not None:
            chosen &= records["arrival_ns"] < round(end * 1e9)
        if path is not None:
            chosen &= records["path"] == self._paths.get(path, -1)
        return summarise(records[chosen])

    def dump(self) -> bytes:
        """A line of JSON that describes the records, then the records; ``load`` reads it."""
        records = self._records_now()
        head = {
            "version": FORMAT_VERSION,
            "count": len(records),
            "record_bytes": RECORD.itemsize,
            "fields": FIELDS,
            "paths": list(self._paths),
        }
        return json.dumps(head, separators=(",", ":")).encode() + b"\n" + records.tobytes()

    def _records_now(self) -> Records:
        # A copy: a live view would forbid the buffer to grow.
        return np.frombuffer(bytes(self._records), dtype=RECORD)


def load(dump: bytes) -> tuple[Records, tuple[str, ...]]:
    """The records of a dump, and the paths that their numbers stand for.

    Raises:
        ValueError: it is not a dump of this version, or not a whole one.
    """
    line, _, body = dump.partition(b"\n")
    head = json.loads(line)
    if not isinstance(head, dict) or head.get("version") != FORMAT_VERSION:
        raise ValueError("not a dump of the reference server, or of another version")
    if len(body) != head["count"] * RECORD.itemsize:
        raise ValueError("the dump is not whole")
    return np.frombuffer(body, dtype=RECORD), tuple(head["paths"])


def summarise(records: Records) -> dict[str, Any]:
    """The figures of some records; requests whose client left are counted and enter no other figure."""
    answered = records[records["flags"] & GONE == 0]
    service_ms = (answered["last_byte_ns"] - answered["arrival_ns"]) / 1e6
    late_ms = service_ms - answered["planned_ns"] / 1e6
    codes, counts = np.unique(answered["status"], return_counts=True)
    return {
        "count": len(answered),
        "gone": len(records) - len(answered),
        **_spread_of(service_ms),
        "by_status": {str(code): count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)},
        "late": _spread_of(late_ms),
        "clock": _clock_of(answered),
        "streams": _streams(answered[answered["flags"] & STREAM != 0]),
    }


def _spread_of(values_ms: npt.NDArray[np.float64]) -> dict[str, float | None]:
    return {
        "mean_ms": _rounded(values_ms.mean()) if len(values_ms) else None,
        "median_ms": nearest_rank(values_ms, 0.5),
        "p95_ms": nearest_rank(values_ms, 0.95),
        "p99_ms": nearest_rank(values_ms, 0.99),
        "max_ms": nearest_rank(values_ms, 1.0),
    }


def _streams(streams: Records) -> dict[str, Any]:
    begun = streams[streams["first_token_ns"] > 0]
    first_ms = (begun["first_token_ns"] - begun["arrival_ns"]) / 1e6
    paced = begun[begun["events"] > 1]
    gaps_ms = (paced["last_token_ns"] - paced["first_token_ns"]) / (paced["events"] - 1) / 1e6
    return {
        "count": len(streams),
        "cut": int(np.count_nonzero(streams["flags"] & CUT)),
        "events": int(streams["events"].sum(dtype=np.int64)),
        "first_token": _spread_of(first_ms),
        "gap": _spread_of(gaps_ms),
    }


def _clock_of(records: Records) -> str | None:
    stamped = int(np.count_nonzero(records["flags"] & KERNEL_ARRIVAL))
    if not len(records):
        return None
    return "kernel" if stamped == len(records) else "mixed" if stamped else "user"


def nearest_rank(values: npt.NDArray[np.float64], q: float) -> float | None:
    """The k-th smallest value with k = ceil(n q) (Hyndman & Fan 1996, type 1); None without values."""
    if len(values) == 0:
        return None
    # The rounding keeps n q exact where binary fractions are not: 0.07 · 100 is 7, not 7.000000000000001.
    rank = max(math.ceil(round(len(values) * q, 9)), 1)
    return _rounded(np.partition(values, rank - 1)[rank - 1])


def _rounded(value: np.floating[Any]) -> float:
    return round(float(value), 6)  # whole nanoseconds
