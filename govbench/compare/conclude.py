"""What a comparison comes to: the one place that decides verdict, reason and exit code of the whole.

Everybody else (an acceptance, a command, JUnit, a page) asks here. docs/exit-codes.md lists every case.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from govbench.compare.reasons import reason_of
from govbench.compare.soundness import no_success, run_fault
from govbench.compare.verdict import counted_as, verdicts_of
from govbench.errors import ExitCode
from govbench.results.comparison import (
    Comparison,
    Finding,
    Results,
    ThresholdResult,
    ThresholdState,
    Verdict,
)
from govbench.results.conclusion import Conclusion, Weight

# The overall verdict is the first of these that is there; a fault of the whole run goes before all of them.
ORDER = (
    Verdict.REGRESSION,
    Verdict.INVALID,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_COMPARABLE,
    Verdict.NO_BASELINE,
    Verdict.PASS,
    Verdict.IMPROVEMENT,
)
DEFAULT_FAIL_ON = frozenset({Verdict.REGRESSION, Verdict.INVALID})
NOTHING_JUDGED = "no gated metric was measured, and no threshold was set"

_NEVER_FAIL = frozenset({Verdict.PASS, Verdict.IMPROVEMENT})
_NOTHING_SAID = frozenset({Verdict.NO_BASELINE, Verdict.NOT_COMPARABLE})


def worst(verdicts: Collection[Verdict]) -> Verdict:
    """The first of ``ORDER`` among at least one verdict."""
    return next(verdict for verdict in ORDER if verdict in verdicts)


def conclude(comparison: Comparison, fail_on: frozenset[Verdict] = DEFAULT_FAIL_ON) -> Conclusion:
    """Verdict, reason and exit code of a comparison, and what each part of it weighs.

    With a fault the exit code is 3 whatever else was found, accepted or configured. Else any failure makes it
    1, and any error 3. ``fail_on`` is held against every gated finding and not only against the worst:
    leaving one verdict out never hides another. It does not reach thresholds.
    """
    fault = _fault(comparison)
    verdict = Verdict.INVALID if fault else worst(_verdicts(comparison))
    findings = tuple(_finding_weight(finding, fail_on) for finding in comparison.findings)
    thresholds = tuple(_threshold_weight(threshold) for threshold in comparison.thresholds)
    if fault:
        run = Weight.ERROR
        findings, thresholds = (Weight.SKIPPED,) * len(findings), (Weight.SKIPPED,) * len(thresholds)
    else:
        run = _run_weight(comparison, verdict, fail_on)
    return Conclusion(
        verdict=verdict,
        reason=fault or _reason(comparison, verdict),
        exit_code=_exit_code({run, *findings, *thresholds}),
        run=run,
        findings=findings,
        thresholds=thresholds,
    )


def conclude_results(results: Results, fail_on: frozenset[Verdict] = DEFAULT_FAIL_ON) -> Conclusion:
    """The same of results, which need not have been compared with anything."""
    if results.comparison is not None:
        return conclude(results.comparison, fail_on)
    fault = run_fault(results.summary) or no_success(results.summary)
    return Conclusion(
        verdict=Verdict.INVALID if fault else Verdict.NO_BASELINE,
        reason=fault or "nothing was compared",
        exit_code=ExitCode.NOT_MEASURED if fault else ExitCode.OK,
        run=Weight.ERROR if fault else Weight.OK,
    )


def settled(comparison: Comparison) -> Comparison:
    """The comparison with the verdict and the reason that follow from all else in it."""
    conclusion = conclude(comparison)
    return replace(comparison, verdict=conclusion.verdict, reason=conclusion.reason)


def without_base(comparison: Comparison, failure: str) -> Comparison:
    """The comparison of head alone with what is stored, where the base that was asked for failed."""
    return settled(replace(comparison, base_failure=failure))


def _reason(comparison: Comparison, verdict: Verdict) -> str:
    if not comparison.base_failure:
        return reason_of(comparison, verdict)
    alone = conclude(replace(comparison, base_failure=None))
    label = alone.verdict.value.replace("_", " ")
    return (
        f"the base could not be measured, so nothing was compared side by side: {comparison.base_failure};"
        f" head alone, by what is stored: {label}: {alone.reason}"
    )


def _fault(comparison: Comparison) -> str | None:
    """Why the comparison as a whole says nothing: its fault, or that there was nothing to judge it by.

    The bound that holds where nobody set one is no judgement that anybody asked for.
    """
    if comparison.fault or comparison.baseline is None or comparison.base_failure:
        return comparison.fault
    gated = any(finding.gated for finding in comparison.findings)
    asked = any(
        threshold.state is not ThresholdState.NOT_MEASURED or threshold.demanded
        for threshold in comparison.thresholds
        if not threshold.default or threshold.state is ThresholdState.MISSED
    )
    return None if gated or asked else NOTHING_JUDGED


def _verdicts(comparison: Comparison) -> set[Verdict]:
    """Everything that the overall verdict is the worst of; at least one."""
    found = {counted_as(finding) for finding in comparison.findings if finding.gated}
    if not found:
        found.add(Verdict.NO_BASELINE if comparison.baseline is None else Verdict.PASS)
    if comparison.missed:
        found.add(Verdict.REGRESSION)
    if comparison.unmeasured or comparison.base_failure:
        found.add(Verdict.INVALID)
    return found


def _finding_weight(finding: Finding, fail_on: frozenset[Verdict]) -> Weight:
    """By its verdict; a level that fails is not hidden by a worse one whose verdict was left out."""
    verdict = counted_as(finding)
    failing = {verdict, *verdicts_of(finding)} & (fail_on - _NEVER_FAIL)
    if finding.gated and failing:
        return Weight.ERROR if failing == {Verdict.INVALID} else Weight.FAILURE
    unjudged = verdict in _NOTHING_SAID or (finding.gated and verdict is Verdict.INVALID)
    return Weight.SKIPPED if unjudged else Weight.OK


def _threshold_weight(threshold: ThresholdResult) -> Weight:
    match threshold.state:
        case ThresholdState.MISSED:
            return Weight.FAILURE
        case ThresholdState.NOT_MEASURED:
            return Weight.ERROR if threshold.demanded else Weight.SKIPPED
        case ThresholdState.MET:
            return Weight.OK


def _run_weight(comparison: Comparison, verdict: Verdict, fail_on: frozenset[Verdict]) -> Weight:
    """What no finding and no threshold shows: a base that could not be measured, nothing that is gated."""
    if comparison.base_failure and Verdict.INVALID in fail_on:
        return Weight.ERROR
    if verdict is Verdict.NO_BASELINE and verdict in fail_on:
        return Weight.FAILURE
    return Weight.OK


def _exit_code(weights: Collection[Weight]) -> ExitCode:
    if Weight.FAILURE in weights:
        return ExitCode.REGRESSION
    return ExitCode.NOT_MEASURED if Weight.ERROR in weights else ExitCode.OK
