"""A hostile server in all its ways: each request ends in its class, in time, and nothing is left behind."""

from __future__ import annotations

import gzip
import json
import os
import select
import shutil
import socket
import ssl
import subprocess
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import gevent
import pytest

from govbench.load.clock import Clock
from govbench.load.connection import Connection
from govbench.load.exchange import Exchange, RequestFailed
from govbench.load.transport import resolve
from govbench.record.rows import sample_rows
from govbench.record.summarise import accounting
from govbench.results.run import Outcome
from tests.load.conftest import (
    Behaviour,
    Loads,
    Serve,
    http,
    make_plan,
    replies,
    resets,
    says_nothing,
)

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SSE = HEAD + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
TOTAL_S = 0.5


def endlessly(start: bytes, piece: bytes, pause_s: float = 0.0) -> Behaviour:
    """Sends ``piece``, or nothing, again and again until the client has had enough."""

    def behave(sock: socket.socket) -> bool:
        sock.sendall(start)
        while True:
            if not piece and not select.select([sock], [], [], pause_s)[0]:
                continue
            if not piece:
                return False  # the client has gone
            sock.sendall(piece)
            time.sleep(pause_s)

    return behave


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


HOSTILE: dict[str, tuple[Behaviour, Outcome]] = {
    "silent": (says_nothing, Outcome.TIMEOUT),
    "closes at once": (replies(), Outcome.RESET),
    "closes after the headers": (replies(HEAD + b"Content-Length: 9\r\n\r\n"), Outcome.TRUNCATED),
    "closes in mid-body": (replies(HEAD + b"Content-Length: 9\r\n\r\nhalf"), Outcome.TRUNCATED),
    "closes in mid-chunk": (replies(CHUNKED + b"20\r\nhalf"), Outcome.TRUNCATED),
    "closes between chunks": (replies(CHUNKED + chunk(b"half")), Outcome.TRUNCATED),
    "length too long": (
        endlessly(HEAD + b"Content-Length: 9\r\n\r\nhalf", b"", 0.1),
        Outcome.TIMEOUT,
    ),
    "length too short": (replies(HEAD + b"Content-Length: 2\r\n\r\n{}surplus"), Outcome.OK),
    "length absent": (replies(HEAD + b"\r\n{}"), Outcome.OK),
    "length twice": (replies(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), Outcome.BAD_BODY),
    "length and chunks": (
        replies(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"{}")),
        Outcome.BAD_BODY,
    ),
    "garbage": (replies(os.urandom(4_000)), Outcome.BAD_BODY),
    "one huge header": (endlessly(HEAD + b"X: ", b"x" * 65_536), Outcome.BAD_BODY),
    "endless headers": (endlessly(HEAD, b"X: x\r\n" * 10_000), Outcome.BAD_BODY),
    "endless 1xx": (endlessly(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 5_000), Outcome.BAD_BODY),
    "body without end": (endlessly(CHUNKED, chunk(bytes(1_000)), 0.01), Outcome.TIMEOUT),
    "stream without end": (endlessly(SSE, chunk(b"data: {}\n\n"), 0.01), Outcome.TIMEOUT),
    "byte after byte": (endlessly(HEAD + b"X: ", b"x", 0.05), Outcome.TIMEOUT),
    "early hints": (replies(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + http()), Outcome.OK),
    "loop": (replies(http(b"", b"302 Found", b"Location: /"), keep=True), Outcome.CHECK),
    "leads nowhere": (replies(http(b"", b"302 Found", b"Location: gopher://x/"), keep=True), Outcome.CHECK),
    "wrong gzip": (replies(http(b"plain", b"200 OK", b"Content-Encoding: gzip")), Outcome.BAD_BODY),
    "half gzip": (
        replies(http(gzip.compress(b"x" * 99)[:-9], b"200 OK", b"Content-Encoding: gzip")),
        Outcome.BAD_BODY,
    ),
    "reset in the answer": (resets(HEAD + b"Content-Length: 9\r\n\r\nhalf"), Outcome.RESET),
    "second answer": (replies(http() + http(b"not asked for", b"500 No"), keep=True), Outcome.OK),
    "cut stream": (replies(SSE + chunk(b"data: {}\n\n")), Outcome.TRUNCATED),
    "stream cut in an event": (
        replies(SSE + chunk(b"data: {}\n\ndata: {") + b"0\r\n\r\n"),
        Outcome.TRUNCATED,
    ),
}

