"""The real command line as a process of its own, targets that misbehave, and one measured run to work on."""

from __future__ import annotations

import http.server
import io
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch

import pytest

from govbench.cli.main import main
from govbench.results.answers import MAX_BODY_BYTES
from tests.conftest import MadeOnce

MARK = "TEST_MARK"
ANSWER = {
    "answer": "At the town hall.",
    "session_id": "s-1",
    "usage": {"request_tokens": 3, "response_tokens": 5},
}
# The shortest run there is: one user, 2 s of warm-up, 1 s that counts, 2 s of cool-down.
SHORT = ("--test-types", "baseline", "--test-duration", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The line that says what was wrong."""
        lines = [line for line in self.err.splitlines() if line.startswith("govbench: ")]
        assert len(lines) == 1, self.err
        return lines[0]


class Started:
    """A command that runs; its lines on stderr can be waited for."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._out: list[str] = []
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [_collect(process.stdout, self._out), _collect(process.stderr, self.lines)]

    def wait_for(self, text: str, *, timeout_s: float = 60) -> None:
        deadline = time.monotonic() + timeout_s
        while not any(text in line for line in self.lines):
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.lines}"
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.01)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, *, timeout_s: float = 60) -> Ended:
        code = self.process.wait(timeout=timeout_s)
        for reader in self._readers:
            reader.join(timeout=10)
        return Ended(code=code, out="".join(self._out), err="".join(self.lines))


def _collect(stream: IO[str], lines: list[str]) -> threading.Thread:
    def read() -> None:
        with stream:
            for line in stream:
                lines.append(line)  # noqa: PERF402 - each as it comes

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    return reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Cli:
    """``govbench`` in a folder of its own, with nothing of this environment but the search path."""

    cwd: Path
    environ: dict[str, str]

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> Started:
        process = subprocess.Popen(
            [sys.executable, "-m", "govbench", *arguments],
            cwd=self.cwd,
            env={**self.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return Started(process)

    def __call__(self, *arguments: str, env: dict[str, str] | None = None) -> Ended:
        ended = self.start(*arguments, env=env).end()
        assert "Traceback" not in ended.out + ended.err, ended.err
        return ended

    def here(self, *arguments: str, env: dict[str, str] | None = None) -> Ended:
        """The same within this process, without the second that a start takes: for what only reads files."""
        out, err = io.StringIO(), io.StringIO()
        interrupted = signal.getsignal(signal.SIGINT)
        with (
            chdir(self.cwd),
            patch.dict(os.environ, {**self.environ, **(env or {})}, clear=True),
            patch.object(sys, "argv", ["govbench", *arguments]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as end:
                code = end.code
            finally:
                signal.signal(signal.SIGINT, interrupted)
        assert isinstance(code, int)
        return Ended(code=code, out=out.getvalue(), err=err.getvalue())

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.cwd, env=self.environ, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit_all(self) -> None:
        """Make a repository here, where there is none, and commit everything but results."""
        if not (self.cwd / ".git").exists():
            self.git("init", "-q", "-b", "main")
            (self.cwd / ".gitignore").write_text("results/\nhome/\n")
        self.git("add", "-A")
        self.git("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-q", "-m", "state")

    @property
    def folder(self) -> Path:
        """The only run folder."""
        (folder,) = self.cwd.glob("results/*Z-*")
        return folder

    @property
    def document(self) -> dict[str, Any]:
        """What ``results.json`` of the only run folder holds."""
        document: dict[str, Any] = json.loads((self.folder / "results.json").read_text())
        return document

    def sample_count(self) -> int:
        """Requests that ``govbench report --csv`` reads back from the only run folder."""
        ended = self("report", str(self.folder), "--csv")
        assert ended.code == 0, ended.err
        return len(ended.out.splitlines()) - 1


def clean_environ(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(home.parent.parent),
        MARK: uuid.uuid4().hex,
    }


def marked(environ: dict[str, str]) -> dict[int, str]:
    """Command lines of the living processes that carry the mark of this environment, by process id."""
    needle = f"{MARK}={environ[MARK]}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if needle in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
    return found


def assert_none_left(environ: dict[str, str]) -> None:
    # A process that has just been ended may still be on its way out of the process table.
    deadline = time.monotonic() + 5
    while marked(environ) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert marked(environ) == {}


@pytest.fixture
def govbench(tmp_path: Path) -> Iterator[Cli]:
    cli = Cli(cwd=tmp_path, environ=clean_environ(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    yield cli
    assert_none_left(cli.environ)


# --- targets


class _Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mode = "good"

    def do_GET(self) -> None:
        self.reply(200, b"{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        match self.mode:
            case "wrong-path":
                self.reply(404, b'{"detail": "Not Found"}')
            case "locked":
                self.reply(401, b'{"detail": "who are you?"}')
            case "huge":
                self.reply(200, json.dumps(ANSWER | {"answer": "x" * MAX_BODY_BYTES}).encode())
            case "html":
                self.reply(200, b"<html>welcome</html>")
            case "slow":
                time.sleep(3)
                with suppress(OSError):
                    self.reply(200, json.dumps(ANSWER).encode())
            case _:
                time.sleep(0.005)
                self.reply(200, json.dumps(ANSWER).encode())

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what these tests are about."""


Serve = Callable[[str], str]


@contextmanager
def served(mode: str) -> Iterator[str]:
    handler = type("Handler", (_Api,), {"mode": mode})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Address of a target that behaves in the given way until the end of the test."""
    with ExitStack() as stack:
        yield lambda mode: stack.enter_context(served(mode))


@pytest.fixture
def not_http() -> Iterator[str]:
    """Address of a port that greets like SSH."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with suppress(OSError), ExitStack() as open_ones:
                while True:
                    connection = open_ones.enter_context(server.accept()[0])
                    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def nowhere() -> str:
    """Address on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


# --- one run, measured once for all tests that only read


@pytest.fixture(scope="session")
def embedded_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An instance of the embedded API that stays up."""
    process = subprocess.Popen(
        [sys.executable, "-m", "govbench.demo", "--port", "0", "--latency-ms", "5"],
        env=clean_environ(tmp_path_factory.mktemp("embedded")),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        event = json.loads(process.stdout.readline())
        yield f"http://{event['host']}:{event['port']}"
        process.terminate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A repository in which one run of the embedded API was measured."""

    folder: Path
    ended: Ended


@pytest.fixture(scope="session")
def measured_once(made_once: MadeOnce) -> Measured:
    folder = made_once("measured", _measure)
    return Measured(folder=folder / "repository", ended=pickle.loads((folder / "ended").read_bytes()))


def _measure(place: Path) -> None:
    folder = place / "repository"
    (folder / "home").mkdir(parents=True)
    cli = Cli(cwd=folder, environ=clean_environ(folder / "home"))
    (folder / "app.py").write_text("version = 1\n")
    cli.commit_all()
    ended = cli("run", "embedded:latency=5ms", *("--test-duration", "4", "--max-users", "6"))
    assert_none_left(cli.environ)
    (place / "ended").write_bytes(pickle.dumps(ended))


@pytest.fixture
def measured(measured_once: Measured, govbench: Cli) -> Cli:
    """The command line in a copy of that repository."""
    shutil.copytree(measured_once.folder, govbench.cwd, dirs_exist_ok=True, symlinks=True)
    return govbench
