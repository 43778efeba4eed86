"""Writes the sample of every request into a memory-mapped file, so that it survives a kill of this process.

Decides nothing: what a sample means stands in ``results/samples.py``.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

from govbench.files import naming
from govbench.load.exchange import Exchange
from govbench.results.answers import Answer
from govbench.results.run import Outcome
from govbench.results.samples import (
    CODE_OF,
    COUNTERS_AT,
    HEADER_BYTES,
    KERNEL_CLOCK,
    NO_KIND,
    NO_SESSION,
    NO_TOKENS,
    RECORD,
    RECORD_BYTES,
    Kind,
    SamplesHeader,
    kinds_json,
)

GROW_RECORDS = 16_384
# Requests that carry ids in their paths would otherwise have a name each.
MAX_NAMES = 1_000
OTHER_NAMES = "(other requests)"
_NAN = float("nan")
_COUNTERS = struct.Struct("<QQQ")
_EVENT = struct.Struct("<If")
_MAX_U8, _MAX_U16, _MAX_U32 = 0xFF, 0xFFFF, 0xFFFF_FFFF


def with_method(method: str, name: str) -> str:
    """What a request of a test file is called: ``GET /health``, and never ``GET GET /health``."""
    return name if name.startswith(f"{method} ") else f"{method} {name}"


class Origin(NamedTuple):
    """Which request it was: who sent it, under what name, when in the plan, to whom, for which time.

    ``flags`` are those of a sample that its sender knows: retry, redirect, last turn.
    """

    user: int
    name: int
    turn: int
    phase: int
    side: int
    attempt: int
    session: int = NO_SESSION
    kind: int = NO_KIND
    flags: int = 0


class Recorder:
    """The samples, names and stream events of one load process.

    Raises:
        OSError: the folder cannot be written or the disk is full; what was recorded stays readable.
    """

    def __init__(self, folder: Path) -> None:
        self.offered = 0
        self.dropped = 0
        self.sent = 0
        self.finished = dict.fromkeys(Outcome, 0)
        self._folder = folder
        self._names: dict[str, int] = {}
        self._kinds: dict[Kind, int] = {}
        self._count = 0
        self._capacity = 0
        self._events: BinaryIO | None = None
        self._fd = os.open(folder / "samples", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        self._map: mmap.mmap
        self._grow()
        self._map[:HEADER_BYTES] = SamplesHeader(offered=0, dropped=0, sent=0).pack()

    def _grow(self) -> None:
        # Blocks are reserved, not only promised: a write into a hole of a full disk would kill the process.
        capacity = self._capacity + GROW_RECORDS
        size = HEADER_BYTES + capacity * RECORD_BYTES
        with naming(self._folder / "samples"):
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._fd, 0, size)
            else:
                os.truncate(self._fd, size)
            self._map = mmap.mmap(self._fd, size)
        self._capacity = capacity

    def name_index(self, name: str) -> int:
        """The number that stands for a request name in the samples; names beyond a limit share one."""
        index = self._names.get(name)
        if index is None:
            if len(self._names) >= MAX_NAMES and name != OTHER_NAMES:
                return self.name_index(OTHER_NAMES)
            index = self._names[name] = len(self._names)
            self._write_beside("names.json", json.dumps(list(self._names)))
        return index

    def kind_index(self, kind: Kind) -> int:
        """The number that stands for a kind of request in the samples."""
        index = self._kinds.get(kind)
        if index is None:
            if len(self._kinds) == NO_KIND:
                return NO_KIND
            index = self._kinds[kind] = len(self._kinds)
            self._write_beside("kinds.json", kinds_json(self.kinds))
        return index

    def _write_beside(self, name: str, text: str) -> None:
        part = self._folder / f"{name}.part"
        with naming(part):
            part.write_text(text, encoding="utf-8")
        part.replace(self._folder / name)

    def begin(self) -> None:
        """Count a request that is about to be sent."""
        self.offered += 1
        self.sent += 1
        _COUNTERS.pack_into(self._map, COUNTERS_AT, self.offered, self.dropped, self.sent)

    def drop(self, count: int) -> None:
        """Count requests that were due and will not be sent."""
        self.offered += count
        self.dropped += count
        _COUNTERS.pack_into(self._map, COUNTERS_AT, self.offered, self.dropped, self.sent)

    def finish(
        self,
        exchange: Exchange,
        origin: Origin,
        answer: Answer | None,
        event_times_ns: list[int] | None = None,
    ) -> None:
        """Write the record of a request that has ended, in whatever way.

        Written out at length: this is done for every request, and a call for each field takes twice the time.
        """
        if self._count == self._capacity:
            self._grow()
        due, send, lag = exchange.due_ns, exchange.send_ns or exchange.due_ns, exchange.lag_ns
        first_byte, first_token = exchange.first_byte_ns, exchange.first_token_ns
        first_answer, last_byte, outcome = exchange.first_answer_ns, exchange.last_byte_ns, exchange.outcome
        upload = exchange.upload_ms
        user, name, turn, phase, side, attempt, session, kind, flags = origin
        flags |= exchange.flags
        RECORD.pack_into(
            self._map,
            HEADER_BYTES + self._count * RECORD_BYTES,
            due,
            (send - due) / 1e6,
            (first_byte - send) / 1e6 if first_byte else _NAN,
            (first_token - send) / 1e6 if first_token else _NAN,
            (first_answer - send) / 1e6 if first_answer else _NAN,
            (last_byte - send) / 1e6 if last_byte else _NAN,
            _NAN if lag is None else lag / 1e6,
            exchange.response_bytes if exchange.response_bytes < _MAX_U32 else _MAX_U32,
            exchange.request_bytes if exchange.request_bytes < _MAX_U32 else _MAX_U32,
            NO_TOKENS if answer is None else _tokens(answer.input_tokens),
            NO_TOKENS if answer is None else _tokens(answer.output_tokens),
            NO_TOKENS if answer is None or answer.cached_tokens is None else _tokens(answer.cached_tokens),
            session,
            _NAN if upload is None else _half(upload) if upload else 0.0,
            _NAN if exchange.dns_ms is None else _half(exchange.dns_ms),
            _NAN if exchange.connect_ms is None else _half(exchange.connect_ms),
            _NAN if exchange.tls_ms is None else _half(exchange.tls_ms),
            exchange.status,
            user if user < _MAX_U16 else _MAX_U16,
            name if name < _MAX_U16 else _MAX_U16,
            kind,
            exchange.events if exchange.events < _MAX_U16 else _MAX_U16,
            turn if turn < _MAX_U8 else _MAX_U8,
            phase,
            CODE_OF[outcome],
            attempt if attempt < _MAX_U8 else _MAX_U8,
            side,
            flags if lag is None else flags | KERNEL_CLOCK,
        )
        self.finished[outcome] += 1
        self._count += 1
        if event_times_ns:
            self._write_events(self._count - 1, send, event_times_ns)

    def _write_events(self, record: int, send_ns: int, times_ns: list[int]) -> None:
        if self._events is None:
            self._events = (self._folder / "events").open("wb", buffering=0)
        pack = _EVENT.pack
        with naming(self._folder / "events"):
            self._events.write(b"".join([pack(record, (at - send_ns) / 1e6) for at in times_ns]))

    @property
    def names(self) -> list[str]:
        """The request names so far, in the order of their numbers."""
        return list(self._names)

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of requests so far, in the order of their numbers."""
        return list(self._kinds)

    @property
    def ended(self) -> int:
        """Requests with a record."""
        return self._count

    def close(self) -> None:
        """Cut the file to its records."""
        self._map.close()
        os.truncate(self._fd, HEADER_BYTES + self._count * RECORD_BYTES)
        os.close(self._fd)
        if self._events is not None:
            self._events.close()


def _tokens(count: int | None) -> int:
    return NO_TOKENS if count is None else min(count, NO_TOKENS - 1)


def _half(ms: float) -> float:
    return min(ms, 65_504.0)
