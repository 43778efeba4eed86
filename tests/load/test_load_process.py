"""Real load processes against the embedded API and against servers that misbehave."""

from __future__ import annotations

import gzip
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from govbench.load.launch import Event, LoadProcess
from govbench.load.transport import HAS_KERNEL_CLOCK
from govbench.record.breakdown import breakdown
from govbench.record.measure import measure
from govbench.record.phases import examples_by_phase, phase_windows, slice_windows
from govbench.record.reader import SampleTable, read_samples
from govbench.record.summarise import accounting
from govbench.results.breakdown import Attempts
from govbench.results.metrics import MetricName
from govbench.results.plan import Api, HttpTemplate
from govbench.results.run import Outcome
from govbench.results.samples import CODE_OF, RECORD_BYTES, Kind
from govbench.stats import quantile
from tests.load.conftest import (
    BODY,
    Behaviour,
    Certificate,
    Ended,
    Loads,
    Serve,
    Server,
    free_port,
    http,
    make_plan,
    replies,
    resets,
    says_nothing,
)
from tests.reference.conftest import Reference, start_reference, stop_reference

pytestmark = pytest.mark.load

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
GOOD = replies(http(), keep=True)


def outcomes(samples: SampleTable, side: int = 0) -> Counter[Outcome]:
    codes = samples.column("outcome")[samples.column("side") == side].tolist()
    by_code = {code: outcome for outcome, code in CODE_OF.items()}
    return Counter(by_code[code] for code in codes)


def told(samples: SampleTable, flag: str) -> list[bool]:
    """Of each request whether a flag is set."""
    found = samples.flag(flag)
    assert found is not None
    return [bool(each) for each in found]


def slowly(seconds: float, answer: bytes = b"") -> Behaviour:
    def behave(sock: socket.socket) -> bool:
        time.sleep(seconds)
        sock.sendall(answer or http())
        return True

    return behave


