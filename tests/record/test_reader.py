from __future__ import annotations

import math
from pathlib import Path

import pytest

from govbench.errors import ResultsError
from govbench.record.reader import read_samples, sample_rows
from govbench.results.run import Outcome
from govbench.results.samples import MAGIC, RECORD_BYTES
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
        (header().replace(b"\x01\0\0\0", b"\x02\0\0\0", 1), "sample layout 2"),
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
    write(tmp_path, record(0, Outcome.HTTP_429, status=429, output_tokens=7, clock=0, lag_ms=math.nan))
    row = next(sample_rows(read_samples(tmp_path)))
    assert (row["outcome"], row["status"], row["name"]) == ("http_429", 429, "POST /api/v1/chat")
    assert (row["output_tokens"], row["input_tokens"], row["lag_ms"], row["clock"]) == (7, None, None, "user")
