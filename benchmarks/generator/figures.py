"""The four figures: which rows each has, and how one round of a row is measured."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.generator import servers
from benchmarks.generator.clients import govbench
from benchmarks.generator.clients.base import STREAM_TAIL_S, Client, Load, Reported, Running
from benchmarks.generator.measure import ClientEnded, Cores, Cost, cost_between, on_core, processes
from benchmarks.generator.results import GOVBENCH, Values

CAPACITY_CONNECTIONS = 64
ACCURACY_USERS = 1_000
STREAMS = 200
# Pauses are drawn, not constant, and one second on average: users that began together would stay in step
# and ask in bursts, whatever the client.
THINK_S = (0.5, 1.5)
# Streams that began in one instant would have their events in one instant too, for as long as they last.
STREAM_PAUSE_S = (0.0, 0.5)
# Here the range begins at zero, so that users who have just begun ask again within the window.
LONG_THINK_S = (0.0, 120.0)
BOOT_S = 3.0
SETTLE_S = 1.5

OVER_TLS, TWO_WORKERS = f"{GOVBENCH} over TLS", f"{GOVBENCH}, 2 workers"
USERS_1000, USERS_10000 = "1,000 users, 1 s think time", "10,000 users, 60 s think time"


class Unavailable(Exception):
    """A row cannot be measured here; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all rows of a run share."""

    seconds: float
    cores: Cores
    folder: Path

    def new_folder(self) -> Path:
        """An empty folder."""
        return Path(tempfile.mkdtemp(dir=self.folder))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a figure."""

    name: str
    measure: Callable[[Bench], Values]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What a load is like, before it is known when and where it runs."""

    users: int
    spawn_rate: float
    think_s: tuple[float, float] = (0.0, 0.0)
    stream: bool = False
    workers: int = 1

    def begin(self, url: str, seconds: float) -> Load:
        """The load, to be started now: its window opens when all users have had time to begin."""
        start = time.time() + BOOT_S + self.users / self.spawn_rate + SETTLE_S
        return Load(
            url=url,
            users=self.users,
            spawn_rate=self.spawn_rate,
            start_unix_s=start,
            end_unix_s=start + seconds,
            think_s=self.think_s,
            stream=self.stream,
            workers=self.workers,
        )


_CLOSED = _Shape(users=CAPACITY_CONNECTIONS, spawn_rate=64)
_THINKING = _Shape(users=ACCURACY_USERS, spawn_rate=250, think_s=THINK_S)
_STREAMING = _Shape(users=STREAMS, spawn_rate=100, think_s=STREAM_PAUSE_S, stream=True)
_SLOW_CROWD = _Shape(users=10_000, spawn_rate=1_000, think_s=LONG_THINK_S)


def _capacity_rows(clients: list[Client]) -> Iterator[Row]:
    for client in clients:
        yield Row(name=client.name, measure=partial(_capacity, client, 1))
        if client.name == GOVBENCH:
            yield Row(name=TWO_WORKERS, measure=partial(_capacity, client, 2))


def _accuracy_rows(clients: list[Client]) -> Iterator[Row]:
    for client in clients:
        yield Row(name=client.name, measure=partial(_accuracy, client, 1))
        if client.name == GOVBENCH:
            yield Row(name=OVER_TLS, measure=partial(_accuracy_over_tls, client))
            yield Row(name=TWO_WORKERS, measure=partial(_accuracy, client, 2))


def _stream_rows(clients: list[Client]) -> Iterator[Row]:
    for client in clients:
        yield Row(name=client.name, measure=partial(_stream, client))


def _memory_rows(clients: list[Client]) -> Iterator[Row]:
    for client in clients:
        if "memory" in client.figures:
            yield Row(name=USERS_1000, measure=partial(_memory, client, _THINKING))
            yield Row(name=USERS_10000, measure=partial(_memory, client, _SLOW_CROWD))


FIGURES: dict[str, Callable[[list[Client]], Iterator[Row]]] = {
    "capacity": _capacity_rows,
    "accuracy": _accuracy_rows,
    "stream": _stream_rows,
    "memory": _memory_rows,
}


def _capacity(client: Client, workers: int, bench: Bench) -> Values:
    _require(client, "capacity", workers)
    shape = _Shape(users=_CLOSED.users, spawn_rate=_CLOSED.spawn_rate, workers=workers)
    with servers.constant_answer(bench.cores, bench.new_folder()) as nginx:
        _, cost = _run_against_nginx(client, shape, nginx, bench)
    return {
        "requests_per_s": cost.counted / cost.wall_s,
        "requests_per_core": cost.counted / cost.cpu_s,
        "cpu_us_per_request": cost.cpu_s * 1e6 / cost.counted,
        "cpu_share": cost.cpu_s / cost.wall_s,
        "peak_mb": cost.peak_rss_bytes / 1e6,
    }


def _memory(client: Client, shape: _Shape, bench: Bench) -> Values:
    _require(client, "memory")
    with servers.constant_answer(bench.cores, bench.new_folder()) as nginx:
        reported, cost = _run_against_nginx(client, shape, nginx, bench)
    return {
        "peak_mb": cost.peak_rss_bytes / 1e6,
        "requests_per_s": cost.counted / cost.wall_s,
        "cpu_share": cost.cpu_s / cost.wall_s,
        "failures": reported.failures,
    }


def _run_against_nginx(
    client: Client, shape: _Shape, nginx: servers.Nginx, bench: Bench
) -> tuple[Reported, Cost]:
    load = shape.begin(nginx.url, bench.seconds)
    with _running(client, load, bench) as running:
        cost = cost_between(running.pid, load.start_unix_s, load.end_unix_s, nginx.requests)
        _require_processes(running, load)
        connections = nginx.connections()
        if connections < load.users:
            raise RuntimeError(f"{client.name} has {connections} of {load.users} connections open")
        return running.report(), cost


def _accuracy(client: Client, workers: int, bench: Bench) -> Values:
    _require(client, "accuracy", workers)
    shape = _Shape(users=_THINKING.users, spawn_rate=_THINKING.spawn_rate, think_s=THINK_S, workers=workers)
    with servers.reference(bench.cores, bench.new_folder()) as server:
        return _held_against_truth(client, shape, server, bench)


def _accuracy_over_tls(client: Client, bench: Bench) -> Values:
    _require(client, "accuracy")
    if shutil.which("openssl") is None:
        raise Unavailable("openssl is not installed, which makes the certificate")
    with (
        servers.reference(bench.cores, bench.new_folder(), tls=True) as server,
        _variable("SSL_CERT_FILE", str(server.certificate)),
    ):
        return _held_against_truth(client, _THINKING, server, bench)


def _held_against_truth(client: Client, shape: _Shape, server: servers.Reference, bench: Bench) -> Values:
    load = shape.begin(server.url, bench.seconds)
    with _running(client, load, bench) as running:
        cost = cost_between(running.pid, load.start_unix_s, load.end_unix_s, lambda: 0)
        _require_processes(running, load)
        reported = running.report()
    truth = server.truth(load.start_unix_s, load.end_unix_s)
    values: dict[str, float | None] = {}
    for name in ("median_ms", "p95_ms", "p99_ms"):
        said: float | None = getattr(reported, name)
        true: float | None = getattr(truth, name)
        values[name], values[f"true_{name}"] = said, true
        if said is not None and true is not None:
            values[f"{name}_error"], values[f"{name}_relative_error"] = said - true, said / true - 1
    return {
        **values,
        "requests_per_s": truth.count / bench.seconds,
        "cpu_share": cost.cpu_s / cost.wall_s,
        "peak_mb": cost.peak_rss_bytes / 1e6,
        "lag_p99_ms": reported.generator_lag_p99_ms,
        "failures": reported.failures,
    }


def _stream(client: Client, bench: Bench) -> Values:
    _require(client, "stream")
    with servers.reference(bench.cores, bench.new_folder()) as server:
        load = _STREAMING.begin(server.url, bench.seconds)
        with _running(client, load, bench) as running:
            cost = cost_between(running.pid, load.start_unix_s, load.end_unix_s, lambda: 0)
            time.sleep(STREAM_TAIL_S)
            reported = running.report()
        server.await_idle()
        truth = server.truth(load.start_unix_s, load.end_unix_s)
        events = server.events(load.start_unix_s, load.end_unix_s)
    said, true = reported.median_ms, truth.first_token_median_ms
    return {
        "events_per_s": events / bench.seconds,
        "cpu_us_per_event": cost.cpu_s * 1e6 / events,
        "first_token_ms": said,
        "true_first_token_ms": true,
        "first_token_error_ms": None if said is None or true is None else said - true,
        "cpu_share": cost.cpu_s / cost.wall_s,
        "peak_mb": cost.peak_rss_bytes / 1e6,
        "failures": reported.failures,
    }


def _require(client: Client, figure: str, workers: int = 1) -> None:
    if reason := client.missing():
        raise Unavailable(reason)
    if figure not in client.figures:
        raise Unavailable("takes no part in this figure")
    if figure == "capacity" and (reason := servers.missing_nginx()):
        raise Unavailable(reason)
    if workers > 1 and not govbench.offers_workers():
        raise Unavailable("not offered yet: a plan has no workers")


def _require_processes(running: Running, load: Load) -> None:
    """A plan may ask for workers that nobody starts; the figures of one process must not pass for theirs."""
    if processes(running.pid) < load.workers:
        raise Unavailable(f"not offered yet: no {load.workers} load processes were running")


@contextlib.contextmanager
def _running(client: Client, load: Load, bench: Bench) -> Iterator[Running]:
    with on_core(bench.cores.client):
        running = client.start(load, bench.new_folder())
    try:
        yield running
    except ClientEnded:
        running.report()  # raises with the reason, where the client has left one
        raise
    finally:
        running.close()


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