USER = """
    import gc, json, os
    import gevent
    from locust import constant, task
    from govbench.users import BenchUser

    URLS, GOOD, REPORT = json.loads({urls!r}), {good!r}, {report!r}

    def open_things():
        gc.collect()
        greenlets = sum(isinstance(each, gevent.Greenlet) and not each.dead for each in gc.get_objects())
        return greenlets, len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    class Victim(BenchUser):
        wait_time = constant(100)

        @task
        def suffer(self):
            assert self.client.get(GOOD, name="good").text == "{{}}"
            # Whom it met before, it may keep a connection to: nothing is left behind where nothing is added.
            before = (0, 0)
            for turn in range(3):
                if turn == 1:
                    before = open_things()
                for name, url in URLS.items():
                    if "stream" in name:
                        response = self.client.get(url, name=name, timeout={total_s}, stream=True)
                        list(response.iter_events())
                    else:
                        self.client.get(url, name=name, timeout={total_s})
                    assert self.client.get(GOOD, name="good").status_code == 200
            with open(REPORT, "w") as file:
                json.dump([before, open_things()], file)
"""


@pytest.mark.load
def test_every_hostility_ends_in_its_class_and_in_time(serve: Serve, loads: Loads, tmp_path: Path) -> None:
    def good(sock: socket.socket) -> bool:
        sock.sendall(http(b"{}"))
        return True

    urls = {name: f"{serve(behave).url}/" for name, (behave, _) in HOSTILE.items()}
    urls["unresolved"] = "http://no-such-host.invalid/"
    expected = {name: outcome for name, (_, outcome) in HOSTILE.items()} | {"unresolved": Outcome.CONNECT}
    report = tmp_path / "report.json"
    source = textwrap.dedent(USER).format(
        urls=json.dumps(urls), good=serve(good).url + "/", report=str(report), total_s=TOTAL_S
    )
    (tmp_path / "mytest.py").write_text(source)
    plan = make_plan(serve(good).url, users=1, steady_s=20, stop_timeout_s=1)

    ended = loads.run(
        replace(plan, test_file=str(tmp_path / "mytest.py")),
        lambda process, event: process.stop() if report.exists() else None,
    )

    assert ended.end.failure is None
    done = next(event for event in ended.end.events if event["event"] == "done")
    assert done["user_errors"] == []
    found: dict[object, set[object]] = {}
    for row in sample_rows(ended.samples):
        found.setdefault(row["name"], set()).add(row["outcome"])
    for name, outcome in expected.items():
        hops = {Outcome.OK} if name == "loop" else set()
        assert found[f"GET {name}"] - hops == {outcome}, name
    assert found["GET good"] == {Outcome.OK}
    assert accounting(ended.samples).balanced
    late = ended.samples.column("last_byte_ms")[ended.samples.is_outcome(Outcome.TIMEOUT)]
    assert (late >= TOTAL_S * 1_000 - 1).all()
    assert (late < 5_000).all()
    before, after = json.loads(report.read_text())
    assert after[0] <= before[0]
    assert after[1] <= before[1] + 1  # a leak would add at least one in each of two rounds


def test_reset_while_sending() -> None:
    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = resolve("127.0.0.1", listener.getsockname()[1], tls=None)
        connection = Connection(address, connect_s=5, clock=clock)
        sock, _ = listener.accept()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        sock.close()
        with pytest.raises(RequestFailed) as failure:
            connection.exchange(b"POST / HTTP/1.1\r\n\r\n" + bytes(20_000_000), Exchange(clock.now_ns()))
        connection.close()
    assert failure.value.outcome is Outcome.RESET


def certificate_of(folder: Path, name: str, days: int) -> tuple[Path, ssl.SSLContext]:
    """A certificate for ``name`` that ends in so many days, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    file, key, asked = folder / "cert.pem", folder / "key.pem", folder / "asked.pem"
    names = folder / "names"
    names.write_text(f"subjectAltName={name}\n")
    ask = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x -keyout"
    subprocess.run([*ask.split(), str(key), "-out", str(asked)], check=True, capture_output=True)
    sign = f"openssl x509 -req -in {asked} -signkey {key} -days {days} -extfile {names} -out {file}"
    done = subprocess.run(sign.split(), check=False, capture_output=True)
    if done.returncode:
        pytest.skip("this openssl cannot date a certificate back")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return file, context


@pytest.mark.parametrize(
    ("name", "days", "reason"),
    [("IP:127.0.0.1", -1, "expired"), ("DNS:elsewhere.example.org", 2, "IP address mismatch|doesn't match")],
)
def test_wrong_certificates(serve: Serve, tmp_path: Path, name: str, days: int, reason: str) -> None:
    file, context = certificate_of(tmp_path, name, days)
    server = serve(replies(http()), tls=context)
    trusting = ssl.create_default_context(cafile=str(file))
    with pytest.raises(RequestFailed, match=reason) as failure:
        Connection(resolve("127.0.0.1", server.port, tls=trusting), connect_s=5, clock=Clock())
    assert failure.value.outcome is Outcome.TLS


def test_a_name_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gevent.socket.getaddrinfo", lambda *_, **__: gevent.sleep(30))
    began = time.monotonic()
    with pytest.raises(RequestFailed, match=r"not resolved in 0.2 s") as failure:
        resolve("slow.example.org", 80, tls=None, within_s=0.2)
    assert failure.value.outcome is Outcome.TIMEOUT
    assert time.monotonic() - began < 10
