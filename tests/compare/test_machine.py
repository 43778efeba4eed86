"""A machine that was slower itself is told, beyond the noise of looking at it and by enough to matter."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from govbench.compare.machine import machine_reason, speed_change
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
