"""Where it was measured, in a sentence."""

from __future__ import annotations

from dataclasses import replace

from govbench.report.circumstances import comparison_sentence, environment_sentence
from govbench.results.comparison import Reference, Results
from govbench.results.run import MachineSpeed


def test_the_speed_of_the_machine_is_told_where_it_was_looked_at(results: Results) -> None:
    environment = results.summary.environment
    speed = MachineSpeed(per_s=2643.21, standard_error=0.0123)

    told = environment_sentence(replace(environment, speed=speed))

    assert told.endswith(", speed 2640 pieces of work/s ± 1.23 %")
    assert "pieces of work" not in environment_sentence(replace(environment, speed=None))


def test_of_two_sides_at_one_commit_each_says_what_it_is(results: Results) -> None:
    assert results.comparison is not None
    base = Reference(label="base (git:HEAD)", commit="1a2b3c4d5e6f", dirty=False)
    head = Reference(label="head (command:x)", commit="1a2b3c4d5e6f", dirty=True)

    told = comparison_sentence(replace(results.comparison, baseline=base, candidate=head))

    assert told.count("with changes that are not committed") == 1
    assert told.index("command:x") < told.index("not committed") < told.index("git:HEAD")
