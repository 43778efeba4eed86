"""How many rounds `govbench ab` measures within its time, with rounds that take what the test says."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from govbench.compare.rounds import Judging
from govbench.config.settings import AbConfig, CompareConfig
from govbench.pipeline.ab import command as ab
from govbench.pipeline.ab import rounds
from govbench.pipeline.ab.command import Rounds
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Observation, Round

Measured = Callable[..., Rounds]


def a_round(number: int, *, ratio: float, confirms: bool) -> Round:
    scatter = 0.002 * (-1) ** number
    seen = Observation(
        test_type=TestType.CONCURRENT,
        metric=MetricName.RESPONSE_TIME_P50,
        base=20.0,
        head=20.0 * ratio,
        base_n=230,
        head_n=230,
        effect=math.log(ratio) + scatter,
        standard_error=0.01,
    )
    errors = Observation(
        test_type=TestType.CONCURRENT,
        metric=MetricName.ERROR_RATE,
        base=0.0,
        head=0.0,
        base_n=253,
        head_n=230,
    )
    return Round(
        number=number,
        start_s=0,
        end_s=1,
        boot_s=0.1,
        swapped=False,
        observations=(seen, errors),
        control=None,
        confirms=confirms,
    )


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Rounds of the given lengths (the last one's for all that follow), by a clock of their own."""

    def begin(lengths_s: list[float], *, max_time_s: float, ratio: float = 1.3) -> Rounds:
        now = [0.0]
        notes: list[str] = []

        def measure(_: object, number: int, *, load_s: object, confirms: bool) -> Any:
            del load_s
            now[0] += lengths_s[min(number, len(lengths_s) - 1)]
            found = a_round(number, ratio=ratio, confirms=confirms)
            return SimpleNamespace(round=found, failure=None)

        monkeypatch.setattr(ab, "measure_round", measure)
        monkeypatch.setattr(ab, "time", SimpleNamespace(monotonic=lambda: now[0]))
        bench: Any = SimpleNamespace(
            settings=SimpleNamespace(ab=AbConfig(max_time_s=max_time_s)),
            stopper=SimpleNamespace(graceful=None, stopped=False),
            progress=SimpleNamespace(note=notes.append, round_ends=lambda trial: None),
            notes=notes,
        )
        rounds = Rounds(bench, Judging(config=CompareConfig()))
        rounds.measure()
        return rounds

    return begin


def test_the_time_is_kept(measured: Measured) -> None:
    assert len(measured([1.0], max_time_s=5.5).records) == 5
    assert len(measured([1.0], max_time_s=30.0, ratio=1.001).records) < 30


def test_a_confirmation_that_lacks_one_round_gets_it(measured: Measured) -> None:
    # Eight were planned; then rounds got slower, so that the time is up after the first of two fresh ones.
    rounds = measured([1.0, 1.0, 1.0, 1.2], max_time_s=8.5)
    assert [record.round.confirms for record in rounds.records] == [False] * 6 + [True] * 2
    assert rounds.trial is not None
    (finding,) = (f for f in rounds.trial.findings() if f.metric is MetricName.RESPONSE_TIME_P50)
    assert "2 fresh rounds agree" in str(finding.reason)


def test_a_look_at_the_end_of_the_time_gets_no_two_rounds_more(measured: Measured) -> None:
    rounds = measured([1.0, 1.0, 1.0, 1.6], max_time_s=8.5)
    assert len(rounds.records) == 6
    assert rounds.trial is not None
    (finding,) = (f for f in rounds.trial.findings() if f.metric is MetricName.RESPONSE_TIME_P50)
    assert "too late for fresh rounds" in str(finding.reason)
    assert finding.mde is None, "it could not have reported any change"


@pytest.mark.parametrize(("max_time_s", "few"), [(0.5, "1 round fits"), (6.5, "6 rounds fit"), (9.5, None)])
def test_too_little_time_for_a_verdict_is_told_at_once(
    measured: Measured, max_time_s: float, few: str | None
) -> None:
    rounds = measured([1.0], max_time_s=max_time_s)
    bench: Any = rounds.bench
    notes: list[str] = bench.notes
    assert len(notes) == (few is not None)
    if few:
        assert few in notes[0]
        assert "about --max-time 8s" in notes[0]


def test_neither_a_cold_answer_nor_one_held_up_plans_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    answers_s = {"base": [2.0, 0.45, 0.6], "head": [1.5, 0.5, 0.9]}
    monkeypatch.setattr(rounds, "preflight", lambda side, *_: answers_s[side.name].pop(0))
    contestant = SimpleNamespace(settings=None, ready=SimpleNamespace(target=None))
    bench: Any = SimpleNamespace(base=contestant, head=contestant, progress=None)
    sides: Any = tuple(SimpleNamespace(name=name) for name in answers_s)

    assert rounds.first_answers_s(bench, sides) == 0.5


def test_where_time_is_short_rounds_have_half_as_many_pairs() -> None:
    """Ten users, answers of 2.6 s: rounds of forty pairs take 21 s, of which hardly six fit into 120 s."""

    def chosen(max_time_s: float) -> float:
        load = SimpleNamespace(phases=lambda **_: ("concurrent",), fewest_users=10)
        bench: Any = SimpleNamespace(settings=SimpleNamespace(ab=AbConfig(max_time_s=max_time_s)), load=load)
        return Rounds(bench, Judging(config=CompareConfig()))._choose(1.0, 2.6)

    assert chosen(120.0) == pytest.approx(120.0 / 9 - 1.5)
    assert chosen(60.0) == pytest.approx(20 * 2 * 2.6 / 10 + 0.2)
    assert chosen(600.0) == pytest.approx(40 * 2 * 2.6 / 10 + 0.2)
