"""Targets in, scripts out: delays, seeds, wire formats and the bytes of streams."""

from __future__ import annotations

import math
import statistics
from typing import Any

import pytest

from govbench.reference.behaviour import OTHER_PATHS, BadTarget, Behaviours, Script
from govbench.results.plan import Api, Side
from govbench.results.wire import read_answer, stream_content


def scripts(target: str, count: int = 1, *, stream: bool = False, **settings: Any) -> list[Script]:
    behaviours = Behaviours(**settings)
    return [behaviours.find(target, stream=stream).draw() for _ in range(count)]


def delays_ms(target: str, count: int, **settings: Any) -> list[float]:
    return [script.steps[-1].delay_ns / 1e6 for script in scripts(target, count, **settings)]


def body_of(script: Script) -> bytes:
    """The body, its chunks taken apart."""
    head, _, rest = b"".join(step.data for step in script.steps).partition(b"\r\n\r\n")
    if b"chunked" not in head:
        return rest
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body


def events_of(script: Script) -> list[bytes]:
    """The data of each event; comments are none."""
    events = body_of(script).split(b"\n\n")[:-1]
    return [event.removeprefix(b"data: ") for event in events if not event.startswith(b":")]


def test_constant_comes_at_once_and_fixed_after_its_time() -> None:
    assert delays_ms("/constant", 2) == [0, 0]
    assert delays_ms("/fixed?ms=50.5", 2) == [50.5, 50.5]
    assert delays_ms("/fixed", 1, latency_ms=30.0) == [30]


def test_lognormal_has_the_median_and_spread_it_names() -> None:
    logs = [math.log(ms) for ms in delays_ms("/lognormal", 4000, latency_ms=20.0, spread=0.3)]

    # Five standard errors of the mean and of the standard deviation of 4000 normal values.
    assert statistics.fmean(logs) == pytest.approx(math.log(20), abs=5 * 0.3 / math.sqrt(4000))
    assert statistics.stdev(logs) == pytest.approx(0.3, abs=5 * 0.3 / math.sqrt(8000))


def test_delays_are_those_of_the_seed() -> None:
    assert delays_ms("/lognormal", 20, seed=7) == delays_ms("/lognormal", 20, seed=7)
    assert delays_ms("/lognormal", 20, seed=7) != delays_ms("/lognormal", 20, seed=8)


def test_targets_have_generators_of_their_own() -> None:
    behaviours = Behaviours()
    interleaved = []
    for _ in range(10):
        interleaved.append(behaviours.find("/lognormal").draw())
        behaviours.find("/mix?p=0.5").draw()

    assert interleaved == scripts("/lognormal", 10)


def test_mix_is_slow_for_its_share() -> None:
    delays = delays_ms("/mix?p=0.25&slow_ms=200&ms=10", 2000)

    assert set(delays) == {10, 200}
    assert delays.count(200) / 2000 == pytest.approx(0.25, abs=5 * math.sqrt(0.25 * 0.75 / 2000))


def test_errors_come_for_their_share_and_leave_the_other_delays_alone() -> None:
    few = scripts("/error?share=0.1&status=503", 1000)
    none = scripts("/error?share=0", 1000)

    failed = [script for script in few if script.status == 503]
    assert len(failed) / 1000 == pytest.approx(0.1, abs=5 * math.sqrt(0.1 * 0.9 / 1000))
    assert {script.steps[0].delay_ns for script in failed} == {0}
    assert failed[0].steps[0].data.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert {script.status for script in none} == {200}


@pytest.mark.parametrize(
    "target",
    [
        "/fixed?mss=50",
        "/fixed?ms=fast",
        "/fixed?ms=-1",
        "/fixed?ms=nan",
        "/fixed?ms=1&ms=2",
        "/mix?p=2",
        "/error?status=200",
        "/stream?events=0",
        "/stream?events=1.5",
        "/stream?shape=other",
        "/stream?events=3&cut=4",
    ],
)
def test_a_parameter_that_cannot_be_used_is_a_bad_request(target: str) -> None:
    (script,) = scripts(target)

    assert (script.status, script.steps[0].delay_ns) == (400, 0)


