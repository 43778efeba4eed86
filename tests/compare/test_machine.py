"""A machine that was slower itself is told, beyond the noise of looking at it and by enough to matter."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from govbench.compare.machine import explained_by_machine, machine_reason, speed_change
from govbench.results.comparison import Change, Finding, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.run import Environment, MachineSpeed

HERE = Environment(
    machine_class="linux-x86_64-test-2c-4g",
    os="Linux",
    os_release="6",
    architecture="x86_64",
    cpu_model="test",
    cores=2,
    memory_bytes=4 * 1024**3,
    python="3.11.7",
    packages={},
)


def fast(per_s: float | None, error: float = 0.005) -> Environment:
    speed = None if per_s is None else MachineSpeed(per_s=per_s, standard_error=error)
    return replace(HERE, speed=speed)


@pytest.mark.parametrize(
    ("here", "stored", "change"),
    [
        (700.0, [1000.0], math.log(0.7)),
        (1400.0, [1000.0], math.log(1.4)),
        (700.0, [1000.0, None, 1000.0], math.log(0.7)),
        (970.0, [1000.0], None),  # sure, and too small to explain anything
        (1000.0, [1000.0], None),
        (700.0, [None], None),
        (700.0, [], None),
        (None, [1000.0], None),
        (800.0, [1000.0, 700.0, 1300.0, 850.0], None),  # stored runs differ by as much
    ],
)
def test_speeds(here: float | None, stored: list[float | None], change: float | None) -> None:
    found = speed_change(fast(here), [fast(each) for each in stored])

    assert found == (None if change is None else pytest.approx(change))


def test_an_uncertain_look_tells_nothing() -> None:
    assert speed_change(fast(800.0, error=0.2), [fast(1000.0)]) is None
    assert speed_change(fast(800.0, error=0.01), [fast(1000.0, error=0.2)]) is None


def test_what_is_said() -> None:
    assert machine_reason(math.log(0.7)) == "the machine itself was 30% slower than beside the stored runs"
    assert machine_reason(math.log(1.2)).startswith("the machine itself was 20% faster")


def flagged(metric: MetricName, estimate: float, *, since: str | None = None) -> Finding:
    better = (estimate < 0) is not (metric is MetricName.THROUGHPUT)
    return Finding(
        test_type=TestType.BASELINE,
        metric=metric,
        verdict=Verdict.IMPROVEMENT if better else Verdict.REGRESSION,
        gated=True,
        reason="it moved",
        change=Change(estimate=estimate, low=estimate - 0.05, high=estimate + 0.05, level=0.99),
        since=since,
    )


P50, RATE, ERRORS = MetricName.RESPONSE_TIME_P50, MetricName.THROUGHPUT, MetricName.ERROR_RATE
SLOWER, FASTER = math.log(0.8), math.log(1.25)


@pytest.mark.parametrize(
    ("change", "finding", "open_"),
    [
        (SLOWER, flagged(P50, 0.25), True),
        (SLOWER, flagged(P50, 0.5), True),
        (SLOWER, flagged(P50, 0.7), False),  # more than twice what the machine lost
        (SLOWER, flagged(P50, -0.2), False),  # better, in spite of the machine
        (SLOWER, flagged(RATE, -0.2), True),
        (SLOWER, flagged(RATE, 0.2), False),
        (FASTER, flagged(P50, -0.2), True),
        (FASTER, flagged(P50, 0.25), False),
        (SLOWER, flagged(ERRORS, 0.2), False),  # no machine makes requests fail
        (SLOWER, flagged(P50, 0.25, since="abc..def"), False),
        (None, flagged(P50, 0.25), False),
    ],
)
def test_what_the_machine_may_explain(change: float | None, finding: Finding, open_: bool) -> None:
    (found,) = explained_by_machine([finding], change)

    if open_:
        assert found.verdict is Verdict.INCONCLUSIVE
        assert found.suspect
        assert found.reason.startswith("the machine itself was ")
        assert found.reason.endswith("it moved")
    else:
        assert found == finding
