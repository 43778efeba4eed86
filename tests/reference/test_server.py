"""The real process: its answers, their instants, and what it counts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from govbench.reference.truth import CUT, GONE, KERNEL_ARRIVAL, STREAM, STUCK, load
from tests.reference.conftest import Reference, Start, command

# Nothing may come early. How late a shared machine makes an answer is not this program's to promise.
SLACK_MS = 500
GET = "GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n"


def get(target: str, *fields: str) -> bytes:
    return GET.format(target, "".join(f"{field}\r\n" for field in fields)).encode()


def eventually(reference: Reference, **expected: int) -> dict[str, Any]:
    """The truth, once it has these figures: the end of a connection is noticed a little later."""
    deadline = time.monotonic() + 20
    while any((truth := reference.truth())[name] != value for name, value in expected.items()):
        assert time.monotonic() < deadline, truth
        time.sleep(0.01)
    return truth


# --- the process


def test_says_where_it_listens(reference: Reference) -> None:
    assert reference.listening["event"] == "listening"
    assert reference.listening["host"] == "127.0.0.1"
    assert reference.listening["pid"] == reference.process.pid
    assert reference.client.get("/health").json() == {"status": "healthy"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(start: Start, number: signal.Signals) -> None:
    reference = start()
    with reference.connect() as waiting:
        waiting.sendall(get("/fixed?ms=60000"))
        eventually(reference, in_flight=1)
        os.kill(reference.process.pid, number)
        assert reference.process.wait(timeout=20) == 0


def test_a_taken_port_is_one_line_and_exit_code_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("--port", str(port))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert f"127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--default", "/nothing"),
        ("--latency-ms", "-1"),
        ("--port", "70000"),
        ("--tls-cert", "only.pem"),
        ("--tls-cert", "no.pem", "--tls-key", "no.pem"),
        ("--log-events", "/no/such/folder/log"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(options: tuple[str, ...]) -> None:
    done = run(*options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*options), capture_output=True, text=True, timeout=60, check=False)


# --- delays


@pytest.mark.parametrize("ms", [0.5, 7.3, 60])
def test_nothing_comes_before_its_delay(start: Start, ms: float) -> None:
    reference = start()
    for _ in range(5):
        begin = time.perf_counter()
        reference.client.get(f"/fixed?ms={ms}")
        assert (time.perf_counter() - begin) * 1e3 >= ms

    truth = reference.truth(path="/fixed")
    assert ms <= truth["median_ms"] <= ms + SLACK_MS
    assert truth["late"]["median_ms"] == pytest.approx(truth["median_ms"] - ms, abs=1e-5)


def test_the_delays_of_a_seed_are_those_of_its_scripts(start: Start) -> None:
    first, second = start("--seed", "5", "--latency-ms", "2"), start("--seed", "5", "--latency-ms", "2")
    planned = []
    for reference in (first, second):
        for _ in range(8):
            reference.client.post("/api/v1/chat", json={"query": "q"})
        records, _ = load(reference.client.get("/truth.bin").content)
        planned.append(records["planned_ns"].tolist())

    assert planned[0] == planned[1]
    assert len(set(planned[0])) == 8


def test_a_freeze_holds_back_what_is_due_in_it(start: Start) -> None:
    reference = start()
    begin = time.perf_counter()
    assert reference.client.post("/control/freeze", params={"s": 0.3}).json() == {"frozen_s": 0.3}
    reference.client.get("/constant")

    assert time.perf_counter() - begin >= 0.3
    assert reference.truth()["late"]["max_ms"] > 200
    assert reference.client.get("/control/freeze?s=1").status_code == 405
    assert reference.client.post("/control/freeze?s=-1").status_code == 400


# --- streams


def test_a_stream_is_sent_event_by_event(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    reference = start("--log-events", str(log))
    begin = time.perf_counter()
    with reference.client.stream("GET", "/stream?first_ms=60&events=4&gap_ms=30&usage=1") as answer:
        seen = [(line, (time.perf_counter() - begin) * 1e3) for line in answer.iter_lines() if line]
    contents = [at for line, at in seen if '"content":"a' in line]

    assert answer.headers["content-type"] == "text/event-stream"
    assert len(contents) == 4
    for number, at_ms in enumerate(contents):
        assert at_ms >= 60 + 30 * number
    assert [line for line, _ in seen][-1] == "data: [DONE]"
    streams = reference.truth()["streams"]
    assert (streams["count"], streams["events"], streams["cut"]) == (1, 4, 0)
    assert 60 <= streams["first_token"]["median_ms"] <= 60 + SLACK_MS
    noted = json.loads(log.read_text())
    delays = [(at - noted["arrival_ns"]) / 1e6 for at in noted["events_ns"]]
    assert all(delay >= 60 + 30 * number for number, delay in enumerate(delays))
    assert (noted["path"], len(delays)) == ("/stream", 4)


def test_split_events_come_whole_in_the_end(reference: Reference) -> None:
    target = "/stream?first_ms=20&events=4&gap_ms=20"
    whole = reference.client.get(target).text
    with reference.client.stream("GET", target + "&split=1") as answer:
        parts = list(answer.iter_raw())

    assert b"".join(parts).decode() == whole
    with pytest.raises(UnicodeDecodeError):
        parts[0].decode()


def test_a_cut_stream_is_cut(reference: Reference) -> None:
    before = reference.truth()["streams"]
    raw = reference.exchange_raw(get("/stream?first_ms=5&events=9&gap_ms=5&cut=3"))
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        reference.client.get("/stream?first_ms=5&events=9&gap_ms=5&cut=3")

    assert raw.count(b'"content":"a') == 3
    assert b"[DONE]" not in raw
    after = reference.truth()["streams"]
    assert (after["cut"] - before["cut"], after["events"] - before["events"]) == (2, 6)


def test_http_1_0_is_answered_up_to_the_end_of_the_connection(reference: Reference) -> None:
    raw = reference.exchange_raw(b"GET /stream?first_ms=5&events=2&gap_ms=5 HTTP/1.0\r\n\r\n")
    head, _, body = raw.partition(b"\r\n\r\n")

    assert b"Transfer-Encoding" not in head
    assert body.startswith(b"data: ")
    assert body.endswith(b"data: [DONE]\n\n")


def test_a_slow_reader_loses_nothing(reference: Reference) -> None:
    with reference.connect() as sock:
        sock.sendall(get("/stream?first_ms=0&gap_ms=0&events=300&bytes=65536", "Connection: close"))
        time.sleep(0.1)
        size = 0
        while part := sock.recv(65_536):
            size += len(part)
            end = part[-5:]

    assert end == b"0\r\n\r\n"
    assert size > 300 * 65_536
    records, _ = load(reference.client.get("/truth.bin").content)
    assert records["flags"][records["bytes"] == size].tolist()[0] & STUCK


# --- HTTP


def test_chat_completions_stream_where_asked(reference: Reference) -> None:
    body = {"messages": [{"role": "user", "content": 'say "stream": true'}]}
    whole = reference.client.post("/v1/chat/completions", json=body)
    target = "/v1/chat/completions"
    with reference.client.stream("POST", target, json={**body, "stream": True}) as streamed:
        first = next(streamed.iter_lines())

    assert whole.json()["choices"][0]["message"]["content"] == "ok"
    assert '"role":"assistant"' in first


def test_bodies_are_read_and_the_connection_kept(start: Start) -> None:
    reference = start()
    for size in (0, 10, 200_000, 5_000_000):
        answer = reference.client.post("/constant", content=b"x" * size)
        assert answer.json()["answer"] == "ok"

    assert reference.truth()["connections"] == 1


def test_pipelined_requests_are_answered_in_order(start: Start) -> None:
    reference = start()
    requests = [get("/fixed?ms=30"), get("/v1/chat/completions"), get("/error?share=1", "Connection: close")]
    raw = reference.exchange_raw(b"".join(requests))

    assert raw.count(b"HTTP/1.1 200 OK") == 2
    assert raw.index(b'"answer"') < raw.index(b'"choices"') < raw.index(b"HTTP/1.1 500")
    assert raw.count(b"Connection: close") == 1
    assert reference.truth()["by_status"] == {"200": 2, "500": 1}


def test_head_has_no_body(reference: Reference) -> None:
    answer = reference.client.head("/constant")

    assert int(answer.headers["content-length"]) > 0
    assert reference.client.get("/constant").status_code == 200  # the connection is still in step


def test_what_is_not_http_is_a_bad_request_and_counted(start: Start) -> None:
    reference = start()
    raw = reference.exchange_raw(get("/constant") + b"garbage\r\n\r\n")

    assert raw.startswith(b"HTTP/1.1 200 OK")
    assert b"HTTP/1.1 400 Bad Request" in raw
    assert reference.truth(path="(bad request)")["by_status"] == {"400": 1}


def test_a_target_without_end_is_a_bad_request(reference: Reference) -> None:
    assert reference.exchange_raw(get("/" + "a" * 100_000)).startswith(b"HTTP/1.1 400")


def test_an_upgrade_is_answered_plainly(reference: Reference) -> None:
    raw = reference.exchange_raw(get("/constant", "Connection: Upgrade", "Upgrade: websocket"))

    assert raw.startswith(b"HTTP/1.1 200 OK")


def test_unknown_control_paths_are_not_found_and_not_counted(start: Start) -> None:
    reference = start()

    assert reference.client.get("/control/nothing").status_code == 404
    assert reference.client.get("/truth.json?start=never").status_code == 400
    assert reference.truth()["count"] == 0


# --- the truth


def test_errors_are_counted_exactly(start: Start) -> None:
    reference = start("--latency-ms", "0")
    statuses = [reference.client.get("/error?share=0.3&status=503").status_code for _ in range(100)]

    counted = reference.truth(path="/error")["by_status"]
    assert counted == {"200": statuses.count(200), "503": statuses.count(503)}
    assert 0 < statuses.count(503) < 100


def test_every_request_of_many_connections_is_kept(start: Start) -> None:
    reference = start("--latency-ms", "2")

    def ask() -> None:
        with httpx.Client(base_url=reference.client.base_url, trust_env=False) as client:
            for _ in range(50):
                assert client.get("/lognormal").status_code == 200

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records, paths = load(reference.client.get("/truth.bin").content)

    assert (len(records), paths) == (200, ("/lognormal",))
    assert len(set(records["peer_port"].tolist())) == 4
    assert (records["first_byte_ns"] >= records["arrival_ns"] + records["planned_ns"]).all()
    assert (records["last_byte_ns"] >= records["first_byte_ns"]).all()
    assert reference.truth()["in_flight"] == 0


def test_windows_begin_and_end_where_asked(start: Start) -> None:
    reference = start()
    reference.client.get("/constant")
    between = time.time()
    reference.client.get("/constant")
    reference.client.get("/fixed?ms=1")

    assert reference.truth(end=between)["count"] == 1
    assert reference.truth(start=between)["count"] == 2
    assert reference.truth(start=between, path="/fixed")["count"] == 1
    assert reference.truth(start=between + 3600)["count"] == 0


def test_a_client_that_leaves_is_noted(start: Start) -> None:
    reference = start()
    with reference.connect() as sock:
        sock.sendall(get("/fixed?ms=60000") + get("/constant"))
        eventually(reference, in_flight=1)
    truth = eventually(reference, in_flight=0)
    records, _ = load(reference.client.get("/truth.bin").content)

    assert (truth["gone"], truth["count"]) == (2, 0)
    assert all(flags & GONE for flags in records["flags"].tolist())


def test_records_say_what_kind_of_answer_it_was(start: Start) -> None:
    reference = start()
    reference.client.get("/constant")
    reference.exchange_raw(get("/stream?first_ms=1&events=3&gap_ms=1&cut=1"))
    records, _ = load(reference.client.get("/truth.bin").content)
    kernel = KERNEL_ARRIVAL if sys.platform == "linux" else 0

    assert records["flags"].tolist() == [kernel, kernel | STREAM | CUT]
    assert records["events"].tolist() == [0, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's stamps are of Linux")
def test_a_request_is_as_old_as_the_kernel_says(start: Start) -> None:
    """A server that stands still must not take the time until it reads a request off its service time."""
    reference = start()
    with reference.connect() as sock:
        sock.sendall(get("/constant"))
        assert sock.recv(65_536)
        os.kill(reference.process.pid, signal.SIGSTOP)
        try:
            sock.sendall(get("/constant"))
            time.sleep(0.3)
        finally:
            os.kill(reference.process.pid, signal.SIGCONT)
        assert sock.recv(65_536)

    assert reference.truth()["max_ms"] >= 290


# --- TLS


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    what = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", *what, *names, *files], check=True, capture_output=True, timeout=60)
    return certificate, key


def test_tls_keeps_the_stamps_and_the_times(start: Start, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    trust = ssl.create_default_context(cafile=str(cert))
    reference = start("--tls-cert", str(cert), "--tls-key", str(key), verify=trust)
    begin = time.perf_counter()
    assert reference.client.post("/fixed?ms=25", content=b"x" * 100_000).json()["answer"] == "ok"
    assert (time.perf_counter() - begin) * 1e3 >= 25
    assert "[DONE]" in reference.client.get("/stream?first_ms=5&gap_ms=1&events=3&bytes=65536").text

    truth = reference.truth()
    assert (truth["count"], truth["connections"]) == (2, 1)
    assert truth["clock"] == ("kernel" if sys.platform == "linux" else "user")


def test_who_does_not_speak_tls_is_dropped(start: Start, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    trust = ssl.create_default_context(cafile=str(cert))
    reference = start("--tls-cert", str(cert), "--tls-key", str(key), verify=trust)

    assert b"HTTP" not in reference.exchange_raw(get("/constant"))
    assert reference.truth()["count"] == 0


def test_tls_ends_politely_unless_it_is_a_cut(start: Start, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    trust = ssl.create_default_context(cafile=str(cert))
    reference = start("--tls-cert", str(cert), "--tls-key", str(key), verify=trust)

    assert read_to_the_end(reference, trust, get("/constant", "Connection: close")).startswith(
        b"HTTP/1.1 200"
    )
    with pytest.raises(ssl.SSLEOFError):
        read_to_the_end(reference, trust, get("/stream?first_ms=1&events=3&cut=1"))


def read_to_the_end(reference: Reference, trust: ssl.SSLContext, data: bytes) -> bytes:
    with trust.wrap_socket(
        reference.connect(), server_hostname="127.0.0.1", suppress_ragged_eofs=False
    ) as sock:
        sock.sendall(data)
        parts = []
        while part := sock.recv(65_536):
            parts.append(part)
    return b"".join(parts)
