"""``govbench worker`` and the options of ``govbench run`` that it belongs to."""

from __future__ import annotations

import re
import socket

import pytest

from tests.cli.conftest import SHORT, Cli

TOKEN = {"GOVBENCH_WORKER_TOKEN": "a long random word"}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.mark.load
def test_a_run_with_a_remote_worker(govbench: Cli, embedded_url: str) -> None:
    port = free_port()
    worker = govbench.start("worker", "--master", f"127.0.0.1:{port}", env=TOKEN)
    options = ("--workers", "0", "--remote-workers", "1", "--master-port", str(port))
    run = govbench("run", embedded_url, *SHORT, *options, env=TOKEN)
    ended = worker.end()
    assert ended.code == 0, ended.err
    assert "joined as worker 1 of 1" in ended.err
    assert run.code == 0, run.err
    assert f"waiting at 127.0.0.1:{port}" in run.err
    accounting = govbench.document["summary"]["accounting"]
    assert accounting["ok"] == accounting["sent"] == govbench.sample_count() > 10
    assert TOKEN["GOVBENCH_WORKER_TOKEN"] not in (govbench.folder / "results.json").read_text()


@pytest.mark.load
def test_a_run_with_two_local_workers(govbench: Cli, embedded_url: str) -> None:
    run = govbench("run", embedded_url, *SHORT, "--workers", "2")
    assert run.code == 0, run.err
    accounting = govbench.document["summary"]["accounting"]
    assert accounting["ok"] == accounting["sent"] == govbench.sample_count() > 10


def test_a_worker_needs_a_token(govbench: Cli) -> None:
    ended = govbench("worker", "--master", "127.0.0.1")
    assert ended.code == 2
    assert "GOVBENCH_WORKER_TOKEN is not set" in ended.complaint


@pytest.mark.parametrize("master", ["host:", ":5557", "host:0", "host:99999", "host:port"])
def test_a_master_is_a_host_and_a_port(govbench: Cli, master: str) -> None:
    ended = govbench("worker", "--master", master, env=TOKEN)
    assert ended.code == 2
    assert f"--master {master}: not HOST or HOST:PORT" in ended.complaint


def test_remote_workers_need_a_token(govbench: Cli) -> None:
    ended = govbench("run", "http://127.0.0.1:9", "--remote-workers", "2")
    assert ended.code == 2
    assert re.search(r"--remote-workers.*need a token", ended.complaint)


def test_a_load_needs_somebody_to_carry_it(govbench: Cli) -> None:
    ended = govbench("run", "http://127.0.0.1:9", "--workers", "0")
    assert ended.code == 2
    assert "nobody is left to put the load on" in ended.complaint