MISBEHAVING: list[tuple[Behaviour, Outcome]] = [
    (GOOD, Outcome.OK),
    (says_nothing, Outcome.TIMEOUT),
    (replies(), Outcome.RESET),
    (replies(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), Outcome.TRUNCATED),
    (replies(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nhalf"), Outcome.TRUNCATED),
    (replies(CHUNKED + b"20\r\nhalf"), Outcome.TRUNCATED),
    (replies(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + BODY), Outcome.BAD_BODY),
    (replies(b"HTTP/1.0 200 OK\r\n\r\n" + BODY), Outcome.OK),
    (replies(b"HTTP/1.1 103 Early Hints\r\n\r\n" + http(), keep=True), Outcome.OK),
    (replies(http(gzip.compress(BODY), b"200 OK", b"Content-Encoding: gzip"), keep=True), Outcome.OK),
    (replies(http(b"broken", b"200 OK", b"Content-Encoding: gzip"), keep=True), Outcome.BAD_BODY),
    (replies(b"garbage, all of it\r\n\r\n"), Outcome.BAD_BODY),
    (replies(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 70_000), Outcome.BAD_BODY),
    (resets(), Outcome.RESET),
    (replies(http(b"{}", b"404 Not Found"), keep=True), Outcome.HTTP_4XX),
    (replies(http(b"{}", b"429 Too Many Requests"), keep=True), Outcome.HTTP_429),
    (replies(http(b"{}", b"503 Service Unavailable"), keep=True), Outcome.HTTP_5XX),
    (replies(http(b"{}", b"302 Found", b"Location: /"), keep=True), Outcome.CHECK),
    (replies(http(b"<html>"), keep=True), Outcome.BAD_BODY),
    (replies(b"HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), Outcome.BAD_BODY),
    (GOOD, Outcome.OK),
]  # fmt: skip


def test_every_misbehaviour_has_its_class_and_the_run_goes_on(serve: Serve, loads: Loads) -> None:
    servers = [serve(behave) for behave, _ in MISBEHAVING]
    urls = [server.url for server in servers]
    refused, unresolved = f"http://127.0.0.1:{free_port()}", "http://no-such-host.invalid"
    ended = loads.run(make_plan(*urls, refused, unresolved, slice_s=0.3, total_s=0.2))
    assert ended.end.completed
    assert ended.end.failure is None
    for side, (_, outcome) in enumerate(MISBEHAVING):
        found = outcomes(ended.samples, side)
        assert set(found) == {outcome}, (side, found)
        assert found.total() == len(servers[side].requests)
    assert set(outcomes(ended.samples, len(urls))) == {Outcome.CONNECT}
    assert set(outcomes(ended.samples, len(urls) + 1)) == {Outcome.CONNECT}
    whole = accounting(ended.samples)
    assert whole.balanced
    assert whole.lost == 0
    assert whole.dropped == 0
    assert sum(error["count"] for error in ended.end.errors) == whole.failed
    late = ended.samples.column("last_byte_ms")[ended.samples.is_outcome(Outcome.TIMEOUT)]
    assert (late >= 199).all()
    assert (late < 1_000).all()
    keeping = [i for i, (behave, _) in enumerate(MISBEHAVING) if behave is GOOD]
    assert all(servers[i].connections == 2 for i in keeping)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts files by /proc")
def test_many_failures_leave_no_open_file(serve: Serve, loads: Loads) -> None:
    failing = [serve(replies()), serve(resets()), serve(replies(b"garbage\r\n\r\n"))]
    urls = [*(server.url for server in failing), f"http://127.0.0.1:{free_port()}"]
    ended = loads.run(make_plan(*urls, slice_s=0.6, think_s=0.001))
    assert len(ended.samples) > 500
    assert not ended.samples.ok.any()
    assert len(ended.open_files) > 3
    assert max(ended.open_files) - min(ended.open_files) <= 4  # the two users' connections, and a look-up


def test_the_first_sample_of_a_connection_carries_its_cost_and_no_other(serve: Serve, loads: Loads) -> None:
    ended = loads.run(make_plan(serve(GOOD).url, users=3, stop_timeout_s=1))
    assert np.isfinite(ended.samples.column("connect_ms")).sum() == 3
    assert (
        1 <= np.isfinite(ended.samples.column("dns_ms")).sum() <= 3
    )  # who begins together looks up together
    assert np.isnan(ended.samples.column("tls_ms")).all()
    assert (ended.samples.kernel_clock == HAS_KERNEL_CLOCK).all()
    assert ended.samples.names == ("POST /api/v1/chat",)


def test_a_connection_that_the_server_closes_when_idle_is_replaced(serve: Serve, loads: Loads) -> None:
    def behave(sock: socket.socket) -> bool:
        sock.sendall(http())
        sock.settimeout(0.02)  # an idle time far below the think time
        try:
            sock.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        return True

    server = serve(behave)
    ended = loads.run(make_plan(server.url, think_s=0.1))
    assert set(outcomes(ended.samples)) == {Outcome.OK}
    assert server.connections == len(ended.samples) > 4


SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
EVENTS = (b'data: {"delta": "a"}\n\n', b'data: {"delta": "b"}\n\n')
LAST = b'data: {"type": "done", "session_id": "s", "usage": {"input_tokens": 3, "output_tokens": 7}}\n\n'


def test_streams(serve: Serve, loads: Loads) -> None:
    def whole(sock: socket.socket) -> bool:
        sock.sendall(SSE + b": hello\n\n")
        for event in (*EVENTS, LAST):
            time.sleep(0.03)
            sock.sendall(event)
        return False

    cut = replies(SSE + EVENTS[0])
    broken = replies(SSE + b"data: no JSON\n\n")
    servers = [serve(behave) for behave in (whole, cut, broken)]
    ended = loads.run(make_plan(*(s.url for s in servers), slice_s=0.5, stream=True))
    found = [outcomes(ended.samples, side) for side in range(3)]
    assert [set(f) for f in found] == [{Outcome.OK}, {Outcome.TRUNCATED}, {Outcome.BAD_BODY}]
    assert [f.total() for f in found] == [len(s.requests) for s in servers]
    good = ended.samples.where(ended.samples.ok)
    assert (good.column("first_answer_ms") == good.column("first_token_ms")).all()
    assert (good.column("events") == 3).all()
    assert (good.column("output_tokens") == 7).all()
    first, last = good.column("first_token_ms"), good.column("last_byte_ms")
    assert (good.column("first_byte_ms") <= first - 25).all()
    assert (first <= last - 50).all()
    assert (loads.folder / "events").stat().st_size == 8 * int(ended.samples.column("events").sum())


def test_a_stream_that_says_it_failed_has_and_tells_why(serve: Serve, loads: Loads) -> None:
    failing = [
        replies(SSE + EVENTS[0] + b'event: error\ndata: {"message": "overloaded"}\n\n' + LAST),
        replies(SSE + EVENTS[0] + b'data: {"error": "no access with api_key=hunter22"}\n\n' + LAST),
    ]
    endings = [replies(SSE + EVENTS[0] + b"data: [DONE]\n"), replies(SSE + EVENTS[0] + b"data: [DONE]")]
    servers = [serve(behave) for behave in (*failing, *endings)]
    ended = loads.run(make_plan(*(s.url for s in servers), slice_s=0.4, stream=True))
    found = [outcomes(ended.samples, side) for side in range(4)]
    assert [set(f) for f in found] == [{Outcome.STREAM}] * 2 + [{Outcome.OK}] * 2
    assert {(error["outcome"], error["message"]) for error in ended.end.errors} == {
        ("stream", "an event named error ends the answer: overloaded"),
        ("stream", "the event says that it failed: no access with api_key=[redacted]"),
    }
    assert accounting(ended.samples).errors[Outcome.STREAM] == found[0].total() + found[1].total()


def chunked(*pieces: bytes, whole: bool = True) -> Behaviour:
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return replies(head + body + (b"0\r\n\r\n" if whole else b""), keep=whole)


def test_a_stream_of_any_api_is_whole_when_its_answer_or_its_last_event_is(
    serve: Serve, loads: Loads
) -> None:
    piece, last = b'data: {"a": "x"}\n\n', b"event: stop\ndata: {}\n\n"
    servers = [
        serve(chunked(piece, piece)),
        serve(chunked(piece, whole=False)),
        serve(chunked(b"data: {}\n\n")),
        serve(replies(http(b'{"a": "x"}'), keep=True)),
        serve(chunked(piece, last)),
        serve(chunked(piece, piece)),
    ]
    plan = make_plan(*(s.url for s in servers), slice_s=0.4, stream=True)
    ends = (None, None, None, None, "stop", "stop")
    sides = tuple(
        replace(side, api=Api.HTTP, http=HttpTemplate(answer_path="a", end=end))
        for side, end in zip(plan.sides, ends, strict=True)
    )
    ended = loads.run(replace(plan, sides=sides))

    assert [set(outcomes(ended.samples, side)) for side in range(6)] == [
        {Outcome.OK},
        {Outcome.TRUNCATED},
        {Outcome.BAD_BODY},
        {Outcome.BAD_BODY},
        {Outcome.OK},
        {Outcome.TRUNCATED},
    ]
    first = ended.samples.column("first_token_ms")
    assert np.isfinite(first[ended.samples.ok]).all()


@pytest.mark.parametrize("api", [Api.GOVSTACK, Api.GOVSTACK_MESSAGE, Api.OPENAI_CHAT, Api.HTTP])
def test_a_whole_answer_that_says_it_failed_has(serve: Serve, loads: Loads, api: Api) -> None:
    body = b'{"error": {"message": "overloaded"}, "answer": "S", "choices": [{"message": {"content": "S"}}]}'
    server = serve(replies(http(body), keep=True))
    plan = make_plan(server.url, max_requests=5, steady_s=20)
    ended = loads.run(replace(plan, sides=(replace(plan.sides[0], api=api),)))
    assert outcomes(ended.samples) == {Outcome.STREAM: 5}
    assert ended.end.errors[0]["message"] == "the answer says that it failed: overloaded"


def test_the_first_failure_of_each_kind_is_told_by_its_side(serve: Serve, loads: Loads) -> None:
    refusals = iter([b'{"detail": "out of\nmemory"}', *[b"later ones differ"] * 10_000])

    def refuses(sock: socket.socket) -> bool:
        sock.sendall(http(next(refusals), b"503 No"))
        return True

    servers = [
        serve(refuses),
        serve(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nhalf")),
        serve(GOOD),
    ]
    ended = loads.run(make_plan(*(server.url for server in servers), users=1, slice_s=0.3))
    assert examples_by_phase(ended.end.events) == {
        (0, 0): {(Outcome.HTTP_5XX, 503): 'HTTP 503: {"detail": "out of memory"}'},
        (0, 1): {(Outcome.TRUNCATED, 200): "connection closed in mid-answer"},
    }
    assert {error["message"] for error in ended.end.errors} == {"HTTP 503", "connection closed in mid-answer"}


def test_self_signed_certificate_is_refused(serve: Serve, loads: Loads, certificate: Certificate) -> None:
    server = serve(GOOD, tls=certificate.server)
    ended = loads.run(make_plan(server.url, steady_s=0.4))
    assert set(outcomes(ended.samples)) == {Outcome.TLS}
    assert "certificate verify failed" in ended.end.errors[0]["message"]


def test_trusted_certificate(
    serve: Serve, loads: Loads, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    server = serve(GOOD, tls=certificate.server)
    ended = loads.run(make_plan(server.url, steady_s=0.4))
    assert set(outcomes(ended.samples)) == {Outcome.OK}
    assert server.connections == 2
    assert np.isfinite(ended.samples.column("tls_ms")).sum() == 2
    assert (ended.samples.kernel_clock == HAS_KERNEL_CLOCK).all()


# --- against the embedded API, and the reference


@pytest.fixture
def reference() -> Iterator[Reference]:
    started = start_reference("--default", "/lognormal?median_ms=20&spread=0.5")
    yield started
    stop_reference(started)


def test_localhost_is_found_whichever_address_it_listens_on(demo: str, loads: Loads) -> None:
    ended = loads.run(make_plan(demo.replace("127.0.0.1", "localhost"), steady_s=0.4))
    assert set(outcomes(ended.samples)) == {Outcome.OK}


def deviations(reference: Reference, ended: Ended) -> dict[str, tuple[float, float]]:
    """What the client says against what the server says, of the same requests: p50 and p95 in ms."""
    windows = phase_windows(ended.end.events, end_s=0)[0]
    start, end = windows.steady_start_s, windows.steady_end_s
    truth = reference.truth(start=start, end=end)
    (median_ms,) = (
        metric.value
        for metric in measure(ended.samples, [(start, end)])
        if metric.name is MetricName.SERVICE_TIME_P50
    )
    counted = (ended.samples.due_s >= start) & (ended.samples.due_s < end)
    p95_ms = quantile(ended.samples.column("last_byte_ms")[counted].astype(float), 0.95)
    pairs = {"median_ms": (median_ms, truth["median_ms"]), "p95_ms": (p95_ms, truth["p95_ms"])}
    return {n: (a, b) for n, (a, b) in pairs.items() if abs(a - b) > max(0.03 * b, 0.5)}


def test_recorded_times_are_the_servers_own(reference: Reference, tmp_path: Path) -> None:
    """The server may be late itself, but notes by the clock of the kernel when a request came.

    What a busy machine does to both is in both figures; only a client or a server that is kept from running
    right between its clock and its call sees another instant, and so the few attempts.
    """
    url = f"http://127.0.0.1:{reference.listening['port']}"
    wrong: dict[str, tuple[float, float]] = {}
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        ended = Loads(folder).run(make_plan(url, users=10, warmup_s=0.3, steady_s=2, think_s=0.05))
        assert set(outcomes(ended.samples)) == {Outcome.OK}
        wrong = deviations(reference, ended)
        if not wrong:
            return
    pytest.fail(f"client against server: {wrong}")


# --- ends


def test_the_limit_of_requests_is_exact(serve: Serve, loads: Loads) -> None:
    server = serve(GOOD)
    ended = loads.run(make_plan(server.url, users=7, steady_s=60, think_s=0, max_requests=100))
    assert len(server.requests) == len(ended.samples) == ended.samples.header.sent == 100
    assert ended.end.completed
    assert ended.events[-1]["limited"]


def test_stop_in_mid_phase_lets_requests_finish(serve: Serve, loads: Loads) -> None:
    server = serve(slowly(0.3))

    def stop(process: LoadProcess, event: Event) -> None:
        if event["event"] == "steady":
            threading.Timer(0.45, process.stop).start()

    ended = loads.run(make_plan(server.url, steady_s=60), stop)
    assert not ended.end.completed
    assert ended.end.failure is None
    assert outcomes(ended.samples) == {Outcome.OK: len(server.requests)}
    assert accounting(ended.samples).balanced
    kinds = [event["event"] for event in ended.end.events]
    assert kinds == ["ready", "phase", "steady", "steady_end", "phase_end", "stopping", "done"] or (
        kinds == ["ready", "phase", "steady", "steady_end", "stopping", "done"]
    )


def test_what_does_not_finish_in_time_is_cancelled(serve: Serve, loads: Loads) -> None:
    server = serve(says_nothing)
    ended = loads.run(make_plan(server.url, users=3, steady_s=0.3, stop_timeout_s=0.3))
    assert outcomes(ended.samples) == {Outcome.CANCELLED: 3}
    assert ended.end.completed
    assert accounting(ended.samples).balanced


def test_retries_are_numbered(serve: Serve, loads: Loads) -> None:
    server = serve(replies(http(b"{}", b"503 No"), keep=True))
    ended = loads.run(make_plan(server.url, users=1, retries=2, max_requests=30, steady_s=20))
    assert ended.samples.column("attempt").tolist() == [0, 1, 2] * 10
    assert told(ended.samples, "retry") == [False, True, True] * 10
    assert len(set(ended.samples.column("session").tolist())) == 10
    bodies = [request.partition(b"\r\n\r\n")[2] for request in server.requests]
    assert all(bodies[i] == bodies[i - i % 3] for i in range(30))


def test_what_trying_again_was_good_for_is_counted(serve: Serve, loads: Loads) -> None:
    refused = cycle(
        [False, True, False, False, True, True, True]
    )  # the second answer to a retry, the last not

    def behave(sock: socket.socket) -> bool:
        sock.sendall(http(b"{}", b"503 No") if next(refused) else http())
        return True

    ended = loads.run(make_plan(serve(behave).url, users=1, retries=2, max_requests=14, steady_s=20))
    found = breakdown(ended.samples, retries=2)
    assert found is not None
    assert found.attempts == Attempts(asked=8, ok_at_first=4, retries=6, ok_after=2)


def test_a_refused_answer_is_not_tried_again(serve: Serve, loads: Loads) -> None:
    server = serve(replies(http(b"{}", b"404 No"), keep=True))
    ended = loads.run(make_plan(server.url, users=1, retries=2, max_requests=5, steady_s=20))
    assert not ended.samples.column("attempt").any()


def test_sessions_last_for_their_turns(serve: Serve, loads: Loads) -> None:
    server = serve(GOOD)
    ended = loads.run(make_plan(server.url, users=1, turns=3, max_requests=9, steady_s=20))
    assert ended.samples.column("turn").tolist() == [0, 1, 2] * 3
    assert ended.samples.column("session").tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert told(ended.samples, "last_turn") == [False, False, True] * 3
    assert told(ended.samples, "reused") == [False, *[True] * 8]
    assert not any(told(ended.samples, "retry") + told(ended.samples, "redirect"))
    assert ended.samples.column("upload_ms").tolist() == [0] * 9
    assert [ended.samples.kinds[n] for n in ended.samples.column("kind")] == [Kind("citizens", "general")] * 9
    assert [b'"session_id":"s-1"' in request for request in server.requests] == [False, True, True] * 3


def queries(server: Server) -> list[bytes]:
    return [request.partition(b'"query":')[2].partition(b",")[0] for request in server.requests]


def test_both_sides_are_asked_the_same_in_their_turns(serve: Serve, loads: Loads) -> None:
    servers = [serve(GOOD), serve(GOOD)]
    plan = make_plan(servers[0].url, servers[1].url, users=1, slice_s=0.8)
    phase = plan.phases[0]
    same_pair = replace(phase, slices=tuple(replace(part, pair=0) for part in phase.slices))
    plan = replace(plan, phases=(same_pair,))
    ended = loads.run(plan)
    first, second = (queries(server) for server in servers)
    shorter = min(len(first), len(second))
    assert shorter > 10
    assert first[:shorter] == second[:shorter]
    assert len(set(first)) > 5
    windows = slice_windows(plan, ended.end.events, phase_windows(ended.end.events, end_s=0))
    assert [window.side for window in windows] == [0, 1]
    for window in windows:
        due = ended.samples.due_s
        asked = ended.samples.column("side")[(due >= window.start_s) & (due < window.end_s)]
        assert len(asked) > 10
        assert (asked == window.side).all()


def test_saved_answers_are_redacted_few_and_short(serve: Serve, loads: Loads) -> None:
    text = "Write to jane.doe@example.org or call +49 30 1234567. " + "word " * 2_000
    server = serve(replies(http(b'{"answer": "%b"}' % text.encode()), keep=True))
    loads.run(make_plan(server.url, users=4, save_responses=3))
    saved = (loads.folder / "responses.txt").read_text()
    assert saved.count("--- ") == 3
    assert "jane.doe" not in saved
    assert "1234567" not in saved
    assert len(saved) < 3 * 2_100


def test_messages_do_not_repeat_secrets(serve: Serve, loads: Loads) -> None:
    server = serve(replies(http(b'{"error": "what is hush-hush-4711 for?"}'), keep=True))
    plan = make_plan(server.url)
    side = replace(plan.sides[0], secret_headers=(("X-Proof", "hush-hush-4711"),))
    ended = loads.run(replace(plan, sides=(side,)))
    assert "what is [redacted] for?" in ended.end.errors[0]["message"]
    assert all(b"X-Proof: hush-hush-4711\r\n" in request for request in server.requests)
    files = [path for path in loads.folder.iterdir() if path.is_file()]
    assert not [path for path in files if b"hush-hush" in path.read_bytes()]


def test_neither_does_what_a_refusal_says(serve: Serve, loads: Loads) -> None:
    body = b"no access with hush-hush-4711 or api_key=hunter22 " + b"x" * 5_000
    server = serve(replies(http(body, b"403 No"), keep=True))
    plan = make_plan(server.url)
    side = replace(plan.sides[0], secret_headers=(("X-Proof", "hush-hush-4711"),))
    ended = loads.run(replace(plan, sides=(side,)))
    (text,) = examples_by_phase(ended.end.events)[0, 0].values()
    assert text.startswith("HTTP 403: no access with [redacted] or api_key=[redacted] ")
    assert len(text) <= 200


# --- violent ends


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_load_process_leaves_all_its_samples(serve: Serve, loads: Loads) -> None:
    server = serve(GOOD)

    def kill(process: LoadProcess, event: Event) -> None:
        if event["event"] == "tick" and event["sent"] > 10:
            process.kill()

    ended = loads.run(make_plan(server.url, steady_s=60), kill)
    assert not ended.end.completed
    assert ended.end.failure is not None
    assert "signal 9" in ended.end.failure
    ticks = [event for event in ended.events if event["event"] == "tick"]
    assert len(ended.samples) >= ticks[-1]["ok"] > 8
    assert set(outcomes(ended.samples)) == {Outcome.OK}
    assert 0 <= ended.samples.header.sent - len(ended.samples) <= 2
    window = phase_windows(ended.end.events, end_s=float(ended.samples.end_s.max()))[0]
    assert window.steady_end_s == window.end_s > window.steady_start_s


PARENT = """
import sys, pickle, time
from pathlib import Path
from govbench.load.launch import LoadProcess
process = LoadProcess(pickle.loads(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]))
print(process.pid, flush=True)
process.follow(lambda event: None)
"""


def test_the_load_ends_when_its_parent_is_killed(serve: Serve, tmp_path: Path) -> None:
    server = serve(GOOD)
    folder = tmp_path / "run"
    folder.mkdir()
    (tmp_path / "plan").write_bytes(pickle.dumps(make_plan(server.url, steady_s=60)))
    command = [sys.executable, "-c", PARENT, str(tmp_path / "plan"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            deadline = time.monotonic() + 30
            while len(server.requests) < 10 and time.monotonic() < deadline:
                time.sleep(0.02)
            parent.kill()
            parent.wait()
            while alive(child) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not alive(child)
        finally:
            if alive(child):
                os.kill(child, signal.SIGKILL)
    samples = read_samples(folder)
    assert outcomes(samples) == {Outcome.OK: len(server.requests)}
    assert accounting(samples).balanced


LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
sys.argv[0] = "govbench.load"
runpy.run_module("govbench.load", run_name="__main__")
"""


def test_a_full_disk_ends_the_run_and_what_was_written_is_kept(
    serve: Serve, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(GOOD)
    records = 16_384
    script = loads.folder.parent / "limited.py"
    script.write_text(LIMITED)
    popen = subprocess.Popen

    def limited(command: list[str], **options: Any) -> Any:
        limit = str(records * RECORD_BYTES + 10_000)
        return popen([sys.executable, str(script), limit, command[-1]], **options)

    monkeypatch.setattr(subprocess, "Popen", limited)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    ended = loads.run(make_plan(server.url, users=8, steady_s=60, think_s=0, stop_timeout_s=1))
    assert not ended.end.completed
    assert ended.end.failure is not None
    assert "File too large" in ended.end.failure
    assert [event["event"] for event in ended.events][-1] == "failed"
    assert len(ended.samples) == records
    assert set(outcomes(ended.samples)) == {Outcome.OK}
    assert 1 <= ended.samples.header.sent - len(ended.samples) <= 8


def test_a_folder_that_cannot_be_written_is_told(loads: Loads) -> None:
    (loads.folder / "samples").write_bytes(b"of another run")
    process = loads.begin(make_plan("http://127.0.0.1:9"))
    end = process.follow(lambda event: None)
    assert not end.completed
    assert end.failure is not None
    assert "File exists" in end.failure
    assert (loads.folder / "samples").read_bytes() == b"of another run"
