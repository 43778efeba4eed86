from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest

from govbench.load import recorder as module
from govbench.load.exchange import Exchange
from govbench.load.recorder import Origin, Recorder
from govbench.record.reader import read_samples
from govbench.results.answers import Answer
from govbench.results.run import Outcome
from govbench.results.samples import (
    FIELDS,
    KERNEL_CLOCK,
    NO_KIND,
    NO_SESSION,
    NO_TOKENS,
    RETRY,
    REUSED,
    Kind,
)

T0 = 1_700_000_000_000_000_000
MS = 1_000_000


def origin(**fields: int) -> Origin:
    return Origin(**{"user": 0, "name": 0, "turn": 0, "phase": 0, "side": 0, "attempt": 0, **fields})


def exchange() -> Exchange:
    done = Exchange(T0)
    done.send_ns, done.first_byte_ns, done.last_byte_ns = T0 + 2 * MS, T0 + 12 * MS, T0 + 22 * MS
    done.lag_ns, done.status, done.connect_ms = 3 * MS, 200, 1.5
    done.request_bytes, done.response_bytes = 100, 2_000
    return done


def test_a_record_holds_what_was_measured_and_marks_what_was_not(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.begin()
    name = recorder.name_index("POST /api")
    kind = recorder.kind_index(Kind("citizen", "taxes"))
    done, who = exchange(), origin(name=name, phase=3, side=1, attempt=2, session=7, kind=kind, flags=RETRY)
    done.first_answer_ns, done.upload_ms, done.flags = T0 + 18 * MS, 0.0, REUSED
    recorder.finish(done, who, Answer(output_tokens=7, cached_tokens=5))
    recorder.begin()
    recorder.finish(Exchange(T0), origin(name=recorder.name_index("GET /")), None)
    recorder.close()
    samples = read_samples(tmp_path)
    assert (samples.header.offered, samples.header.dropped, samples.header.sent) == (2, 0, 2)
    assert samples.names == ("POST /api", "GET /")
    first, second = (
        {field.name: samples.column(field.name)[at].item() for field in FIELDS} for at in range(2)
    )
    assert first["due_ns"] == T0
    assert (first["send_delay_ms"], first["first_byte_ms"], first["last_byte_ms"]) == (2, 10, 20)
    assert (first["lag_ms"], first["flags"], first["connect_ms"]) == (3, KERNEL_CLOCK | RETRY | REUSED, 1.5)
    assert (first["session"], first["kind"], first["upload_ms"], first["cached_tokens"]) == (7, 0, 0, 5)
    assert first["first_answer_ms"] == 16
    assert samples.kinds == (Kind("citizen", "taxes"),)
    assert (first["phase"], first["side"], first["attempt"], first["status"]) == (3, 1, 2, 200)
    assert (first["output_tokens"], first["input_tokens"]) == (7, 0xFFFFFFFF)
    assert (second["flags"], second["status"], second["name"]) == (0, 0, 1)
    assert (second["session"], second["kind"], second["cached_tokens"]) == (NO_SESSION, NO_KIND, NO_TOKENS)
    assert all(second[name] != second[name] for name in ("first_answer_ms", "upload_ms"))
    assert all(second[name] != second[name] for name in ("first_byte_ms", "lag_ms", "connect_ms", "tls_ms"))


def test_what_is_too_large_for_its_field_is_capped(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    huge = exchange()
    huge.events, huge.connect_ms, huge.response_bytes, huge.upload_ms = 70_000, 1e9, 2**40, 1e9
    recorder.finish(huge, origin(user=70_000, turn=300, attempt=300), Answer(input_tokens=2**40))
    recorder.close()
    samples = read_samples(tmp_path)
    row = {field.name: samples.column(field.name)[0] for field in FIELDS}
    assert (row["upload_ms"], row["session"]) == (65_504, 2**32 - 1)
    assert (row["user"], row["turn"], row["attempt"], row["events"]) == (65_535, 255, 255, 65_535)
    assert (row["connect_ms"], row["response_bytes"], row["input_tokens"]) == (65_504, 2**32 - 1, 2**32 - 2)


def test_samples_are_readable_before_the_recorder_is_closed(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    for _ in range(3):
        recorder.begin()
    recorder.finish(exchange(), origin(), None)
    samples = read_samples(tmp_path)
    assert (len(samples), samples.header.sent) == (1, 3)
    recorder.close()


def test_the_file_grows(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    count = module.GROW_RECORDS + 1
    for user in range(count):
        recorder.finish(exchange(), origin(user=user % 100), None)
    recorder.close()
    samples = read_samples(tmp_path)
    assert samples.column("user").tolist() == [user % 100 for user in range(count)]
    assert recorder.finished[Outcome.OK] == recorder.ended == count


def test_a_disk_that_gets_full_takes_nothing_from_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path)
    for _ in range(module.GROW_RECORDS):
        recorder.finish(exchange(), origin(), None)

    def full(fd: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    for _ in range(3):
        with pytest.raises(OSError, match="No space left"):
            recorder.finish(exchange(), origin(), None)
    recorder.close()
    assert len(read_samples(tmp_path)) == module.GROW_RECORDS


def test_stream_events_are_kept_beside_their_record(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.finish(exchange(), origin(), None)
    recorder.finish(exchange(), origin(), None, [T0 + 5 * MS, T0 + 9 * MS])
    recorder.close()
    assert list(struct.iter_unpack("<If", (tmp_path / "events").read_bytes())) == [(1, 3.0), (1, 7.0)]


@pytest.mark.parametrize("name", ["/health", "GET /health"])
def test_name_has_its_method_once(name: str) -> None:
    assert module.with_method("GET", name) == "GET /health"


def test_name_that_only_begins_like_its_method_has_it_before_it() -> None:
    assert module.with_method("GET", "GETAWAY") == "GET GETAWAY"
