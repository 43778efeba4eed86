"""``--gate-from``: a branch that loosens its own gate or moves its own baseline is judged by that of main."""

from __future__ import annotations

import html
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import SHORT, Cli, Ended
from tests.cli.test_stored_files import twice_as_fast

pytestmark = pytest.mark.load

STRICT = """
[compare]
fail_on = ["regression", "invalid", "no_baseline"]
min_samples = 10

[thresholds]
response_time_p50_ms = 1

[baselines]
window = 20
"""
LOOSE = """
[compare]
unpaired_margin = 1.0
fail_on = []

[compare.metrics.response_time_p50_ms]
gate = false

[thresholds]
response_time_p50_ms = 60000
error_rate = 1.0

[baselines]
window = 1
folder = "elsewhere"
"""
DIFFERENCES = [
    "compare.unpaired_margin: 0.1 by default at main, which counts; 1 in the work tree.",
    "compare.min_samples: 10 at main, which counts; 30 by default in the work tree.",
    "compare.fail_on: invalid, no_baseline, regression at main, which counts; none in the work tree.",
    "compare.metrics.response_time_p50_ms.gate: not set at main, which counts; false in the work tree.",
    "thresholds.response_time_p50_ms: 1 at main, which counts; 60000 in the work tree.",
    "thresholds.error_rate: not set at main, which counts; 1 in the work tree.",
    "baselines.folder: baselines by default at main, which counts; elsewhere in the work tree.",
    "baselines.window: 20 at main, which counts; 1 in the work tree.",
]


def branch(cli: Cli) -> None:
    """The strict gate is committed on main, the loose one on the branch that is checked out."""
    (cli.cwd / "govbench.toml").write_text(STRICT)
    cli.commit_all()
    cli.git("checkout", "-q", "-b", "topic")
    (cli.cwd / "govbench.toml").write_text(LOOSE)
    cli.commit_all()


def comparison(ended: Ended) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ended.out)["comparison"]
    return found


def latest(cli: Cli) -> dict[str, Any]:
    text = (cli.cwd / "results" / "latest" / "results.json").read_text()
    found: dict[str, Any] = json.loads(text)["comparison"]
    return found


def test_thresholds_and_what_fails(measured: Cli) -> None:
    branch(measured)
    loose = measured.here("compare", "--json")
    strict = measured.here("compare", "--json", "--gate-from", "main")
    shown = measured.here("compare", "--markdown", "--gate-from", "main")

    assert (loose.code, strict.code, shown.code) == (0, 1, 1)
    assert comparison(loose)["notes"] == []
    judged = comparison(strict)
    p50 = next(each for each in judged["thresholds"] if each["metric"] == "response_time_p50_ms")
    assert (p50["bound"], p50["state"]) == (1, "missed")
    commit = measured.git("rev-parse", "main")[:9]
    assert judged["notes"] == [f"The gate is that of main ({commit}): govbench.toml.", *DIFFERENCES]
    plain = html.unescape(shown.out)
    assert [line for line in DIFFERENCES if line not in plain] == []


def test_margins_and_gates_of_metrics(measured: Cli) -> None:
    branch(measured)
    path = measured.folder / "results.json"
    (measured.cwd / "fast.json").write_text(twice_as_fast(path.read_text()))
    call = ("compare", "fast.json", str(path), "--json")

    loose, strict = measured.here(*call), measured.here(*call, "--gate-from", "main")

    assert loose.code == 0, loose.err
    assert strict.code == 1
    judged = comparison(strict)
    assert judged["verdict"] == "regression"
    flagged = [f for f in judged["findings"] if f["metric"] == "response_time_p50_ms"]
    assert ("regression", True) in {(f["verdict"], f["gated"]) for f in flagged}
    assert set(DIFFERENCES) <= set(judged["notes"])


