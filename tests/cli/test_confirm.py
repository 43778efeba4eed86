"""A run that stored runs make suspect is measured once more, on a fresh instance, before it is reported."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

# The k-th boot answers within the k-th of the latencies, and those after the last as the last does.
APP = """
import os, pathlib, sys
latencies = pathlib.Path("latencies").read_text().split()
boots = pathlib.Path("boots")
number = int(boots.read_text()) if boots.exists() else 0
boots.write_text(str(number + 1))
latency = latencies[min(number, len(latencies) - 1)]
command = [sys.executable, "-m", "govbench.demo", "--port", sys.argv[1], "--latency-ms", latency]
os.execv(sys.executable, command)
"""
TARGET = f"command:{sys.executable} app.py {{port}}"
RUN = ("run", TARGET, "--test-types", "baseline", "--test-duration", "4")


@pytest.fixture
def stored(govbench: Cli) -> Cli:
    """A repository with one stored run, of an API that answers within 5 ms."""
    (govbench.cwd / "app.py").write_text(APP)
    set_latencies(govbench, "5")
    govbench.commit_all()
    (govbench.cwd / ".gitignore").write_text("results/\nhome/\nboots\nlatencies\n")
    govbench.git("rm", "-q", "--cached", "latencies")
    govbench.commit_all()
    govbench.git("config", "user.name", "Ada")
    govbench.git("config", "user.email", "ada@example.org")
    ended = govbench(*RUN)
    assert ended.code == 0, ended.err
    ended = govbench("baseline", "update", "--commit")
    assert ended.code == 0, ended.err
    return govbench


def set_latencies(cli: Cli, *latencies: str) -> None:
    (cli.cwd / "latencies").write_text(" ".join(latencies))
    (cli.cwd / "boots").unlink(missing_ok=True)


def boots(cli: Cli) -> int:
    return int((cli.cwd / "boots").read_text())


def latest(cli: Cli) -> tuple[Path, dict[str, Any]]:
    folder = (cli.cwd / "results" / "latest").resolve()
    return folder, json.loads((folder / "results.json").read_text())


def median(document: dict[str, Any]) -> dict[str, Any]:
    (found,) = [f for f in document["comparison"]["findings"] if f["metric"] == "response_time_p50_ms"]
    return dict(found)


@pytest.mark.load
def test_what_shows_again_is_a_regression(stored: Cli) -> None:
    set_latencies(stored, "20")

    ended = stored(*RUN)

    folder, document = latest(stored)
    assert ended.code == 1, ended.err
    assert boots(stored) == 2
    assert "suspect: baseline" in ended.err
    assert document["comparison"]["verdict"] == "regression"
    assert "measured again" in median(document)["reason"]
    assert median(document)["again"]["value"] > 15
    assert (folder / "again" / "samples").exists()
    # The run itself is the first measurement, and accounts for its own requests alone.
    assert document["summary"]["run"]["status"] == "completed"
    assert document["summary"]["accounting"]["lost"] == 0
    # The same results give the same verdict without a second load.
    again = stored("compare")
    assert again.code == 1, again.err
    assert boots(stored) == 2
    # It is no baseline, and can be remembered as what it is.
    assert stored("baseline", "update").code == 4
    kept = stored("baseline", "update", "--remember")
    assert kept.code == 0, kept.err
    assert "remembered, outside the window: baseline/response_time_p50_ms" in kept.out


@pytest.mark.slow
@pytest.mark.load
def test_what_does_not_show_again_is_none(stored: Cli) -> None:
    set_latencies(stored, "20", "5")

    ended = stored(*RUN)

    _, document = latest(stored)
    assert ended.code == 0, ended.err
    assert boots(stored) == 2
    assert document["comparison"]["verdict"] in {"pass", "inconclusive"}
    assert "not shown again" in median(document)["reason"]
    assert not median(document).get("suspect")


@pytest.mark.slow
@pytest.mark.load
def test_what_is_not_measured_again_stays_a_suspect_and_a_second_one_confirms_it(stored: Cli) -> None:
    set_latencies(stored, "20")
    (stored.cwd / "govbench.toml").write_text("[compare]\nconfirm = false\n")
    stored.commit_all()

    ended = stored(*RUN)

    _, document = latest(stored)
    assert ended.code == 0, ended.err
    assert boots(stored) == 1
    assert document["comparison"]["verdict"] == "inconclusive"
    assert median(document)["reason"].startswith("unconfirmed")
    assert median(document)["suspect"] is True
    assert stored("baseline", "update", "--commit").code == 0

    (stored.cwd / "next.txt").write_text("another commit")
    stored.commit_all()
    ended = stored(*RUN)
    assert ended.code == 1, ended.err


@pytest.mark.slow
@pytest.mark.load
def test_a_second_measurement_that_is_interrupted_leaves_the_first(stored: Cli) -> None:
    set_latencies(stored, "20")

    started = stored.start(*RUN)
    started.wait_for("suspect: baseline")
    started.send(signal.SIGINT)
    ended = started.end()

    _, document = latest(stored)
    assert ended.code == 130, ended.err
    assert document["summary"]["run"]["status"] == "completed"
    assert median(document)["suspect"] is True


@pytest.mark.slow
@pytest.mark.load
def test_a_second_boot_that_fails_leaves_the_first_measurement(stored: Cli) -> None:
    set_latencies(stored, "20", "no-number")

    ended = stored(*RUN)

    _, document = latest(stored)
    assert ended.code == 0, ended.err
    assert "Could not be measured again" in ended.err
    assert any("Could not be measured again" in note for note in document["comparison"]["notes"])
    assert "nothing is confirmed" in " ".join(ended.out.split())
    assert median(document)["suspect"] is True
