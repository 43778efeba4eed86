from __future__ import annotations

from collections.abc import Callable

import pytest

from govbench.compare.ab import compare_rounds
from govbench.compare.compare import reference_of
from govbench.compare.rounds import Judging
from govbench.compare.trial import Trial, without_looks
from govbench.config.settings import CompareConfig
from govbench.results.rounds import Control
from govbench.results.run import RunSummary
from tests.compare.test_trial import a_round, errors, latency

JUDGING = Judging(config=CompareConfig())


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        (0.0, "Control: each side against itself +0.0% [-1.0%, +1.0%] at 99.9%, flat."),
        (0.1, "Control: each side against itself +10.5% [+9.4%, +11.7%] at 99.9%, not flat."),
    ],
)
def test_the_control_is_told_with_its_interval(
    summary: Callable[..., RunSummary], effect: float, said: str
) -> None:
    trial = Trial(JUDGING, without_looks(6))
    for number in range(6):
        trial.add(a_round(number, control=Control(effect=effect, standard_error=0.01, n=25)))
    run = summary()

    compared = compare_rounds(run, trial, JUDGING, baseline=reference_of(run))

    assert compared.notes[2] == said


@pytest.mark.parametrize(("waiting", "is_said"), [(0.4, True), (0.09, False), (None, False)])
def test_requests_that_waited_are_told(
    summary: Callable[..., RunSummary], waiting: float | None, is_said: bool
) -> None:
    trial = Trial(JUDGING, without_looks(6))
    for number in range(6):
        trial.add(a_round(number, latency(0.0, waiting=waiting), errors()))
    run = summary()

    notes = compare_rounds(run, trial, JUDGING, baseline=reference_of(run)).notes

    said = [note for note in notes if note.startswith("Requests waited for each other at a side: ")]
    assert len(said) == is_said
    assert not said or "an answer took 49% longer" in said[0]
