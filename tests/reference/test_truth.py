"""The records and the figures made of them, against values worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from govbench.reference.truth import (
    CUT,
    GONE,
    KERNEL_ARRIVAL,
    RECORD,
    STREAM,
    Finished,
    Truth,
    load,
)

MS = 1_000_000


def add(truth: Truth, at_s: float, service_ms: float, path: str = "/a", **other: Any) -> None:
    arrival = round(at_s * 1e9)
    values = {
        "arrival_ns": arrival,
        "first_byte_ns": arrival,
        "first_token_ns": 0,
        "last_token_ns": 0,
        "last_byte_ns": arrival + round(service_ms * MS),
        "planned_ns": round(service_ms * MS),
        "sent_bytes": 100,
        "path": truth.path_id(path),
        "status": 200,
        "events": 0,
        "peer_port": 50_000,
        "flags": KERNEL_ARRIVAL,
    } | other
    truth.add(Finished(**values))


@pytest.fixture
def truth() -> Truth:
    """A hundred requests to /a, one a second, of 1 to 100 ms; and one to /b that failed."""
    truth = Truth()
    for number in range(100):
        add(truth, number, 100 - number)
    add(truth, 50, 5, "/b", status=500, flags=0, planned_ns=3 * MS)
    return truth


def test_figures_are_nearest_ranks(truth: Truth) -> None:
    figures = truth.summary(path="/a")

    assert (figures["count"], figures["by_status"]) == (100, {"200": 100})
    assert (figures["median_ms"], figures["p95_ms"], figures["p99_ms"]) == (50, 95, 99)
    assert (figures["mean_ms"], figures["max_ms"]) == (50.5, 100)


def test_a_window_takes_its_start_and_leaves_its_end(truth: Truth) -> None:
    figures = truth.summary(start=10, end=12)

    assert (figures["count"], figures["max_ms"]) == (2, 90)
    assert truth.summary(start=50, end=51)["by_status"] == {"200": 1, "500": 1}


def test_lateness_is_what_the_script_did_not_plan(truth: Truth) -> None:
    assert truth.summary(path="/b")["late"]["max_ms"] == 2
    assert truth.summary(path="/a")["late"]["max_ms"] == 0


def test_the_clock_says_whose_stamps_there_are(truth: Truth) -> None:
    assert truth.summary(path="/a")["clock"] == "kernel"
    assert truth.summary(path="/b")["clock"] == "user"
    assert truth.summary()["clock"] == "mixed"


def test_without_requests_there_are_no_figures(truth: Truth) -> None:
    figures = truth.summary(path="/nothing")

    assert (figures["count"], figures["median_ms"], figures["clock"]) == (0, None, None)
    assert figures["streams"]["first_token"]["median_ms"] is None


def test_requests_whose_client_left_are_only_counted(truth: Truth) -> None:
    add(truth, 0, 9999, flags=GONE)
    figures = truth.summary(path="/a")

    assert (figures["count"], figures["gone"], figures["max_ms"]) == (100, 1, 100)


def test_streams_have_first_tokens_and_gaps() -> None:
    truth = Truth()
    second = 1_000_000_000
    tokens: dict[str, Any] = {"first_token_ns": second + 500 * MS, "last_token_ns": second + 700 * MS}
    add(truth, 1, 700, events=5, flags=STREAM, **tokens)
    add(truth, 1, 0, flags=STREAM | CUT)
    streams = truth.summary()["streams"]

    assert (streams["count"], streams["cut"], streams["events"]) == (2, 1, 5)
    assert streams["first_token"]["median_ms"] == 500
    assert streams["gap"]["mean_ms"] == 50


def test_a_dump_is_read_back(truth: Truth) -> None:
    records, paths = load(truth.dump())

    assert (len(records), paths) == (101, ("/a", "/b"))
    assert RECORD.itemsize == 64
    assert records[-1]["status"] == 500
    assert paths[records[-1]["path"]] == "/b"
    assert records[0]["last_byte_ns"] - records[0]["arrival_ns"] == 100 * MS


@pytest.mark.parametrize("broken", [b'{"version":2}\n', b"[]\n"])
def test_another_version_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="another version"):
        load(broken)


def test_half_a_dump_is_refused(truth: Truth) -> None:
    with pytest.raises(ValueError, match="not whole"):
        load(truth.dump()[:-1])
