"""Where it was measured, in a sentence."""

from __future__ import annotations

from dataclasses import replace

from govbench.report.circumstances import environment_sentence
from govbench.results.comparison import Results
from govbench.results.run import MachineSpeed


def test_the_speed_of_the_machine_is_told_where_it_was_looked_at(results: Results) -> None:
    environment = results.summary.environment
    speed = MachineSpeed(per_s=2643.21, standard_error=0.0123)

    told = environment_sentence(replace(environment, speed=speed))

    assert told.endswith(", speed 2640 pieces of work/s ± 1.23 %")
    assert "pieces of work" not in environment_sentence(replace(environment, speed=None))