@pytest.mark.parametrize("default", ["/nothing", "/fixed?mss=1", "lognormal"])
def test_a_default_that_is_none_is_refused(default: str) -> None:
    with pytest.raises(BadTarget):
        Behaviours(default=default)


def test_other_paths_do_the_default_whatever_their_query() -> None:
    behaviours = Behaviours(default="/fixed?ms=3")
    found = behaviours.find("/api/v1/chat?page=1")

    assert found.path == "/api/v1/chat"
    assert found is behaviours.find("/api/v1/chat?page=2")
    assert found.draw().steps[0].delay_ns == 3_000_000


def test_paths_without_end_share_one_behaviour() -> None:
    behaviours = Behaviours()
    for number in range(17_000):
        behaviours.find(f"/item/{number}")

    assert behaviours.find("/item/1").path == "/item/1"
    assert behaviours.find("/item/16999").path == OTHER_PATHS


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/api/v1/chat", Api.GOVSTACK),
        ("/chat/", Api.GOVSTACK_MESSAGE),
        ("/v1/chat/completions", Api.OPENAI_CHAT),
    ],
)
def test_answers_are_read_by_the_wire_formats(path: str, api: Api) -> None:
    answer = read_answer(Side(api=api, name="target", url="http://127.0.0.1"), body_of(scripts(path)[0]))

    assert (answer.text, answer.input_tokens, answer.output_tokens) == ("ok", 5, 7)


@pytest.mark.parametrize(
    ("path", "api"), [("/api/v1/chat", Api.GOVSTACK), ("/v1/chat/completions", Api.OPENAI_CHAT)]
)
def test_streams_are_read_by_the_wire_formats(path: str, api: Api) -> None:
    default = "/stream?events=4&tokens_per_event=3&usage=1"
    side = Side(api=api, name="target", url="http://127.0.0.1", stream=True)
    (script,) = scripts(path, stream=True, default_stream=default)

    read = [stream_content(side, event) for event in events_of(script)]

    assert sum(event.content for event in read) == 4
    assert [event.output_tokens for event in read if event.output_tokens is not None] == [12]
    assert read[-1].done


def test_a_stream_has_its_events_at_their_times() -> None:
    target = "/stream?first_ms=500&events=3&gap_ms=50&opening_ms=100&done_ms=7"
    (script,) = scripts(target)

    assert [step.delay_ns / 1e6 for step in script.steps] == [100, 500, 550, 600, 607]
    assert [step.events for step in script.steps] == [0, 1, 1, 1, 0]
    assert script.is_stream
    assert b'"role"' in script.steps[0].data


def test_the_text_of_an_event_has_the_bytes_and_words_asked_for() -> None:
    (script,) = scripts("/stream?shape=plain&events=2&bytes=31&tokens_per_event=4")
    text, _, done = events_of(script)

    assert (len(text), len(text.split()), done) == (31, 4, b"[DONE]")
    assert len(text.decode()) == 30  # one character has two bytes


def test_split_sends_the_same_bytes_cut_within_characters() -> None:
    plain, split = scripts("/stream?events=5&usage=1") + scripts("/stream?events=5&usage=1&split=1")

    assert body_of(split) == body_of(plain)
    assert [step.delay_ns for step in split.steps] == [step.delay_ns for step in plain.steps]
    for step in split.steps[:5]:
        assert step.data.endswith("ü".encode()[:1] + b"\r\n")


@pytest.mark.parametrize("split", [0, 1])
def test_split_or_not_an_event_is_complete_at_its_time(split: int) -> None:
    (script,) = scripts(f"/stream?events=5&split={split}")
    for number in range(1, 6):
        sent = Script(200, script.steps[: number + 1])
        assert len([event for event in events_of(sent) if b"content" in event]) == number + 1  # and the role


def test_cut_ends_after_so_many_events_without_the_last_chunk() -> None:
    (script,) = scripts("/stream?events=5&cut=2")

    assert script.is_cut
    assert sum(step.events for step in script.steps) == 2
    assert b"[DONE]" not in body_of(script)
    assert not script.steps[-1].data.endswith(b"0\r\n\r\n")


def test_http_1_0_is_given_no_chunks() -> None:
    script = Behaviours().find("/stream?events=2", chunked=False).draw()

    assert b"Transfer-Encoding" not in script.steps[0].data
    assert script.steps[1].data.startswith(b"data: ")
