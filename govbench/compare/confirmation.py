"""Whether a flagged metric of a run is reported: what a second measurement, or the run before, says of it.

One flag against stored runs is a suspect and no verdict. Of real histories one run in forty lies beyond four
deviations, and nearly all of these are alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from govbench.compare.effects import Effect, at_level
from govbench.compare.history import change_text
from govbench.compare.soundness import run_fault
from govbench.compare.verdict import change_of, margin_of
from govbench.results.comparison import AgainKey, Comparison, Finding, MeasuredAgain, Method, Verdict
from govbench.results.history import HistoryPoint, LevelChange
from govbench.results.levels import metrics_by_level
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary
from govbench.stats import ProportionDifference

# What a second measurement of the same commit said: a metric over all levels, or at one, where it has it.
Again = Mapping[AgainKey, Metric]

FLAGGED = frozenset({Verdict.REGRESSION, Verdict.IMPROVEMENT})
# A share of failures from which on nothing needs to be measured again.
PLAIN_FAILURE = 0.5
UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A flagged finding, with what may confirm it.

    Attributes:
        finding: the verdict of the first measurement.
        worse: +1 where more is worse, -1 where less is, 0 where any change is.
        second: the effect of the second measurement; None where there is none.
        replacement: the verdict on the second measurement alone.
        before: whether the run before was a suspect in the same direction.
    """

    finding: Finding
    worse: int
    second: Effect | None = None
    replacement: Finding | None = None
    before: bool = False


def again_of(summary: RunSummary) -> Again:
    """The metrics of a second measurement; none where no verdict may rest on it."""
    if run_fault(summary):
        return {}
    side = len(summary.targets) - 1
    found: dict[AgainKey, Metric] = {}
    for result in summary.test_types:
        if result.side == side:
            at: dict[str | None, Sequence[Metric]] = {None: result.metrics}
            at.update(metrics_by_level(summary, result.test_type, side))
            for level, metrics in at.items():
                found |= {(result.test_type, metric.name, level): metric for metric in metrics}
    return found


def again_in(comparison: Comparison) -> Again:
    """The second measurement that an earlier verdict kept, to judge the same run anew."""
    return comparison.again_by_key


def kept(again: Again) -> tuple[MeasuredAgain, ...]:
    """A second measurement as a comparison keeps it."""
    parts: dict[tuple[TestType, str | None], list[Metric]] = {}
    for (test_type, _, level), metric in again.items():
        parts.setdefault((test_type, level), []).append(metric)
    return tuple(
        MeasuredAgain(test_type=test_type, level=level, metrics=tuple(metrics))
        for (test_type, level), metrics in parts.items()
    )