def test_stored_runs_are_those_of_the_commit(measured: Cli) -> None:
    assert measured.here("baseline", "update").code == 0
    (measured.cwd / ".gitignore").write_text("results/\nhome/\n")
    branch(measured)
    shutil.rmtree(measured.cwd / "baselines")
    measured.commit_all()

    without = measured.here("compare", "--json", "--gate-from", "HEAD")
    gated = measured.here("compare", "--json", "--gate-from", "main")

    assert comparison(without)["verdict"] == "no_baseline"
    assert comparison(gated)["baseline"]["run_ids"] == [measured.folder.name]


def test_two_results_go_by_the_calibration_of_the_commit(measured: Cli) -> None:
    branch(measured)
    (measured.cwd / "govbench.toml").write_text("")
    path = measured.folder / "results.json"
    machine_class = json.loads(path.read_text())["summary"]["environment"]["machine_class"]
    calibration = measured.cwd / "baselines" / "default" / machine_class / "calibration.json"
    calibration.parent.mkdir(parents=True)
    calibration.write_text("loosened beyond recognition")
    call = ("compare", str(path), str(path), "--json")

    here, gated = measured.here(*call), measured.here(*call, "--gate-from", "main")

    assert "calibration.json" in " ".join(comparison(here)["notes"])
    assert "calibration.json" not in " ".join(comparison(gated)["notes"])


def test_options_go_before_the_commit(measured: Cli) -> None:
    branch(measured)

    ended = measured.here("compare", "--json", "--gate-from", "main", "--fail-on", "none")

    assert not any(note.startswith("compare.fail_on") for note in comparison(ended)["notes"])
    assert ended.code == 1, "a bound that was missed fails whatever --fail-on says"


@pytest.mark.parametrize("command", [("run", "embedded"), ("ab", "--base", "embedded", "--head", "embedded")])
def test_a_commit_that_cannot_judge_ends_the_command_before_any_load(
    govbench: Cli, command: tuple[str, ...]
) -> None:
    (govbench.cwd / "govbench.toml").write_text("[compare]\nlevel = 2\n")
    govbench.commit_all()
    (govbench.cwd / "govbench.toml").write_text("")

    unknown = govbench.here(*command, "--gate-from", "no-such-branch")
    wrong = govbench.here(*command, "--gate-from", "main")
    empty = govbench.here(*command, "--gate-from", "")

    assert (unknown.code, wrong.code, empty.code) == (2, 2, 2)
    assert "no-such-branch: no such commit, branch or tag" in unknown.complaint
    assert "main:govbench.toml: [compare] level: expected" in wrong.complaint
    assert not Path(govbench.cwd / "results").exists()


def assert_judged_by_main(cli: Cli, ended: Ended) -> dict[str, Any]:
    judged = latest(cli)
    assert ended.code == 1, ended.out
    p50 = next(each for each in judged["thresholds"] if each["metric"] == "response_time_p50_ms")
    assert (p50["bound"], p50["state"]) == (1, "missed")
    assert set(DIFFERENCES) <= set(judged["notes"])
    assert DIFFERENCES[0] in " ".join(ended.err.split())
    return judged


def test_a_run_is_judged_by_the_commit_and_its_stored_runs(measured: Cli) -> None:
    assert measured.here("baseline", "update").code == 0
    stored = measured.folder.name
    branch(measured)
    shutil.rmtree(measured.cwd / "baselines")
    measured.commit_all()

    ended = measured("run", "embedded:latency=5ms", *SHORT, "--gate-from", "main")

    judged = assert_judged_by_main(measured, ended)
    assert judged["baseline"]["run_ids"] == [stored]


def test_two_sides_are_judged_by_the_commit(govbench: Cli) -> None:
    govbench.commit_all()
    branch(govbench)
    sides = ("--base", "embedded:latency=5ms", "--head", "embedded:latency=5ms")

    assert_judged_by_main(govbench, govbench("ab", *sides, "--max-time", "8s", "--gate-from", "main"))
