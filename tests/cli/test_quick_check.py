"""``govbench quick-check``: works, or exactly what does not."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from typing import Any

import pytest

from tests.cli.conftest import Cli, Ended, Serve

PYTHON = shlex.quote(sys.executable)


def checks(ended: Ended) -> dict[str, Any]:
    return {check["name"]: check for check in json.loads(ended.out)["checks"]}


def test_a_target_that_works(govbench: Cli, embedded_url: str) -> None:
    ended = govbench("quick-check", embedded_url)

    assert ended.code == 0, ended.err
    names = [line.partition(":")[0] for line in ended.out.splitlines()]
    assert names == ["✓ health", "✓ request", "✓ answer", "✓ tokens", "✓ session"]


def test_streams_of_openai_chat(govbench: Cli, embedded_url: str) -> None:
    ended = govbench("quick-check", embedded_url, "--api", "openai-chat", "--stream", "--json")

    assert ended.code == 0, ended.out + ended.err
    assert checks(ended)["stream"]["ok"]


def test_a_target_that_is_booted_for_it_is_taken_down_again(govbench: Cli) -> None:
    ended = govbench("quick-check", "embedded", "--json")

    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["works"]
    assert json.loads(ended.out)["target"] == "embedded"
    assert checks(ended)["boot"]["ok"]
    assert sorted(path.name for path in govbench.cwd.iterdir()) == ["home"]


@pytest.mark.parametrize(
    ("mode", "failed", "hint"),
    [("wrong-path", "request", "--api"), ("locked", "request", "API_KEY"), ("html", "answer", "--api")],
)
def test_what_does_not_work(govbench: Cli, serve: Serve, mode: str, failed: str, hint: str) -> None:
    ended = govbench("quick-check", serve(mode))

    assert ended.code == 3
    *_, last, advice = ended.out.splitlines()
    assert last.startswith(f"✗ {failed}: ")
    assert advice.startswith("  hint: ")
    assert hint in advice


def test_nothing_listens(govbench: Cli, nowhere: str) -> None:
    ended = govbench("quick-check", nowhere)

    assert ended.code == 3
    assert ended.out.startswith("✗ health: nothing listens on ")


def test_an_answer_that_takes_too_long(govbench: Cli, serve: Serve) -> None:
    ended = govbench("quick-check", serve("slow"), "--api-timeout", "300ms")

    assert ended.code == 3
    assert "✗ request: POST /api/v1/chat" in ended.out
    assert "--api-timeout" in ended.out


def test_an_answer_that_the_load_would_refuse(govbench: Cli, serve: Serve) -> None:
    url = serve("huge")
    ended = govbench("quick-check", url)

    assert ended.code == 3
    assert "✗ request: POST /api/v1/chat answers 200" in ended.out
    assert "the answer is larger than 64 MiB" in ended.out
    run = govbench("run", url, "--test-types", "baseline")
    assert run.code == 3
    assert "the answer is larger than 64 MiB" in run.complaint


def test_headers_are_sent_and_secret_ones_not_shown(govbench: Cli, serve: Serve) -> None:
    ended = govbench("quick-check", serve("locked"), "--header", "X-API-Key: k-987654321")

    assert ended.code == 3
    assert "the key that was sent is not accepted" in ended.out
    assert "k-987654321" not in ended.out + ended.err


def test_a_command_that_does_not_come_up_is_a_check_that_failed(govbench: Cli) -> None:
    (govbench.cwd / "app.py").write_text('print("no database", flush=True); raise SystemExit(1)')

    ended = govbench("quick-check", f"command:{PYTHON} app.py {{port}}")

    assert ended.code == 3
    assert ended.out.startswith("✗ boot: the stack ended with exit code 1")
    assert "Last lines of quick-check.log:\nno database" in ended.out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_check_leaves_nothing(govbench: Cli, number: signal.Signals, code: int) -> None:
    (govbench.cwd / "app.py").write_text("import time; time.sleep(60)")
    running = govbench.start("quick-check", f"command:{PYTHON} app.py {{port}}")
    running.wait_for("booting")

    running.send(number)
    ended = running.end()

    assert ended.code == code
    assert "interrupted" in ended.complaint