def joined(levels: Sequence[Finding], metrics: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings of metrics, each a suspect where one of its levels is."""
    suspects = {(f.test_type, f.metric) for f in levels if f.suspect}
    return tuple(
        replace(finding, suspect=(finding.test_type, finding.metric) in suspects) for finding in metrics
    )


def to_measure_again(comparison: Comparison) -> tuple[TestType, ...]:
    """The test types of which a gated metric was flagged against stored runs and measured only once."""
    if comparison.method is not Method.STORED_WINDOW:
        return ()
    flagged = (
        finding.test_type
        for finding in comparison.findings
        if finding.gated
        and finding.again is None
        and (finding.suspect or (finding.verdict in FLAGGED and not _is_plain(finding)))
    )
    return tuple(dict.fromkeys(flagged))


def is_suspicious(finding: Finding) -> bool:
    """Whether a finding has to be confirmed before it is reported."""
    return finding.verdict in FLAGGED and not _is_plain(finding)


def reported(suspicion: Suspicion, level: float) -> Finding:
    """The finding that is reported, by a second measurement, the run before, or for now.

    Args:
        suspicion: what was flagged.
        level: of the intervals, two-sided; a second measurement is held to what it leaves, one-sided.
    """
    finding, replacement = suspicion.finding, suspicion.replacement
    if replacement is not None and suspicion.second is not None:
        if _shows_again(suspicion, finding, level):
            return _confirmed(finding, replacement, suspicion.second)
        return _replaced(replacement, finding)
    return _by_the_run_before(suspicion, finding)


def risen(
    suspicion: Suspicion, rise: LevelChange, *, again: Metric | None, with_again: LevelChange | None
) -> Finding:
    """The finding on a metric whose level changed for the worse, with this run, and was not accepted.

    It rests on several commits. So a second measurement bears it out where the level changed with this in
    the place of the first as well; alone it need not be beyond doubt. What it does not bear out is left as it
    was judged by itself.

    Args:
        suspicion: the finding, by itself, and whether the run before was a suspect.
        rise: the change, with the first measurement.
        again: the second measurement; None where there is none.
        with_again: the change with it in the place of the first; None where there is none then.
    """
    since = f"{rise.after_commit[:9]}..{rise.commit[:9]}"
    reason = f"the level changed by {change_text(rise.change)} in {since}, and nobody accepted it"
    finding = replace(
        suspicion.finding, verdict=Verdict.REGRESSION, reason=reason, since=since, suspect=False
    )
    if again is not None:
        if with_again is None:
            return suspicion.finding
        said = f"with the second measurement by {change_text(with_again.change)}"
        return replace(finding, again=again, reason=f"{reason}; {said}")
    if suspicion.finding.verdict is Verdict.REGRESSION:  # shown beyond doubt already
        return finding
    return _by_the_run_before(suspicion, finding)


def still_open(
    finding: Finding, before: HistoryPoint, opened: HistoryPoint, *, again: Metric | None
) -> Finding:
    """The finding on a metric that regressed in the stored runs before, and is not mended.

    Args:
        finding: by itself.
        before: the stored run before it regressed.
        opened: the first stored regression that nobody accepted.
        again: the second measurement; None where there is none.
    """
    reason = f"it regressed with {opened.commit[:9]}, and is neither mended nor accepted"
    return replace(
        finding,
        verdict=Verdict.REGRESSION,
        reason=reason if finding.change is None else f"{reason}: {change_text(finding.change)} here",
        since=f"{before.commit[:9]}..{opened.commit[:9]}",
        suspect=False,
        again=again if again is not None else finding.again,
    )


def _by_the_run_before(suspicion: Suspicion, finding: Finding) -> Finding:
    if suspicion.before:
        return replace(finding, reason=f"{finding.reason}; the stored run before was a suspect already")
    return replace(
        finding,
        verdict=Verdict.INCONCLUSIVE,
        suspect=True,
        reason=f"{UNCONFIRMED}: a {finding.verdict} that was not measured again; {finding.reason}",
    )


def _confirmed(finding: Finding, second: Finding, effect: Effect) -> Finding:
    said = change_text(change_of(effect))
    return replace(finding, again=second.candidate, reason=f"{finding.reason}; measured again: {said}")


def _replaced(second: Finding, first: Finding) -> Finding:
    """The second measurement in the place of the first; where it is flagged as well, they disagree."""
    once = change_text(first.change) if first.change else "a change"
    verdict = Verdict.INCONCLUSIVE if second.verdict in FLAGGED else second.verdict
    reason = f"not shown again: {once} at first; {second.reason}"
    return replace(second, verdict=verdict, again=second.candidate, reason=reason)


def _shows_again(suspicion: Suspicion, finding: Finding, level: float) -> bool:
    """Alone beyond doubt on the same side, one-sided, and by more than half the margin."""
    effect, values = suspicion.second, (finding.baseline, finding.candidate)
    assert effect is not None
    assert finding.margin is not None
    direction = _direction(finding, suspicion.worse)
    interval = at_level(effect, 2.0 * level - 1.0).interval
    excluded = interval.low > 0.0 if direction > 0 else interval.high < 0.0
    if isinstance(effect, ProportionDifference) and effect.exact:
        excluded = excluded and effect.p_by_counts < 2.0 * (1.0 - level)
    margin = margin_of(effect, finding.margin, [side.value for side in values if side is not None])
    return excluded and direction * effect.effect > margin / 2.0


def _direction(finding: Finding, worse: int) -> int:
    if not worse:
        return 1 if finding.change is None or finding.change.estimate > 0 else -1
    return worse if finding.verdict is Verdict.REGRESSION else -worse


def _is_plain(finding: Finding) -> bool:
    new = finding.candidate
    return (
        finding.verdict is Verdict.REGRESSION
        and new is not None
        and new.name is MetricName.ERROR_RATE
        and new.value >= PLAIN_FAILURE
    )
