"""One fixed load without a file, as with hey, oha and k6; and streams of any API."""

from __future__ import annotations

import csv
import http.server
import io
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.cli.conftest import Cli

pytestmark = pytest.mark.load


class _Handler(http.server.BaseHTTPRequestHandler):
    """Says what it was asked, or streams three words of its own kind of events."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        asked: list[tuple[str, str, bytes, str]] = self.server.asked  # type: ignore[attr-defined]
        if self.path != "/health":
            asked.append((self.command, self.path, body, self.headers.get("Content-Type", "")))
        with suppress(OSError):
            if self.path == "/stream":
                self._stream()
            else:
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = [
            b'event: start\ndata: {"kind": "start"}\n\n',
            *(b'event: piece\ndata: {"part": {"words": "%d"}}\n\n' % number for number in range(3)),
            b'event: finish\ndata: {"usage": {"out": 3}}\n\n',
        ]
        for number, event in enumerate(events):
            if number == 1:
                threading.Event().wait(0.02)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, bytes, str]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def phases(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [each["phase"] for each in document["summary"]["phases"]]


def metrics(document: dict[str, Any]) -> dict[str, float | None]:
    (figures,) = document["summary"]["test_types"]
    return {metric["name"]: metric["value"] for metric in figures["metrics"]}


def test_so_many_requests_of_so_many_users(govbench: Cli, server: _Server) -> None:
    ended = govbench(
        *("run", f"{server.url}/search?q=a", "--users", "5", "-n", "200"),
        *("--body", "q={query}", "--header", "Content-Type: application/x-www-form-urlencoded"),
    )

    assert ended.code == 0, ended.err
    assert "load: 1 phase, at most 200 requests" in ended.err
    assert "limit of 200 requests" not in ended.out  # it is what was asked for
    rows = list(csv.DictReader(io.StringIO(govbench("report", "--csv").out)))
    assert len(rows) == 200
    assert govbench.document["summary"]["phases"][0]["metrics"][0]["n"] == 200  # each of them counts
    assert "  concurrent_5: 5 users\n" in ended.err
    assert {row["user"] for row in rows} == set("01234")
    assert {(method, path, kind) for method, path, _, kind in server.asked} == {
        ("POST", "/search?q=a", "application/x-www-form-urlencoded")
    }
    assert len(server.asked) == 201  # one was asked before the load
    assert all(body.startswith(b"q=") and b" " not in body for _, _, body, _ in server.asked)
    (phase,) = phases(govbench.document)
    assert (phase["name"], phase["test_type"], phase["users"]) == ("concurrent_5", "concurrent", 5)


def test_so_many_users_for_so_long(govbench: Cli, server: _Server) -> None:
    ended = govbench("run", server.url, "--users", "3", "--duration", "1s", "--method", "get")

    assert ended.code == 0, ended.err
    (phase,) = phases(govbench.document)
    assert (phase["steady_s"], phase["users"]) == (1.0, 3)
    assert {(method, path) for method, path, _, _ in server.asked} == {("GET", "/")}


def test_a_stream_of_any_api_is_timed_by_its_content(govbench: Cli, server: _Server) -> None:
    (govbench.cwd / "govbench.toml").write_text(
        f'[target]\nform = "{server.url}"\napi = "http"\nstream = true\n'
        '[target.http]\nmethod = "POST"\npath = "/stream"\nbody = { q = "{query}" }\n'
        'answer = "part.words"\noutput_tokens = "usage.out"\nend = "finish"\n'
    )
    checked = govbench("quick-check", "--json")
    assert checked.code == 0, checked.out
    assert "3 events with content" in checked.out

    ended = govbench("run", "--users", "2", "--duration", "2s")

    assert ended.code == 0, ended.err
    found = metrics(govbench.document)
    first, whole = found["time_to_first_token_p50_ms"], found["response_time_p50_ms"]
    assert first is not None
    assert whole is not None
    byte = found["time_to_first_byte_p50_ms"]
    assert byte is not None
    assert byte + 10 < first <= whole  # the event before the pause is no content
    assert found["output_tokens_per_answer"] == 3
    assert found["error_rate"] == 0


def test_a_stream_without_its_end_is_found_out_before_the_load(govbench: Cli, server: _Server) -> None:
    (govbench.cwd / "govbench.toml").write_text(
        f'[target]\nform = "{server.url}/stream"\nstream = true\n[target.http]\nend = "[DONE]"\n'
    )
    checked = govbench("quick-check", "--json")

    assert checked.code == 3
    (check,) = (each for each in json.loads(checked.out)["checks"] if each["name"] == "stream")
    assert "not the last event" in check["detail"]
    assert "end in section [target.http]" in check["hint"]


@pytest.mark.slow
def test_a_comparison_of_two_streams(govbench: Cli, server: _Server) -> None:
    ended = govbench(
        *("ab", "--base", f"{server.url}/stream", "--head", f"{server.url}/stream", "--stream"),
        *("--users", "2", "--duration", "10s", "--round", "0.5"),
    )

    assert ended.code == 0, ended.err
    found = {f["metric"]: f for f in govbench.document["comparison"]["findings"]}
    assert found["time_to_first_token_p50_ms"]["change"] is not None
    assert {path for _, path, _, _ in server.asked} == {"/stream"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--users", "5", "--profile", "quick"), ("--users", "--profile")),
        (("--users", "5", "--max-users", "9"), ("--users", "--max-users")),
        (("--users", "0"), ("--users", "from 1 to 65535")),
        (("--body", "@missing.json"), ("--body @missing.json", "cannot be read")),
        (("--body", "not json"), ("--body: not JSON",)),
        (("--method", "GET", "--body", "{}"), ("--method is GET", "--body")),
    ],
)
def test_a_wrong_fixed_load(govbench: Cli, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    ended = govbench.here("run", "http://127.0.0.1:9", *arguments)

    assert ended.code == 2, ended.err
    for word in words:
        assert word in ended.complaint


def test_a_wrong_option_of_a_comparison_is_named(govbench: Cli) -> None:
    ended = govbench.here("ab", "--base", "embedded", "--head", "embedded", "--users", "0")

    assert ended.complaint == "govbench: --users: expected a whole number from 1 to 65535, got '0'"


def test_a_wrong_option_of_a_calibration_is_named(govbench: Cli) -> None:
    assert "--levels: expected" in govbench.here("calibrate", "embedded", "--levels", "0").complaint
    assert "TARGET: 'embeded' is no target" in govbench.here("calibrate", "embeded").complaint
