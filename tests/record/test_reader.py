from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import numpy as np
import pytest

from govbench.errors import ResultsError
from govbench.record.reader import read_samples
from govbench.record.rows import sample_rows
from govbench.results.run import Outcome
from govbench.results.samples import (
    HEAD,
    LAST_TURN,
    MAGIC,
    NO_KIND,
    NO_SESSION,
    NO_TOKENS,
    PLACES,
    RECORD_BYTES,
    REUSED,
    Kind,
)
from tests.record.conftest import T0_S, header, record, write


def test_columns_and_derived_times(tmp_path: Path) -> None:
    write(tmp_path, record(1.5, send_delay_ms=5.0, first_byte_ms=10.0, last_byte_ms=20.0), record(2))
    samples = read_samples(tmp_path)
    assert len(samples) == 2
    assert samples.due_s.tolist() == [T0_S + 1.5, T0_S + 2]
    assert samples.response_time_ms.tolist() == [25, 20]
    assert samples.since_due_ms("first_byte_ms")[0] == 15
    assert samples.end_s[0] == pytest.approx(T0_S + 1.525, abs=1e-6)
    assert samples.names == ("POST /api/v1/chat",)


def test_every_outcome_is_ok_failed_or_cancelled(tmp_path: Path) -> None:
    write(tmp_path, *(record(outcome=outcome) for outcome in Outcome))
    samples = read_samples(tmp_path)
    assert int(samples.ok.sum()) == 1
    assert int(samples.failed.sum()) == len(Outcome) - 2
    assert not (samples.ok & samples.failed).any()


@pytest.mark.parametrize("tail", [b"\0" * (RECORD_BYTES * 1_000), b"\x01" * (RECORD_BYTES - 1), b"\0" * 100])
def test_the_tail_of_a_killed_run_is_left_out(tmp_path: Path, tail: bytes) -> None:
    samples = read_samples(write(tmp_path, record(1), record(2), sent=4, tail=tail))
    assert len(samples) == 2
    assert samples.header.sent == 4


def test_no_records(tmp_path: Path) -> None:
    samples = read_samples(write(tmp_path))
    assert len(samples) == 0
    assert samples.due_s.tolist() == []
    assert list(sample_rows(samples)) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "shorter than its header"),
        (MAGIC, "shorter than its header"),
        (b"something else, and long enough for a header" * 3, "not a govbench samples file"),
        (header().replace(b"\x02\0\0\0", b"\x03\0\0\0", 1), "sample layout 3"),
        (header() + b"\xff" * RECORD_BYTES, "outcomes that this govbench does not know"),
    ],
)
def test_what_is_no_samples_file_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "samples").write_bytes(content)
    with pytest.raises(ResultsError, match=message):
        read_samples(tmp_path)


@pytest.mark.parametrize("names", [None, "", "{}", "[1", '"x"'])
def test_missing_names_cost_no_samples(tmp_path: Path, names: str | None) -> None:
    write(tmp_path, record())
    (tmp_path / "names.json").unlink()
    if names is not None:
        (tmp_path / "names.json").write_text(names)
    samples = read_samples(tmp_path)
    assert samples.names == ()
    assert next(sample_rows(samples))["name"] == 0


def test_rows_are_readable(tmp_path: Path) -> None:
    write(tmp_path, record(0, Outcome.HTTP_429, status=429, output_tokens=7, flags=0, lag_ms=math.nan))
    row = next(sample_rows(read_samples(tmp_path)))
    assert (row["outcome"], row["status"], row["name"]) == ("http_429", 429, "POST /api/v1/chat")
    assert (row["output_tokens"], row["input_tokens"], row["lag_ms"], row["clock"]) == (7, None, None, "user")


# Other layouts

LAYOUT_1 = Path(__file__).parent / "data" / "layout-1"


def test_a_run_of_layout_1_is_read() -> None:
    """Written by the version before layout 2, on the embedded API."""
    samples = read_samples(LAYOUT_1 / "run")
    assert (samples.header.layout_version, samples.header.sent, len(samples)) == (1, 120, 120)
    assert samples.names == ("POST /api/v1/chat",)
    assert samples.ok.all()
    assert samples.kernel_clock.all()
    assert 4 < np.median(samples.response_time_ms) < 500
    assert (samples.column("output_tokens") < 1_000).all()
    for name, missing in (("session", NO_SESSION), ("cached_tokens", NO_TOKENS), ("kind", NO_KIND)):
        assert (samples.column(name) == missing).all()
    assert np.isnan(samples.column("first_answer_ms")).all()
    assert np.isnan(samples.column("upload_ms")).all()
    assert not any(samples.has(name) for name in ("session", "kind", "first_answer_ms"))
    assert samples.flag("reused") is None
    row = next(sample_rows(samples))
    assert (row["clock"], row["reused"], row["session"], row["scenario"]) == ("kernel", None, None, None)


def test_a_paired_round_of_layout_1_has_its_kinds_in_its_names() -> None:
    samples = read_samples(LAYOUT_1 / "ab")
    numbers = samples.column("kind")
    assert len(samples.kinds) > 3
    told = [samples.names[name] for name in samples.column("name")]
    for name, number in zip(told, numbers.tolist(), strict=True):
        scenario, category = samples.kinds[number]
        assert name.endswith(f" [{scenario}/{category}]")
    assert set(samples.column("side").tolist()) == {0, 1, 2}


