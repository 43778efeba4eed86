"""The speed of the machine: its error is what it says, and several looks are never surer than they agree."""

from __future__ import annotations

import math

import pytest

from govbench.record.speed import machine_speed, together
from govbench.results.run import MachineSpeed


def test_the_work_is_counted() -> None:
    speed = machine_speed(0.05)

    assert 10 < speed.per_s < 1e6
    assert 0 <= speed.standard_error < 2


def test_two_looks_are_no_surer_than_they_agree() -> None:
    fast, slow = (MachineSpeed(per_s=value, standard_error=0.01) for value in (1200.0, 800.0))

    both = together([fast, slow])

    assert both.per_s == 1000.0
    assert both.standard_error == pytest.approx(math.sqrt(2) * 200 / 1000 / math.sqrt(2))


def test_two_looks_that_agree_have_the_error_of_both() -> None:
    same = MachineSpeed(per_s=1000.0, standard_error=0.02)

    assert together([same, same]).standard_error == pytest.approx(0.02 / math.sqrt(2))
    assert together([same]) == same


@pytest.mark.parametrize(("per_s", "error"), [(0.0, 0.1), (-1.0, 0.1), (math.inf, 0.1), (1.0, -0.1)])
def test_no_speed_is_none(per_s: float, error: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        MachineSpeed(per_s=per_s, standard_error=error)
