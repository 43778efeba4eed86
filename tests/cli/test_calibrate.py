"""``govbench calibrate`` as a user calls it, and ``govbench ab`` with what it left behind."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

pytestmark = pytest.mark.load

SHORT = ("--rounds", "6", "--round", "0.8")
FAST = "embedded:latency=5ms"


def calibration_file(cli: Cli) -> Path:
    (path,) = cli.cwd.glob("baselines/default/*/calibration.json")
    return path


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def notes_of_latest(cli: Cli) -> str:
    document = json.loads((cli.cwd / "results/latest/results.json").read_text())
    return "\n".join(document["comparison"]["notes"])


@pytest.mark.slow
def test_a_calibration_is_committed_and_ab_uses_it_until_it_does_not_fit(govbench: Cli) -> None:
    (govbench.cwd / "app.py").write_text("")
    govbench.commit_all()
    for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
        govbench.git("config", key, value)

    ended = govbench("calibrate", FAST, *SHORT, "--commit")

    assert ended.code == 0, ended.err
    assert "concurrent" in ended.out
    assert "response time p50" in ended.out
    assert "committed" in ended.out
    path = calibration_file(govbench)
    made = json.loads(path.read_text())
    assert (made["rounds"], made["target"], made["machine_class"]) == (
        6,
        "embedded:latency=5.0ms",
        path.parent.name,
    )
    assert {noise["metric"] for noise in made["noises"]} >= {"response_time_p50_ms"}
    assert all(noise["instance_sd"] >= 0.002 for noise in made["noises"])
    assert made["round_time_s"] > made["round_load_s"] > 0.5
    assert govbench.git("show", "--format=", "--name-only", "HEAD") == str(path.relative_to(govbench.cwd))
    assert govbench.document["comparison"]["method"] == "paired_rounds"
    assert len(govbench.document["summary"]["rounds"]) == 6
    assert {p.name for p in govbench.folder.iterdir()} >= {
        "report.html",
        "report.md",
        "junit.xml",
        "round-005",
    }

    ab = ("ab", "--base", FAST, "--head", FAST, "--max-time", "5s", "--round", "0.8")
    said = govbench(*ab)
    assert said.code == 0, said.err
    assert "calibrated on" in notes_of_latest(govbench)
    assert "with 6 rounds of embedded:latency=5" in notes_of_latest(govbench)

    edit(path, calibrated_at="2020-01-01T00:00:00Z")
    refused = govbench(*ab)
    assert refused.code == 0, refused.err
    assert "note: baselines/default/" in refused.err
    assert "make one with govbench calibrate" in refused.err
    assert "not calibrated here: baselines/default/" in notes_of_latest(govbench)

    edit(path, rounds="many")
    damaged = govbench(*ab)
    assert damaged.code == 2
    assert "calibration.json: rounds: " in damaged.complaint
    assert damaged.out == ""


@pytest.mark.slow
def test_behind_a_url_nothing_is_restarted_and_no_instance_is_known(govbench: Cli, embedded_url: str) -> None:
    ended = govbench("calibrate", embedded_url, *SHORT)

    assert ended.code == 0, ended.err
    assert "nothing is started anew behind a URL" in ended.err
    assert "not committed" in ended.out
    text = calibration_file(govbench).read_text()
    made = json.loads(text)
    assert made["target"] == "url"
    assert "127.0.0.1" not in text
    assert {noise["instance_sd"] for noise in made["noises"]} == {None}
    assert made["detectable"] == []


def test_too_little_time_calibrates_nothing(govbench: Cli) -> None:
    ended = govbench("calibrate", FAST, "--round", "0.8", "--max-time", "3s")

    assert ended.code == 3
    assert "at least 6 are needed" in ended.complaint
    assert ended.out == ""
    assert not (govbench.cwd / "baselines").exists()
    assert (govbench.folder / "results.json").exists()


def test_a_stack_that_ends_calibrates_nothing(govbench: Cli) -> None:
    ended = govbench("calibrate", "command:false {port}", *SHORT)

    assert ended.code == 3
    assert not (govbench.cwd / "baselines").exists()


def test_interrupted_it_keeps_what_was_measured_and_calibrates_nothing(govbench: Cli) -> None:
    running = govbench.start("calibrate", FAST, "--rounds", "50", "--round", "0.8")
    running.wait_for("round 2 of 50")

    running.send(signal.SIGINT)
    ended = running.end()

    assert ended.code == 130
    assert "nothing is calibrated, and what was measured is in" in ended.complaint
    assert govbench.document["summary"]["run"]["status"] == "interrupted"
    assert len(govbench.document["summary"]["rounds"]) >= 2
    assert not (govbench.cwd / "baselines").exists()


@pytest.mark.slow
def test_where_no_gated_metric_can_be_judged_nothing_is_calibrated(govbench: Cli) -> None:
    (govbench.cwd / "govbench.toml").write_text("[compare]\nmin_samples = 1000000\n")

    ended = govbench("calibrate", FAST, *SHORT)

    assert ended.code == 3
    assert "nothing is calibrated: no gated metric could be judged (response_time_p50_ms: " in ended.complaint
    assert not (govbench.cwd / "baselines").exists()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--commit",), 4, "not in a git repository"),
        (("--max-time", "soon"), 2, "--max-time: expected"),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_measured(
    govbench: Cli, options: tuple[str, ...], code: int, words: str
) -> None:
    ended = govbench("calibrate", FAST, *options)

    assert ended.code == code
    assert words in ended.complaint
    assert not (govbench.cwd / "results").exists()


def test_fewer_than_six_rounds_are_a_usage_error(govbench: Cli) -> None:
    ended = govbench("calibrate", FAST, "--rounds", "5")

    assert ended.code == 2
    assert "greater than or equal to 6" in ended.err
