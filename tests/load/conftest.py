"""Raw-socket servers that misbehave as told, plans against them, and load processes that are always ended."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from govbench.load.launch import Event, LoadEnd, LoadProcess
from govbench.record.reader import SampleTable, read_samples
from govbench.results.plan import (
    Api,
    Deadlines,
    Phase,
    Plan,
    Query,
    Scenario,
    Side,
    Slice,
    TestType,
    ThinkTime,
)

# Answers one whole request; true when the connection is to be kept.
Behaviour = Callable[[socket.socket], bool]
BODY = b'{"answer": "At noon.", "session_id": "s-1"}'
RESET = struct.pack("ii", 1, 0)  # SO_LINGER that makes close send a reset


def http(body: bytes = BODY, status: bytes = b"200 OK", *headers: bytes) -> bytes:
    lines = (b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def replies(*pieces: bytes, keep: bool = False) -> Behaviour:
    """Sends the pieces, and closes unless told to keep the connection."""

    def behave(sock: socket.socket) -> bool:
        for piece in pieces:
            sock.sendall(piece)
        return keep

    return behave


def resets(*pieces: bytes) -> Behaviour:
    def behave(sock: socket.socket) -> bool:
        for piece in pieces:
            sock.sendall(piece)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return False

    return behave


def says_nothing(sock: socket.socket) -> bool:
    return bool(sock.recv(1))  # until the client gives up


class Server:
    """Accepts connections, reads requests, and leaves the rest to its behaviour."""

    def __init__(self, behave: Behaviour | None, *, tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.closing = threading.Event()
        self.current = threading.local()  # its ``request`` is that of the connection at hand
        self._behave, self._tls = behave, tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            with self._lock:
                self._open.add(sock)
            while self._behave and (request := read_request(sock)):
                self.requests.append(request)
                self.current.request = request
                if not self._behave(sock):
                    break
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def close(self) -> None:
        self.closing.set()
        with self._lock, contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
            for sock in self._open:
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._acceptor, *self._threads):
            thread.join(10)


def read_request(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65_536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(x[15:]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += sock.recv(65_536)
    return head + b"\r\n\r\n" + body


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def begin(behave: Behaviour | None, *, tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(behave, tls=tls))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


@pytest.fixture
def serve_routes(serve: Serve) -> Callable[[Callable[[bytes], bytes]], Server]:
    """A server that answers each request with what a function makes of it."""

    def begin(route: Callable[[bytes], bytes]) -> Server:
        def behave(sock: socket.socket) -> bool:
            sock.sendall(route(server.current.request))
            return True

        server: Server = serve(behave)
        return server

    return begin


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Certificate:
    file: Path
    server: ssl.SSLContext


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate of 127.0.0.1 signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    file, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x"
    options = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(file)]
    subprocess.run([*command.split(), *options], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return Certificate(file, context)


def make_plan(
    *urls: str,
    users: int = 2,
    steady_s: float = 0.6,
    warmup_s: float = 0.0,
    slice_s: float = 0.0,
    think_s: float = 0.02,
    turns: int = 1,
    stream: bool = False,
    total_s: float = 20.0,
    max_requests: int | None = None,
    retries: int = 0,
    stop_timeout_s: float = 5.0,
    save_responses: int = 0,
) -> Plan:
    """A plan of one phase; with ``slice_s``, each URL has its turn for so long, one after the other."""
    turns_of = range(len(urls)) if slice_s else ()
    slices = tuple(Slice(side=i, pair=i, start_s=i * slice_s, duration_s=slice_s) for i in turns_of)
    phase = Phase(
        name="one",
        test_type=TestType.CONCURRENT,
        users=users,
        steady_s=slice_s * len(urls) or steady_s,
        warmup_s=warmup_s,
        spawn_rate=100.0,
        slices=slices,
    )
    scenario = Scenario(
        name="citizens",
        queries=tuple(Query(text=f"Question {i}?") for i in range(20)),
        think_time=ThinkTime(low_s=think_s, high_s=think_s),
        turns=turns,
    )
    return Plan(
        phases=(phase,),
        scenarios=(scenario,),
        sides=tuple(
            Side(name=f"side-{i}", url=url, api=Api.GOVSTACK, stream=stream) for i, url in enumerate(urls)
        ),
        deadlines=Deadlines(connect_s=5.0, total_s=total_s),
        max_requests=max_requests,
        retries=retries,
        stop_timeout_s=stop_timeout_s,
        save_responses=save_responses,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a load process left: its last word, its samples, all its events, its open files per tick."""

    end: LoadEnd
    samples: SampleTable
    events: list[Event]
    open_files: list[int]
    pid: int


@dataclass(slots=True)
class Loads:
    """Runs plans in real load processes in one folder each."""

    folder: Path
    processes: list[LoadProcess] = field(default_factory=list)

    def begin(self, plan: Plan) -> LoadProcess:
        self.processes.append(LoadProcess(plan, self.folder))
        return self.processes[-1]

    def run(self, plan: Plan, on_event: Callable[[LoadProcess, Event], None] | None = None) -> Ended:
        process = self.begin(plan)
        events: list[Event] = []
        open_files: list[int] = []

        def follow(event: Event) -> None:
            events.append(event)
            if event["event"] == "tick":
                with contextlib.suppress(OSError):  # has ended meanwhile, or the system has no /proc
                    open_files.append(len(list(Path(f"/proc/{process.pid}/fd").iterdir())))
            if on_event:
                on_event(process, event)

        end = process.follow(follow)
        process.close()
        return Ended(
            end=end,
            samples=read_samples(self.folder),
            events=events,
            open_files=open_files,
            pid=process.pid,
        )


@pytest.fixture
def loads(tmp_path: Path) -> Iterator[Loads]:
    folder = tmp_path / "run"
    folder.mkdir()
    loads = Loads(folder)
    yield loads
    for process in loads.processes:
        process.close()


@pytest.fixture
def demo() -> Iterator[str]:
    """The URL of an embedded API in a process of its own."""
    command = [sys.executable, "-m", "govbench.demo", "--port", "0", "--latency-ms", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        finally:
            process.terminate()
            process.wait(20)
