"""``govbench selftest``: what it prints, and the short form for real."""

from __future__ import annotations

import json
import math
import re
import signal

import pytest

from govbench.cli.selftest import to_json, to_text
from govbench.pipeline.selftest.checks import Capacity, Check, Figure, SelfTest, State, at_most, equal
from tests.cli.conftest import Cli

CHECKS = (
    Check(
        name="equal delays",
        state=State.FAILED,
        figures=(
            Figure(name="p50", measured=50.25, truth=50, low=0, high=1.5),
            Figure(name="p99", measured=1056.0, truth=1050, low=-5, high=5),
        ),
        reason="first try: p99 beyond the bound; second try: p99 beyond the bound",
        tries=2,
    ),
    Check(name="accounting", state=State.OK, figures=(equal("sent", 1200, 1200), at_most("ok", 1180, 1200))),
    Check(
        name="streams",
        state=State.INCONCLUSIVE,
        figures=(Figure(name="p50", measured=None, truth=1, low=-math.inf, high=1),),
        reason="the reference server itself was late by 7.0 ms",
    ),
    Check(name="stall", state=State.SKIPPED, reason="no kernel timestamps on this system"),
)
FINISHED = SelfTest(
    checks=CHECKS,
    capacity=Capacity(requests_rps=24_321.0, cpu_us_per_request=41.0, connections=64),
    duration_s=29.6,
)


def test_a_line_for_every_figure_and_what_they_come_to() -> None:
    lines = [re.split(r"\s{2,}", line.strip()) for line in to_text(FINISHED).splitlines()]

    assert lines[0] == ["check", "figure", "measured", "truth", "difference", "bound"]
    assert lines[1] == [
        "equal delays", "p50", "50.25 ms", "50.00 ms", "+0.25 ms", "+1.50 −0.00 ms", "ok",
    ]  # fmt: skip
    assert lines[2] == [
        "p99", "1,056.00 ms", "1,050.00 ms", "+6.00 ms", "±5.00 ms", "FAILED (2nd try)",
    ]  # fmt: skip
    assert lines[3] == ["accounting", "sent", "1,200", "1,200", "0", "equal", "ok"]
    assert lines[4] == ["ok", "1,180", "1,200", "-20", "at most", "ok"]
    assert lines[5][-1] == "inconclusive"
    assert lines[6] == ["stall", "skipped"]
    assert lines[8] == [f"equal delays: {CHECKS[0].reason}"]
    assert lines[-2] == ["4 checks in 30 s: 1 ok, 1 failed, 1 inconclusive, 1 skipped"]
    assert lines[-1] == [FINISHED.capacity.sentence] if FINISHED.capacity else False


def test_colours_only_where_asked_for() -> None:
    assert "\x1b[" not in to_text(FINISHED)
    assert "\x1b[31mFAILED" in to_text(FINISHED, color=True)


def test_json_has_null_for_what_is_not_there() -> None:
    body = json.loads(to_json(FINISHED))

    assert body["passed"] is False
    assert [check["state"] for check in body["checks"]] == ["failed", "ok", "inconclusive", "skipped"]
    assert body["checks"][2]["figures"][0] == {
        "name": "p50", "unit": "ms", "measured": None, "truth": 1, "difference": None,
        "low": None, "high": 1, "holds": False, "server_late_ms": None,
    }  # fmt: skip
    assert body["capacity"]["requests_rps"] == 24_321.0
    assert json.loads(to_json(SelfTest(checks=CHECKS, capacity=None, duration_s=1)))["capacity"] is None


@pytest.mark.load
@pytest.mark.slow
def test_the_short_form_finds_the_generator_true(govbench: Cli) -> None:
    ended = govbench("selftest", "--short", "--json", "--quiet")

    body = json.loads(ended.out)
    states = {check["name"]: check["state"] for check in body["checks"]}
    assert list(states) == [
        "equal delays of 50 ms",
        "equal delays of 200 ms",
        "equal delays of 1000 ms",
        "lognormal delays",
        "bimodal delays",
        "1,000 users, 1 s think time",
        "server frozen for 0.8 s, open loop",
        "load process stopped for 1 s",
        "accounting, load at its end",
        "accounting, load stopped",
        "accounting, requests cancelled",
        "accounting, load process killed",
        "streams",
        "cut streams",
        "5 % fast errors",
    ]
    assert "failed" not in states.values(), body
    assert {states[name] for name in states if name.startswith("accounting")} == {"ok"}
    assert ended.code == (0 if body["passed"] else 3)
    assert ended.err == ""


@pytest.mark.load
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_nothing_behind(govbench: Cli, number: signal.Signals, code: int) -> None:
    running = govbench.start("selftest", "--short")
    running.wait_for("mixed delays")

    running.send(number)
    ended = running.end(timeout_s=20)

    assert ended.code == code
    assert "interrupted" in ended.complaint
    assert ended.out == ""
