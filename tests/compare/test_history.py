"""Histories of stored runs: levels, what a run is held against, and the drift from an anchor."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from govbench.compare.calibration import InForce
from govbench.compare.confirmation import again_of
from govbench.compare.history import all_histories, histories_of, newest_first
from govbench.compare.stored import compare_window
from govbench.config.settings import CompareConfig
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Comparison, Finding, Reference, Verdict
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary

BuildMetric = Callable[..., Metric]
BuildUsual = Callable[..., tuple[Metric, ...]]
BuildRun = Callable[..., RunSummary]
BuildEntry = Callable[..., BaselineEntry]
Stored = Callable[..., tuple[BaselineEntry, ...]]

P50, ERRORS, THROUGHPUT = MetricName.RESPONSE_TIME_P50, MetricName.ERROR_RATE, MetricName.THROUGHPUT
BASELINE = TestType.BASELINE
CONFIG = CompareConfig()
REFERENCE = Reference(label="stored")
UNKNOWN = InForce()


def uncalibrated(_suite: str, _machine_class: str) -> InForce:
    return UNKNOWN


@pytest.fixture
def stored(entry: BuildEntry) -> Stored:
    """Entries an hour apart from the metrics of each, given oldest first, returned newest first."""

    def build(runs: Sequence[Sequence[Metric]], **changes: Any) -> tuple[BaselineEntry, ...]:
        entries = [
            entry(
                metrics,
                number=i,
                committed_at=f"2026-01-{1 + i // 24:02}T{i % 24:02}:00:00Z",
                **changes,
            )
            for i, metrics in enumerate(runs)
        ]
        return tuple(reversed(entries))

    return build


def finding(compared: Comparison, name: MetricName = P50) -> Finding:
    return next(f for f in compared.findings if f.metric is name)


def near(rng: np.random.Generator, value: float, sd: float = 0.02) -> float:
    return value * math.exp(sd * rng.standard_normal())


def step(usual: BuildUsual, *levels: tuple[float, int]) -> list[tuple[Metric, ...]]:
    """Runs whose p50 lies near each level that many times; the throughput does not move."""
    rng = np.random.default_rng(1)
    return [usual(near(rng, p50), rate=near(rng, 50)) for p50, count in levels for _ in range(count)]


def test_a_step_with_the_commits_around_it(stored: Stored, usual: BuildUsual) -> None:
    history = histories_of(stored(step(usual, (100, 8), (130, 6))), CONFIG, UNKNOWN)[BASELINE, P50]
    (change,) = history.changes
    assert [point.commit for point in history.points] == [f"{i:040x}" for i in range(14)]
    assert (change.index, change.after_commit, change.commit) == (8, f"{7:040x}", f"{8:040x}")
    assert change.change.estimate == pytest.approx(0.30, abs=0.03)
    assert change.change.low < 0.30 < change.change.high
    assert [len(level) for level in history.levels] == [8, 6]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_history_too_short_for_a_change(stored: Stored, usual: BuildUsual, n: int) -> None:
    histories = histories_of(stored([usual(100 * 2**i) for i in range(n)]), CONFIG, UNKNOWN)
    assert {name for _, name in histories} == {P50, THROUGHPUT, ERRORS}
    assert all(len(one.points) == n and one.changes == () for one in histories.values())


def test_no_runs_have_no_history() -> None:
    assert histories_of((), CONFIG, UNKNOWN) == {}
    assert all_histories((), CONFIG, uncalibrated) == ()


def test_the_assumed_noise_keeps_a_small_step_still(stored: Stored, usual: BuildUsual) -> None:
    runs = stored([usual(100)] * 6 + [usual(104)] * 6)
    assert histories_of(runs, CONFIG, UNKNOWN)[BASELINE, P50].changes == ()
    assert len(histories_of(runs, CompareConfig(between_run_sd=0.001), UNKNOWN)[BASELINE, P50].changes) == 1


def test_a_step_below_the_smallest_of_interest(
    stored: Stored, usual: BuildUsual, metric: BuildMetric
) -> None:
    runs = stored([(metric(P50, p50, se=0.0001),) for p50 in [100.0] * 8 + [101.9] * 8])
    quiet = CompareConfig(between_run_sd=0.001)
    assert histories_of(runs, quiet, UNKNOWN)[BASELINE, P50].changes == ()


def test_slower_and_faster_are_mirror_images(stored: Stored, usual: BuildUsual) -> None:
    runs = step(usual, (100, 8), (130, 6))
    mirrored = [usual(10_000 / run[0].value) for run in runs]
    (up,) = histories_of(stored(runs), CONFIG, UNKNOWN)[BASELINE, P50].changes
    (down,) = histories_of(stored(mirrored), CONFIG, UNKNOWN)[BASELINE, P50].changes
    assert up.index == down.index
    assert up.p_value == pytest.approx(down.p_value)
    assert 1 + up.change.estimate == pytest.approx(1 / (1 + down.change.estimate))
    assert 1 + up.change.low == pytest.approx(1 / (1 + down.change.high))


def test_error_rates_change_in_points(stored: Stored, usual: BuildUsual) -> None:
    rng = np.random.default_rng(2)
    rates = [*rng.binomial(1000, 0.002, 8) / 1000, *rng.binomial(1000, 0.08, 5) / 1000]
    (change,) = histories_of(stored([usual(errors=rate) for rate in rates]), CONFIG, UNKNOWN)[
        BASELINE, ERRORS
    ].changes
    assert change.index == 8
    assert change.change.difference
    assert change.change.estimate == pytest.approx(0.08, abs=0.015)


def test_no_failures_at_all_and_a_few_scattered_ones(stored: Stored, usual: BuildUsual) -> None:
    for rates in (
        [0.0] * 12,
        [0.0] * 5 + [0.001] + [0.0] * 4 + [0.002, 0.001],
        [0.0] * 11 + [1.0],
        [1.0] * 8,
    ):
        assert (
            histories_of(stored([usual(errors=r) for r in rates]), CONFIG, UNKNOWN)[BASELINE, ERRORS].changes
            == ()
        )


def test_where_a_value_is_0_no_ratio_exists(stored: Stored, usual: BuildUsual) -> None:
    runs = stored([usual(rate=0.0)] * 4 + [usual(rate=50.0)] * 4)
    assert histories_of(runs, CONFIG, UNKNOWN)[BASELINE, THROUGHPUT].changes == ()


def test_a_metric_that_some_runs_lack(stored: Stored, usual: BuildUsual, metric: BuildMetric) -> None:
    runs = step(usual, (100, 10))
    tail = [(metric(MetricName.RESPONSE_TIME_P95, 150.0 if i < 6 else 300.0),) for i in range(10)]
    with_tail = [run + (tail[i] if i % 5 else ()) for i, run in enumerate(runs)]
    history = histories_of(stored(with_tail), CONFIG, UNKNOWN)[BASELINE, MetricName.RESPONSE_TIME_P95]
    assert len(history.points) == 8
    assert [change.commit for change in history.changes] == [f"{6:040x}"]


def test_classes_and_plans_have_histories_of_their_own(stored: Stored, usual: BuildUsual) -> None:
    here = stored(step(usual, (100, 6)))
    other = stored(step(usual, (300, 4)), machine_class="linux-arm64-cpu-4c-8g")
    full = stored(step(usual, (200, 3)), profile="full")
    histories = all_histories([*other, *full, *here], CONFIG, uncalibrated)
    counts = {(h.machine_class, h.profile): len(h.points) for h in histories if h.metric is P50}
    assert sorted(counts.values()) == [3, 4, 6]
    assert all(history.changes == () for history in histories)


def test_the_order_of_the_files_does_not_matter(stored: Stored, usual: BuildUsual, summary: BuildRun) -> None:
    runs = stored(step(usual, (100, 8), (130, 6)))
    shuffled = [runs[i] for i in np.random.default_rng(3).permutation(len(runs))]
    assert newest_first(shuffled) == runs
    assert all_histories(shuffled, CONFIG, uncalibrated) == all_histories(runs, CONFIG, uncalibrated)
    candidate = summary({BASELINE: usual(130.0)})
    assert compare_window(shuffled, REFERENCE, candidate, CONFIG) == compare_window(
        runs, REFERENCE, candidate, CONFIG
    )


# What a run is held against.


def test_a_run_is_held_against_the_level_since_the_change(
    stored: Stored, usual: BuildUsual, summary: BuildRun
) -> None:
    runs = stored(step(usual, (130, 10), (100, 8)))
    slow = summary({BASELINE: usual(130.0)})
    compared = compare_window(runs, REFERENCE, slow, CONFIG, again=again_of(slow))
    assert finding(compared).verdict is Verdict.REGRESSION  # back to the level before the improvement
    assert finding(compared).baseline is not None
    assert finding(compared).baseline.value == pytest.approx(100, rel=0.03)  # type: ignore[union-attr]
    assert finding(compared).baseline.n == 8 * 1000  # type: ignore[union-attr]
    # Each metric has its own window: the throughput did not change.
    assert finding(compared, THROUGHPUT).baseline.n == 18 * 1000  # type: ignore[union-attr]
    (note,) = (note for note in compared.notes if "level changed" in note)
    assert note.startswith(
        "Compared with the stored runs since the level changed at 000000000: response time p50 (baseline) -2"
    )
    assert note.endswith(", 8 runs.")


def test_without_the_change_points_the_same_run_would_have_been_inconclusive(
    stored: Stored, usual: BuildUsual, summary: BuildRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = stored(step(usual, (130, 10), (100, 8)))
    monkeypatch.setattr("govbench.compare.history.change_points", lambda *_, **__: ())
    compared = compare_window(runs, REFERENCE, summary({BASELINE: usual(130.0)}), CONFIG)
    assert finding(compared).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("late", [1, 2])
def test_a_change_at_the_very_end_is_no_level_yet(
    stored: Stored, usual: BuildUsual, summary: BuildRun, late: int
) -> None:
    runs = stored(step(usual, (100, 10), (150, late)))
    compared = compare_window(runs, REFERENCE, summary(), CONFIG)
    assert finding(compared).baseline.n == (10 + late) * 1000  # type: ignore[union-attr]
    assert not any("level changed" in note for note in compared.notes)


def test_a_spike_does_not_cut_the_window(stored: Stored, usual: BuildUsual, summary: BuildRun) -> None:
    runs = stored(step(usual, (100, 6), (300, 1), (100, 5)))
    compared = compare_window(runs, REFERENCE, summary(), CONFIG)
    assert finding(compared).baseline.n == 12_000  # type: ignore[union-attr]


def test_a_window_of_equal_values(stored: Stored, usual: BuildUsual, summary: BuildRun) -> None:
    runs = stored([usual()] * 10)
    equal = compare_window(runs, REFERENCE, summary(), CONFIG)
    slower = summary({BASELINE: usual(150.0)})
    slow = compare_window(runs, REFERENCE, slower, CONFIG, again=again_of(slower))
    assert finding(equal).change.estimate == pytest.approx(0, abs=1e-12)  # type: ignore[union-attr]
    assert finding(slow).verdict is Verdict.REGRESSION
    assert not any("level changed" in note for note in slow.notes)


def test_advisory_metrics_change_without_a_note(
    stored: Stored, usual: BuildUsual, metric: BuildMetric, summary: BuildRun
) -> None:
    def run(tail: float) -> tuple[Metric, ...]:
        return (*usual(), metric(MetricName.RESPONSE_TIME_P95, tail))

    runs = stored([run(200.0)] * 6 + [run(300.0)] * 6)
    compared = compare_window(runs, REFERENCE, summary({BASELINE: run(300.0)}), CONFIG)
    tail = finding(compared, MetricName.RESPONSE_TIME_P95)
    assert tail.baseline.value == pytest.approx(300.0)  # type: ignore[union-attr]
    assert len(compared.notes) == 1


# Anchors.


def drifting(stored: Stored, usual: BuildUsual, **anchor: Any) -> tuple[BaselineEntry, ...]:
    """Two percent more with each of 16 commits, the first of them an anchor."""
    runs = stored([usual(100 * 1.02**i) for i in range(16)])
    return (*runs[:-1], replace(runs[-1], anchor="v1.0", **anchor))


def test_a_slow_drift_shows_against_the_anchor(stored: Stored, usual: BuildUsual, summary: BuildRun) -> None:
    runs = drifting(stored, usual)
    drifted = summary({BASELINE: usual(100 * 1.02**16)})
    compared = compare_window(runs[:5], REFERENCE, drifted, CONFIG, anchors=runs[-1:])
    assert finding(compared).verdict is not Verdict.REGRESSION
    (note,) = (note for note in compared.notes if "anchor" in note)
    assert note.startswith(
        "Against anchor v1.0 (000000000), beyond the margin: response time p50 (baseline) +37.3 %"
    )
    assert "throughput" not in note


def test_an_anchor_that_the_run_is_like(stored: Stored, usual: BuildUsual, summary: BuildRun) -> None:
    runs = drifting(stored, usual)
    compared = compare_window(runs[:5], REFERENCE, summary(), CONFIG, anchors=runs[-1:])
    assert not any("anchor" in note for note in compared.notes)


def test_a_better_run_is_told_from_the_anchor_too(
    stored: Stored, usual: BuildUsual, summary: BuildRun
) -> None:
    runs = drifting(stored, usual)
    fewer = summary({BASELINE: usual(60.0, errors=0.0)})
    compared = compare_window(runs[:5], REFERENCE, fewer, CONFIG, anchors=runs[-1:])
    assert any("p50 (baseline) -40.0 %" in note for note in compared.notes)


def test_error_rates_from_the_anchor_in_points(stored: Stored, usual: BuildUsual, summary: BuildRun) -> None:
    runs = drifting(stored, usual)
    worse = summary({BASELINE: usual(errors=0.05)})
    compared = compare_window(runs[:5], REFERENCE, worse, CONFIG, anchors=runs[-1:])
    assert any("error rate (baseline) +5.0 pp [" in note for note in compared.notes)


@pytest.mark.parametrize(
    "change",
    [{"suite_version": "0"}, {"profile": "full"}],
)
def test_an_anchor_of_another_plan_says_nothing(
    stored: Stored, usual: BuildUsual, summary: BuildRun, change: dict[str, str]
) -> None:
    runs = drifting(stored, usual, **change)
    drifted = summary({BASELINE: usual(200)})
    compared = compare_window(runs[:5], REFERENCE, drifted, CONFIG, anchors=runs[-1:])
    assert not any("anchor" in note for note in compared.notes)


def test_the_newest_anchor_counts(stored: Stored, usual: BuildUsual, summary: BuildRun) -> None:
    runs = drifting(stored, usual)
    newer = replace(runs[8], anchor="v1.1")
    drifted = summary({BASELINE: usual(200)})
    compared = compare_window(runs[:5], REFERENCE, drifted, CONFIG, anchors=[runs[-1], newer])
    assert [note.split(" (")[0] for note in compared.notes if "anchor" in note] == ["Against anchor v1.1"]


def stating(runs: Sequence[Sequence[Metric]], error: float) -> list[tuple[Metric, ...]]:
    """The same runs, with another error within each."""
    return [tuple(replace(m, standard_error=error) if m.name is P50 else m for m in run) for run in runs]


def test_an_overstated_error_within_the_runs_hides_no_change(stored: Stored, usual: BuildUsual) -> None:
    """A spread of samples for a standard error: runs that lie within 2 % have no error of 40 %."""
    runs = stating(step(usual, (100, 20), (130, 6)), 0.4)
    history = histories_of(stored(runs), CONFIG, UNKNOWN)[BASELINE, P50]
    assert [change.index for change in history.changes] == [20]


def test_an_overstated_error_within_the_runs_hides_no_flag(
    stored: Stored, usual: BuildUsual, summary: BuildRun
) -> None:
    (here,) = stating([usual(125)], 0.4)
    entries = stored(stating(step(usual, (100, 20)), 0.4))
    assert finding(compare_window(entries, REFERENCE, summary({BASELINE: here}), CONFIG)).suspect


def test_how_much_runs_differ_is_learned_from_the_levels_before_as_well(
    stored: Stored, usual: BuildUsual, summary: BuildRun
) -> None:
    """A level of three runs that happened to lie close knows little of a noise that twenty others showed."""
    rng = np.random.default_rng(4)
    noisy = [usual(near(rng, 300, 0.12)) for _ in range(20)]
    close = [usual(p50) for p50 in (99.0, 100.0, 101.0)]
    here = summary({BASELINE: usual(122.0)})
    alone = finding(compare_window(stored(close), REFERENCE, here, CONFIG))
    known = finding(compare_window(stored([*noisy, *close]), REFERENCE, here, CONFIG))
    assert alone.baseline == known.baseline
    assert alone.suspect
    assert not known.suspect
