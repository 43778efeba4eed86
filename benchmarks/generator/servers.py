"""The servers that are asked: nginx with a constant answer, and a reference server that knows the truth.

Both listen on loopback only, on free ports, and are pinned to the core that the client does not have.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.generator.measure import Cores, on_core
from benchmarks.generator.processes import Program
from govbench.reference.truth import STREAM, load

START_S = 20.0
MAX_CONNECTIONS = 16_384

_ANSWER = (
    '{"answer":"ok","session_id":"s","usage":{"request_tokens":5,"response_tokens":7,"total_tokens":12}}'
)
# Limits on the requests of a connection would make every client but the measured one pay for reconnects.
_NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; multi_accept on; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {server}
}}
"""
_CONSTANT = """
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ return 200 '{answer}'; }}
    location = /status {{ stub_status; }}
  }}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """An nginx that counts what it has answered."""

    url: str

    def requests(self) -> int:
        """Requests answered so far, those for this number not counted in differences of one call."""
        return self._status()[0]

    def connections(self) -> int:
        """Connections open now, the one of this question left out."""
        return self._status()[1] - 1

    def _status(self) -> tuple[int, int]:
        lines = _get(f"{self.url}/status").decode().splitlines()
        return int(lines[2].split()[2]), int(lines[0].split()[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the server measured of the requests that arrived within a window; None where there were none."""

    count: int
    median_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    first_token_median_ms: float | None


@dataclass(frozen=True, slots=True)
class Reference:
    """A server whose delays are scripted, and which notes the instants of every request."""

    url: str
    certificate: Path | None

    def truth(self, start_unix_s: float, end_unix_s: float) -> Truth:
        """Its own figures of a window."""
        figures = json.loads(self._get(f"/truth.json?start={start_unix_s!r}&end={end_unix_s!r}"))
        return Truth(
            count=figures["count"],
            median_ms=figures["median_ms"],
            p95_ms=figures["p95_ms"],
            p99_ms=figures["p99_ms"],
            first_token_median_ms=figures["streams"]["first_token"]["median_ms"],
        )

    def events(self, start_unix_s: float, end_unix_s: float) -> int:
        """Content events that it sent within a window; call it when its streams have ended.

        It keeps the first and the last instant of a stream; the events between them are evenly spaced.
        """
        records, _ = load(self._get("/truth.bin"))
        streams = records[(records["flags"] & STREAM != 0) & (records["events"] > 0)]
        count = streams["events"].astype(np.int64)
        gap_ns = (streams["last_token_ns"] - streams["first_token_ns"]) / np.maximum(count - 1, 1)
        number = np.concatenate([np.arange(n) for n in count]) if len(count) else np.empty(0)
        at_s = (np.repeat(streams["first_token_ns"], count) + number * np.repeat(gap_ns, count)) / 1e9
        return int(np.count_nonzero((at_s >= start_unix_s) & (at_s < end_unix_s)))

    def await_idle(self) -> None:
        """Wait until it has noticed the end of all requests."""
        for _ in range(100):
            if not json.loads(self._get("/truth.json?start=0&end=0"))["in_flight"]:
                return
            time.sleep(0.1)
        raise RuntimeError("requests are left on the reference server")

    def _get(self, path: str) -> bytes:
        return _get(f"{self.url}{path}", self.certificate)


def missing_nginx() -> str | None:
    """Why there can be no nginx; None when there can."""
    return None if shutil.which("nginx", path=_SEARCH) else "nginx is not installed"


@contextlib.contextmanager
def constant_answer(cores: Cores, folder: Path) -> Iterator[Nginx]:
    """An nginx that gives the same small answer to every request."""
    port = _free_port()
    with _nginx(_CONSTANT.format(port=port, answer=_ANSWER), port, cores, folder):
        yield Nginx(f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def reference(cores: Cores, folder: Path, *, tls: bool = False) -> Iterator[Reference]:
    """The reference server: lognormal delays around 20 ms, and streams of 40 events, 20 a second."""
    command = [sys.executable, "-m", "govbench.reference", "--port", "0"]
    certificate = None
    if tls:
        certificate, key = _certificate(folder)
        command += ["--tls-cert", str(certificate), "--tls-key", str(key)]
    with on_core(cores.server):
        program = Program(command, folder / "reference.log", piped=True)
    try:
        line = program.stdout.readline()
        if not line:
            raise RuntimeError(f"the reference server does not start:\n{program.output()}")
        yield Reference(f"{'https' if tls else 'http'}://127.0.0.1:{json.loads(line)['port']}", certificate)
    finally:
        program.close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for loopback that nobody else trusts, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


# Debian keeps nginx where only the path of root looks.
_SEARCH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"


@contextlib.contextmanager
def _nginx(server: str, port: int, cores: Cores, folder: Path) -> Iterator[None]:
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _NGINX.format(folder=folder, files=MAX_CONNECTIONS, connections=MAX_CONNECTIONS, server=server),
        encoding="utf-8",
    )
    binary = shutil.which("nginx", path=_SEARCH) or "nginx"
    command = [binary, "-c", str(configuration), "-p", str(folder), "-e", str(folder / "error.log")]
    with on_core(cores.server):
        program = Program(command, folder / "nginx.log")
    try:
        _await_port(port, program)
        yield
    finally:
        program.close()


def _await_port(port: int, program: Program) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nginx does not listen:\n{program.output()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _get(url: str, certificate: Path | None = None) -> bytes:
    context = ssl.create_default_context(cafile=certificate) if certificate else None
    with urllib.request.urlopen(url, timeout=20, context=context) as response:
        body: bytes = response.read()
        return body
