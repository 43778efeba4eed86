"""The cases of a report for systems that show tests: one for the run, one for each finding and threshold.

Names and classes stay the same from run to run, so that a system can show the history of a case.
"""

from __future__ import annotations

from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name
from govbench.report.document import Case
from govbench.report.explanations import explained
from govbench.report.headline import headline, is_first
from govbench.report.phrases import threshold_in_words
from govbench.report.words import finding_mark
from govbench.results.comparison import Comparison, Finding, Results, ThresholdResult, Verdict
from govbench.results.conclusion import Conclusion, Weight


def cases(results: Results, conclusion: Conclusion) -> tuple[Case, ...]:
    """What ends the command with 1 is a failure, what ends it with 3 an error, what says nothing is skipped.

    Of a first run nothing can be said metric by metric: it is one skipped case.
    """
    comparison, suite = results.comparison, suite_name(results)
    if comparison is None:
        return (_run(results, conclusion),)
    pairs = zip(comparison.findings, conclusion.findings, strict=True)
    bounds = zip(comparison.thresholds, conclusion.thresholds, strict=True)
    found = () if is_first(results) else tuple(_finding(each, suite, weight) for each, weight in pairs)
    return (_run(results, conclusion), *found, *(_threshold(each, suite, weight) for each, weight in bounds))


def suite_name(results: Results) -> str:
    """The class of all cases."""
    return f"govbench.{fmt.one_line(results.summary.run.suite)}"


def properties(results: Results) -> tuple[tuple[str, str], ...]:
    """What tells one report from another."""
    summary, comparison = results.summary, results.comparison
    run, sides = summary.run, side_count(summary)
    found = {
        "run": run.id,
        "status": run.status.value,
        "profile": run.profile,
        "suite_version": run.suite_version,
        "seed": str(run.seed),
        "region": run.region,
        "commit": summary.provenance.commit,
        "machine_class": summary.environment.machine_class,
        "govbench_version": run.govbench_version,
        **{side_name(side, sides): target.name for side, target in enumerate(summary.targets)},
        **(_of_comparison(comparison) if comparison is not None else {}),
    }
    return tuple((key, fmt.one_line(value)) for key, value in found.items() if value is not None)


def _of_comparison(comparison: Comparison) -> dict[str, str | None]:
    return {
        "verdict": comparison.verdict.value,
        "reason": comparison.reason,
        "method": comparison.method.value,
        "baseline": None if comparison.baseline is None else comparison.baseline.label,
    }


def _run(results: Results, conclusion: Conclusion) -> Case:
    """The case of the whole run: what none of the other cases shows."""
    summary = results.summary
    weight = conclusion.run
    first = conclusion.verdict is Verdict.NO_BASELINE and is_first(results)
    if first and weight is Weight.OK and results.comparison is not None:
        weight = Weight.SKIPPED
    said = headline(results)
    return Case(
        name="run",
        classname=suite_name(results),
        weight=weight,
        message=said,
        kind=conclusion.verdict.value,
        text=f"{said}\n{fmt.accounting_equation(summary.accounting)}",
        errors="\n".join(map(fmt.one_line, summary.warnings)),
        seconds=summary.run.duration_s,
    )


def _finding(finding: Finding, suite: str, weight: Weight) -> Case:
    mark = finding_mark(finding)
    of = fmt.scope_label(finding.test_type, finding.level)
    message = f"{fmt.metric_label(finding.metric)} of {of}: {mark.symbol} {_said(finding)}"
    if finding.change is not None:
        message += f", {fmt.change(finding.change)}"
    if weight is Weight.SKIPPED:
        message = f"{mark.label}: {fmt.one_line(finding.reason)}"
    return Case(
        name=fmt.metric_label(finding.metric),
        classname=f"{suite}.{finding.test_type.value}",
        weight=weight,
        message=message,
        kind=finding.verdict.value,
        text=_text(finding),
    )


def _said(finding: Finding) -> str:
    label = finding_mark(finding).label
    return label if finding.gated else f"{label} (advisory)"


def _text(finding: Finding) -> str:
    return "\n".join(
        [
            f"verdict: {finding_mark(finding).symbol} {_said(finding)}",
            f"reason: {fmt.finding_reason(finding)}",
            f"base: {fmt.metric_with_interval(finding.baseline)}",
            f"head: {fmt.metric_with_interval(finding.candidate)}",
            f"change: {fmt.change(finding.change)}",
            f"n: {fmt.count(None if finding.candidate is None else finding.candidate.n)}",
            f"margin: {fmt.margin(finding)}",
            f"detectable from: {fmt.effect(finding)}",
            *(f"moved with it: {sentence}" for one in explained([finding]) for sentence in one.sentences),
        ]
    )


def _threshold(threshold: ThresholdResult, suite: str, weight: Weight) -> Case:
    scope = "" if threshold.test_type is None else f".{threshold.test_type.value}"
    bound = fmt.threshold_bound(threshold.metric, threshold.bound)
    said = threshold_in_words(threshold)
    source = f"\nset by: {fmt.one_line(threshold.source)}" if threshold.source else ""
    return Case(
        name=f"{fmt.metric_label(threshold.metric)} {bound}",
        classname=f"{suite}.thresholds{scope}",
        weight=weight,
        message=said,
        kind="threshold",
        text=said + source,
    )
