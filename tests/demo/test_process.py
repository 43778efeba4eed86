"""The process itself: what it prints, how it ends, what it imports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo.conftest import Instance, Start, command


def test_says_where_it_listens(fast: Instance) -> None:
    assert fast.listening["event"] == "listening"
    assert fast.listening["host"] == "127.0.0.1"
    assert fast.listening["pid"] == fast.process.pid
    assert fast.listening["port"] > 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_gracefully(start: Start, number: signal.Signals) -> None:
    instance = start("--latency-ms", "0")
    assert instance.ask("passport").status_code == 200
    os.kill(instance.process.pid, number)
    assert instance.process.wait(timeout=20) == 0


def test_a_taken_port_is_one_line_and_exit_code_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run("--port", str(port))
    assert result.returncode == 3
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in result.stderr
    assert "in use" in result.stderr


def test_a_wrong_setting_is_one_line_and_exit_code_2() -> None:
    result = run("--slots", "0")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "embedded API: slots must be 1 or more, not 0\n"


def test_sessions_survive_in_a_database_file(start: Start, tmp_path: Path) -> None:
    options = ("--latency-ms", "0", "--database", str(tmp_path / "sessions.db"))
    first = start(*options)
    first.ask("How can I renew my passport?", session_id="s")
    first.process.terminate()
    assert first.process.wait(timeout=20) == 0
    history = start(*options).client.get("/chat/s").json()
    assert history["messages"][0]["content"] == "How can I renew my passport?"


def test_it_does_not_import_locust() -> None:
    code = "import sys, govbench.demo.__main__; sys.exit('locust' in sys.modules or 'gevent' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*options), capture_output=True, text=True, timeout=60, check=False)
