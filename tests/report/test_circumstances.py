"""Where it was measured, against what, and by whom, as a report says it."""

from __future__ import annotations

from dataclasses import replace

from govbench.report.circumstances import generator_sentence, process_name, side_name
from govbench.report.document import KeyValues
from govbench.report.sections.where import provenance
from govbench.results.comparison import Reference, Results
from govbench.results.run import MachineSpeed
from tests.report.rendering import document


def machine_of(results: Results) -> dict[str, str]:
    (_, machine) = provenance(results).blocks
    assert isinstance(machine, KeyValues)
    return dict(machine.pairs)


def test_the_speed_of_the_machine_is_told_where_it_was_looked_at(results: Results) -> None:
    environment = results.summary.environment
    speed = MachineSpeed(per_s=2643.21, standard_error=0.0123)
    seen = replace(results, summary=replace(results.summary, environment=replace(environment, speed=speed)))

    assert machine_of(seen)["speed"] == "2640 pieces of work/s ± 1.23 %"
    assert "speed" not in machine_of(results)


def test_of_two_sides_at_one_commit_each_says_what_it_is(results: Results) -> None:
    assert results.comparison is not None
    base = Reference(label="base (git:HEAD)", commit="1a2b3c4d5e6f", dirty=False, distance=1)
    head = Reference(label="head (command:x)", commit="1a2b3c4d5e6f", dirty=True)
    found = replace(results, comparison=replace(results.comparison, baseline=base, candidate=head))

    facts = dict(document(found).facts)
    assert facts["base"] == "base (git:HEAD), commit 1a2b3c4d5e, 1 commit away"
    assert facts["head"].endswith("1a2b3c4d5e, with changes that are not committed")


def test_sides_are_named_where_there_are_two() -> None:
    assert [side_name(side, 2) for side in range(2)] == ["base", "head"]
    assert side_name(0, 1) == "target"
    assert process_name("target:1", 2) == "head"
    assert process_name("generator", 2) == "generator"


def test_what_is_not_known_of_the_generator_is_no_good_news(results: Results, failed_run: Results) -> None:
    assert generator_sentence(results.summary.generator).startswith("not the bottleneck")
    assert generator_sentence(failed_run.summary.generator) == "not measured"