def test_fields_are_found_by_name_and_one_that_is_absent_is_not_measured(tmp_path: Path) -> None:
    """A file of a later version: a field more in front, some less, the flags with a bit less."""
    absent = {"session", "first_answer_ms", "events", "kind"}
    kept = [place for place in PLACES if place.name not in absent]
    kept[-1] = kept[-1]._replace(unit="kernel_clock|reused")
    table = json.dumps([place._replace(offset=place.offset + 16)._asdict() for place in kept]).encode()
    size = RECORD_BYTES + 16
    head = HEAD.pack(MAGIC, 2, size, 1, 0, 1, HEAD.size + len(table), len(table)) + table
    body = b"later version..." + record(2.0, last_byte_ms=30.0, session=9, kind=0, events=5, flags=REUSED)
    write(tmp_path, kinds=[Kind("citizen", "taxes")])
    (tmp_path / "samples").write_bytes(head + body)
    samples = read_samples(tmp_path)
    assert samples.response_time_ms.tolist() == [30]
    assert samples.due_s.tolist() == [T0_S + 2]
    assert (samples.column("session")[0], samples.column("kind")[0]) == (NO_SESSION, NO_KIND)
    assert np.isnan(samples.column("first_answer_ms")[0])
    reused, last_turn = samples.flag("reused"), samples.flag("last_turn")
    assert reused is not None
    assert reused.tolist() == [True]
    assert last_turn is None
    row = next(sample_rows(samples))
    assert (row["events"], row["reused"], row["last_turn"], row["session"]) == (None, 1, None, None)


# Samples of several files


def workers(folder: Path, *records: list[bytes], events: bool = False) -> Path:
    """A run folder with a worker for each list; every record has an event 1 ms after it was sent."""
    for number, own in enumerate(records):
        part = write(folder / f"worker-{number}", *own, kinds=[Kind("citizen", f"kind {number}")])
        (part / "names.json").write_text(json.dumps([f"name {number}", "shared"]))
        if events:
            told = [(at, 10.0 * number + at) for at in range(len(own))]
            (part / "events").write_bytes(b"".join(struct.pack("<If", *each) for each in told))
    return folder


def test_samples_of_workers_are_one_table_in_the_order_in_which_they_ended(tmp_path: Path) -> None:
    first = [record(at, session=2 * at, kind=0, name=at % 2) for at in range(3)]
    second = [record(at + 0.5, session=2 * at + 1, kind=0, name=0, flags=LAST_TURN) for at in range(2)]
    samples = read_samples(workers(tmp_path, first, second))
    assert samples.column("session").tolist() == [0, 1, 2, 3, 4]
    assert [samples.names[n] for n in samples.column("name")] == [
        "name 0", "name 1", "shared", "name 1", "name 0",
    ]  # fmt: skip
    assert [samples.kinds[n].category for n in samples.column("kind")] == [
        "kind 0", "kind 1", "kind 0", "kind 1", "kind 0",
    ]  # fmt: skip
    last_turn = samples.flag("last_turn")
    assert last_turn is not None
    assert last_turn.tolist() == [False, True, False, True, False]
    assert samples.header.sent == 5
    assert [row["category"] for row in sample_rows(samples)][:2] == ["kind 0", "kind 1"]


def test_events_stay_with_their_records_when_files_are_merged(tmp_path: Path) -> None:
    """The first file ends in records that were never written, as that of a killed worker does."""
    first, second, third = ([record(3 * at + worker, kind=0) for at in range(3)] for worker in range(3))
    folder = workers(tmp_path, first, second, third, events=True)
    write(folder / "worker-0", *first, tail=b"\0" * (RECORD_BYTES * 4), kinds=[Kind("citizen", "kind 0")])
    samples = read_samples(folder)
    place, at_ms = samples.events()
    found = dict(zip(place.tolist(), at_ms.tolist(), strict=True))
    assert found == {3 * at + worker: 10.0 * worker + at for worker in range(3) for at in range(3)}
    second_only = samples.where(samples.column("kind") == 1)
    place, at_ms = second_only.events()
    assert (place.tolist(), at_ms.tolist()) == ([0, 1, 2], [10, 11, 12])


def test_events_of_rounds_with_workers_stay_with_their_records(tmp_path: Path) -> None:
    for number in range(2):
        halves = [[record(10 * number + at + worker / 2) for at in range(2)] for worker in range(2)]
        workers(tmp_path / f"round-{number:03d}", *halves, events=True)
    samples = read_samples(tmp_path)
    place, at_ms = samples.events()
    found = dict(zip(place.tolist(), at_ms.tolist(), strict=True))
    assert [found[at] for at in range(8)] == [0, 10, 1, 11] * 2


def test_no_two_rounds_share_a_session(tmp_path: Path) -> None:
    for number in range(3):
        halves = [
            [record(10 * number + at, session=2 * at + worker) for at in range(2)] for worker in range(2)
        ]
        workers(tmp_path / f"round-{number:03d}", *halves)
    lone = record(99, session=NO_SESSION)
    write(tmp_path / "round-003", lone, record(100, session=0))
    sessions = read_samples(tmp_path).column("session").tolist()
    assert sorted(sessions[:12]) == list(range(12))
    assert sessions[12:] == [NO_SESSION, 12]


def test_a_phase_and_side_is_picked_from_one_order(tmp_path: Path) -> None:
    records = [record(at, phase=at % 3, side=at % 2) for at in range(12)]
    records.append(record(99, phase=255, side=255))
    samples = read_samples(write(tmp_path, *records))
    of = samples.by_phase()
    assert of(2, 1).due_s.tolist() == [T0_S + 5, T0_S + 11]
    assert of(0, 0).due_s.tolist() == [T0_S, T0_S + 6]
    assert of(255, 255).due_s.tolist() == [T0_S + 99]
    assert of(2).column("side").tolist() == [0, 0, 1, 1]
    assert len(of(7, 0)) == len(of(7)) == 0
