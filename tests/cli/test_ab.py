"""``govbench ab`` from the command line: real stacks in real rounds, and what can go wrong with one."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from typing import Any

import pytest

from tests.cli.conftest import Cli, Ended, Serve, marked
from tests.stack.repository import PYTHON, app, config_text

pytestmark = pytest.mark.load

EMBEDDED = "embedded:latency=5ms"
# Short rounds: what these tests look at is what becomes of them.
QUICK = ("--round", "0.6", "--max-time", "50s")


def ab(govbench: Cli, base: str, head: str, *options: str) -> Ended:
    return govbench("ab", "--base", base, "--head", head, *options)


def finding(document: dict[str, Any], metric: str) -> dict[str, Any]:
    (found,) = (f for f in document["comparison"]["findings"] if f["metric"] == metric)
    return dict(found)


def test_a_slower_head_is_a_regression_that_fresh_rounds_confirm(govbench: Cli) -> None:
    ended = ab(govbench, EMBEDDED, "embedded:latency=5ms,slowdown=3", *QUICK)

    assert ended.code == 1, ended.out
    words = " ".join(ended.out.replace("│", " ").split())
    assert re.search(r"✗ default: p50 of concurrent [\d.]+ → [\d.]+ ms \(\+\d+ % \[\+\d+, \+\d+\]\)", words)
    assert "\n✗ regression · exit code 1: " in ended.out
    document = govbench.document
    summary, comparison = document["summary"], document["comparison"]
    assert comparison["method"] == "paired_rounds"
    p50 = finding(document, "response_time_p50_ms")
    assert p50["verdict"] == "regression"
    assert "fresh rounds agree" in p50["reason"]
    assert p50["change"]["low"] > 0.5
    rounds = summary["rounds"]
    assert len(rounds) >= 9
    assert [r["swapped"] for r in rounds] == [i % 2 == 1 for i in range(len(rounds))]
    assert sum(r["confirms"] for r in rounds) >= 3
    assert any(r["control"] for r in rounds)
    own = [r["own_effect"] for r in rounds]  # by the instances' own clocks; what was asked for is log 3
    assert all(0.5 < effect < 1.5 for effect in own), own
    assert [t["name"] for t in summary["targets"]] == ["base", "head"]
    accounting = summary["accounting"]
    assert accounting["lost"] == 0
    assert accounting["offered"] == accounting["sent"] + accounting["dropped"]
    assert govbench.sample_count() == accounting["sent"]
    for name in ("report.html", "report.md", "junit.xml", "environment.json"):
        assert (govbench.folder / name).stat().st_size > 0
    again = govbench("report", str(govbench.folder), "--markdown")
    assert "regression" in again.out
    refused = govbench("compare")
    assert refused.code == 2
    assert "measured two stacks against each other and has its verdict" in refused.err


def test_the_time_is_kept_and_too_few_rounds_decide_nothing(govbench: Cli) -> None:
    ended = ab(govbench, EMBEDDED, EMBEDDED, "--round", "0.6", "--max-time", "6s")

    assert ended.code == 0, ended.err
    assert "inconclusive" in ended.out
    assert "To be certain, measure longer: --max-time takes" in ended.out
    why = govbench.here("report", str(govbench.folder), "--markdown").out
    assert "at least 6 are needed: raise --max-time" in why
    rounds = govbench.document["summary"]["rounds"]
    assert len(rounds) < 6
    assert rounds[-1]["start_s"] - rounds[0]["start_s"] < 6
    assert "and a change takes 8 to be reported: about --max-time" in ended.err
    assert "would have flagged" not in ended.out


@pytest.mark.slow
def test_throughput_and_one_user_are_measured_where_asked_for(govbench: Cli) -> None:
    ended = ab(
        govbench, EMBEDDED, EMBEDDED, "--round", "4", "--max-time", "40s",
        "--test-types", "baseline,concurrent", "--throughput", "50",
    )  # fmt: skip

    assert ended.code == 0, ended.err
    seen = {
        (o["test_type"], o["metric"])
        for r in govbench.document["summary"]["rounds"]
        for o in r["observations"]
    }
    assert {("baseline", "response_time_p50_ms"), ("concurrent", "response_time_p50_ms")} <= seen
    assert ("concurrent", "throughput_rps") in seen
    assert ("baseline", "throughput_rps") not in seen


@pytest.mark.slow
def test_a_head_that_is_slower_at_the_highest_level_alone_is_found_there(govbench: Cli) -> None:
    few, many = "embedded:latency=40ms,slots=3", "embedded:latency=40ms,slots=40"
    asked = ("ab", "--base", many, "--head", few, "--levels", "2,24", "--round", "2.4", "--max-time", "100s")
    ended = govbench.start(*asked).end(timeout_s=150)

    assert ended.code == 1, ended.out
    assert "p50 of concurrent at 24 users" in " ".join(ended.out.replace("│", " ").split())
    document = govbench.document
    p50 = finding(document, "response_time_p50_ms")
    assert p50["level"] == "24 users"
    levels = {each["level"]: each["verdict"] for each in p50["levels"]}
    assert levels.keys() == {"2 users", "24 users"}
    assert levels["2 users"] != "regression"
    rounds = document["summary"]["rounds"]
    starts = [
        {o["level"] for o in each["observations"] if o["metric"] == "response_time_p50_ms"} for each in rounds
    ]
    assert all(seen == {"2 users", "24 users"} for seen in starts)


# --- sides that fail


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["html", "wrong-path"])
def test_a_head_that_answers_otherwise_is_a_regression_of_the_error_rate(
    govbench: Cli, serve: Serve, mode: str
) -> None:
    ended = ab(govbench, serve("good"), serve(mode), *QUICK)

    assert ended.code == 1, ended.out
    document = govbench.document
    assert finding(document, "error_rate")["verdict"] == "regression"
    assert finding(document, "response_time_p50_ms")["reason"] == "not measured in head"
    assert "the load will tell" in ended.err
    assert "Nothing was started anew" in " ".join(document["comparison"]["notes"])


@pytest.mark.slow
def test_a_base_that_answers_nothing_usable_is_no_pass(govbench: Cli, serve: Serve) -> None:
    (govbench.cwd / "govbench.toml").write_text(
        '[load]\ntest_types = ["baseline"]\ntest_duration_s = 1\n', encoding="utf-8"
    )

    ended = ab(govbench, serve("locked"), serve("good"), *QUICK)

    assert ended.code == 3, ended.err
    assert "so the stored baseline judges" in ended.err
    words = " ".join(ended.out.replace("│", " ").split())
    assert "the base could not be measured, so nothing was compared side by side" in words
    assert "head alone, by what is stored: no baseline" in words


@pytest.mark.slow
def test_a_base_that_does_not_boot_makes_it_3_unless_fail_on_says_otherwise(govbench: Cli) -> None:
    """Head is measured alone and held to the thresholds and what is stored; that is no pass for a gate."""
    (govbench.cwd / "govbench.toml").write_text(
        '[load]\ntest_types = ["baseline"]\ntest_duration_s = 1\n', encoding="utf-8"
    )

    ended = ab(govbench, "command:false {port}", EMBEDDED, *QUICK)

    assert ended.code == 3, ended.err
    assert "base (command:false {port}) could not be measured, so the stored baseline judges" in ended.err
    assert "--max-time and --round do not count" in " ".join(ended.err.split())
    newest = max(govbench.cwd.glob("results/*/results.json"))
    comparison = json.loads(newest.read_text())["comparison"]
    assert comparison["verdict"] == "invalid"
    assert comparison["base_failure"].startswith("command:false {port}: ")
    assert comparison["findings"]
    assert 'failures="0" errors="1"' in (newest.parent / "junit.xml").read_text()

    ended = ab(govbench, "command:false {port}", EMBEDDED, *QUICK, "--fail-on", "regression")
    assert ended.code == 0, ended.err


def test_a_head_that_does_not_boot_is_an_error(govbench: Cli) -> None:
    ended = ab(govbench, EMBEDDED, "command:false {port}", *QUICK)

    assert ended.code == 3
    assert "exit code 1" in ended.complaint


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["govbench.load", "govbench.demo"])
def test_what_dies_in_mid_round_ends_the_comparison_as_failed(govbench: Cli, victim: str) -> None:
    running = govbench.start(
        "ab", "--base", EMBEDDED, "--head", EMBEDDED, "--round", "4", "--max-time", "60s"
    )
    running.wait_for("round 2 of")  # the first round plans nothing, so it is told with the second
    deadline = time.monotonic() + 30
    while not (found := [p for p, line in marked(govbench.environ).items() if victim in line]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    samples = govbench.folder / "round-002" / "samples"
    while not samples.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1.5)
    found = [p for p, line in marked(govbench.environ).items() if victim in line]
    os.kill(found[0], signal.SIGKILL)
    ended = running.end()

    assert ended.code == 3, ended.out
    assert "Traceback" not in ended.err
    document = govbench.document
    assert document["summary"]["run"]["status"] == "failed"
    assert document["comparison"]["verdict"] == "invalid"
    if victim == "govbench.demo":
        reason = document["comparison"]["reason"]
        assert "was killed by SIGKILL (out of memory?) during round 3; its log ends: " in reason
    assert govbench.sample_count() > 20


# --- wrong input


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--base", "embedded"), "--head"),
        (("--base", "embeded", "--head", "embedded"), "did you mean embedded?"),
        (("--base", "git:nowhere", "--head", "embedded"), "git:nowhere"),
        (("--base", "embedded", "--head", "embedded", "--max-time", "soon"), "--max-time: expected"),
        (("--base", "embedded", "--head", "embedded", "--users", "0"), "--users: expected"),
        (("--base", "embedded", "--head", "embedded", "--round", "20s", "--max-time", "10s"), "ab.round_s"),
        (("--base", "command:x --port 80", "--head", "embedded"), "{port}"),
    ],
)
def test_wrong_options_are_told_before_anything_starts(
    govbench: Cli, options: tuple[str, ...], said: str
) -> None:
    ended = govbench("ab", *options)

    assert ended.code == 2
    assert said in ended.err
    assert all(any(folder.iterdir()) for folder in govbench.cwd.glob("results/*")), (
        "an empty folder is no run"
    )


# --- signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_what_was_measured(govbench: Cli, number: signal.Signals) -> None:
    running = govbench.start(
        "ab", "--base", EMBEDDED, "--head", EMBEDDED, "--round", "1", "--max-time", "90s"
    )
    running.wait_for("round 2 of")
    time.sleep(1.0)
    running.send(number)
    ended = running.end()

    assert ended.code == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    document = govbench.document
    assert document["summary"]["run"]["status"] == "interrupted"
    assert document["comparison"]["verdict"] == "invalid"
    assert len(document["summary"]["rounds"]) >= 2
    assert govbench.sample_count() == document["summary"]["accounting"]["sent"]


# --- commits


def test_a_commit_is_built_and_booted_beside_the_one_checked_out(govbench: Cli) -> None:
    (govbench.cwd / "govbench.toml").write_text(config_text(build=f"{PYTHON} -c 'print(1)'"))
    (govbench.cwd / "app.py").write_text(app("one"))
    govbench.commit_all()
    base = govbench.git("rev-parse", "HEAD")
    (govbench.cwd / "app.py").write_text(app("two"))
    govbench.commit_all()

    (govbench.cwd / "app.py").write_text(app("not committed"))  # nobody measures that
    ended = ab(govbench, "git:HEAD~1", "git:HEAD", "--round", "2", "--max-time", "12s")

    assert "booting git:HEAD~1" in ended.err
    document = govbench.document
    assert document["comparison"]["baseline"]["commit"] == base
    assert document["comparison"]["candidate"]["commit"] == govbench.git("rev-parse", "HEAD")
    assert not document["comparison"]["baseline"]["dirty"]
    assert not document["comparison"]["candidate"]["dirty"]
    assert [t["form"] for t in document["summary"]["targets"]] == ["git:HEAD~1", "git:HEAD"]
    accounting = document["summary"]["accounting"]
    assert accounting["failed"] == 0
    assert accounting["ok"] > 20
    for name in ("base", "head"):
        assert (govbench.folder / f"{name}-build.log").read_text() == "1\n"
    assert len(govbench.git("worktree", "list").splitlines()) == 1
