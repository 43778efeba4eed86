"""Targets that cannot be measured: told before the load, in a line, with exit code 3."""

from __future__ import annotations

import shlex
import socket
import sys

import pytest

from tests.cli.conftest import Cli, Serve

PYTHON = shlex.quote(sys.executable)


def assert_not_measured(govbench: Cli, target: str, *words: str, options: tuple[str, ...] = ()) -> None:
    ended = govbench("run", target, *options)

    assert ended.code == 3, ended.err
    for word in words:
        assert word in ended.complaint
    assert "  hint: " in ended.err
    assert ended.out == ""


def test_nothing_listens(govbench: Cli, nowhere: str) -> None:
    assert_not_measured(govbench, nowhere, "not healthy", "connection refused")


def test_something_that_is_not_http(govbench: Cli, not_http: str) -> None:
    assert_not_measured(govbench, not_http, "does not speak HTTP", "SSH-2.0")


def test_a_host_that_does_not_exist(govbench: Cli) -> None:
    assert_not_measured(govbench, "http://no-such-host.invalid", "cannot be resolved")


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("wrong-path", ("POST /api/v1/chat answers 404", "Not Found")),
        ("locked", ("answers 401", "who are you?")),
        ("html", ("<html>welcome",)),
    ],
)
def test_a_wrong_address_key_or_api_is_told_before_the_load(
    govbench: Cli, serve: Serve, mode: str, words: tuple[str, ...]
) -> None:
    assert_not_measured(govbench, serve(mode), *words)

    assert not list(govbench.cwd.glob("results/*Z-*")), "nothing was measured, so there is no run"


def test_the_key_that_is_refused_is_not_shown(govbench: Cli, serve: Serve) -> None:
    ended = govbench("run", serve("locked"), env={"API_KEY": "k-123456789"})

    assert ended.code == 3
    assert "the key that was sent is not accepted" in ended.err
    assert "k-123456789" not in ended.out + ended.err


def test_a_port_that_is_taken(govbench: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (govbench.cwd / "govbench.toml").write_text(f"[stack]\nport = {port}\n")

        assert_not_measured(govbench, "embedded", f"port {port} is taken")


def test_a_command_that_ends_shows_the_tail_of_its_log(govbench: Cli) -> None:
    (govbench.cwd / "app.py").write_text(
        'print("\\n".join(f"line {n}" for n in range(50)), "token=hunter22"); raise SystemExit(7)'
    )

    ended = govbench("run", f"command:{PYTHON} app.py {{port}}")

    assert ended.code == 3
    assert "ended with exit code 7 before it was healthy" in ended.complaint
    assert "\nline 49" in ended.err
    assert "\nline 20\n" not in ended.err
    assert "hunter22" not in ended.err


def test_a_command_that_never_becomes_healthy(govbench: Cli) -> None:
    (govbench.cwd / "govbench.toml").write_text("[stack]\nboot_timeout_s = 1\n")
    (govbench.cwd / "app.py").write_text('import time; print("loading", flush=True); time.sleep(60)')

    ended = govbench("run", f"command:{PYTHON} app.py {{port}}")

    assert ended.code == 3
    assert "not healthy after 1 s" in ended.complaint
    assert "\nloading" in ended.err


def test_a_program_that_does_not_exist(govbench: Cli) -> None:
    assert_not_measured(govbench, "command:no-such-program {port}", "no program 'no-such-program'")


FAR = "http://no-such-host.invalid"


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", FAR, "--max-users", "51"),
        ("ab", "--base", "embedded", "--head", FAR, "--users", "51"),
        ("ab", "--base", FAR, "--head", FAR, "--throughput", "51"),
        ("calibrate", FAR, "--users", "51"),
    ],
)
def test_another_machine_is_not_loaded_without_leave(govbench: Cli, arguments: tuple[str, ...]) -> None:
    ended = govbench(*arguments)

    assert ended.code == 2
    assert "not this machine" in ended.complaint
    assert "--yes" in ended.err
    assert not (govbench.cwd / "results").exists()
