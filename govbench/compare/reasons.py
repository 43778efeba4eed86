"""Why a verdict is what it is, in the sentence that a report begins with. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from govbench.compare.calibration import InForce, said_of
from govbench.compare.thresholds import threshold_reason
from govbench.config.settings import CompareConfig
from govbench.results.comparison import Comparison, Finding, Verdict
from govbench.results.metrics import METRICS


def reason_of(comparison: Comparison, verdict: Verdict) -> str:
    """What led to an overall verdict: acceptances, gated findings, thresholds."""
    parts = (
        _accepted(comparison.findings),
        _circumstance(comparison.findings, verdict) or _said(verdict, comparison.findings),
        threshold_reason(comparison.thresholds),
    )
    said = "; ".join(part for part in parts if part)
    if said:
        return said
    if verdict is Verdict.PASS:
        return "no metric is gated, and every threshold that was measured is met"
    return "no gated metric was measured"


def _accepted(findings: Sequence[Finding]) -> str:
    return "; ".join(
        f"{METRICS[finding.metric].label} ({finding.scope}): regression accepted {finding.accepted}"
        for finding in findings
        if finding.gated and finding.accepted
    )


def _circumstance(findings: Sequence[Finding], verdict: Verdict) -> str | None:
    """What all metrics share and no list of them says better: nothing to compare with, or nothing alike.

    Unlike runs are told beside a missed threshold too.
    """
    for shared in (Verdict.NOT_COMPARABLE, Verdict.NO_BASELINE):
        reasons = {finding.reason for finding in findings if finding.verdict is shared}
        told = verdict is shared or shared is Verdict.NOT_COMPARABLE
        if told and len(reasons) == 1 and all(finding.verdict is shared for finding in findings):
            return reasons.pop()
    return None


def _said(verdict: Verdict, findings: Sequence[Finding]) -> str:
    by_reason: dict[str, list[str]] = {}
    for finding in findings:
        if finding.gated and finding.verdict is verdict and not finding.accepted:
            name = f"{METRICS[finding.metric].label} ({finding.scope})"
            by_reason.setdefault(finding.reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())


def noise_note(config: CompareConfig, known: InForce, *, learned_from: int = 0) -> str:
    """Which noise, not seen in these two runs, is part of the intervals, and where it is known from."""
    what, sd = "Runs measured apart: the noise between two runs", config.between_run_sd
    part = "is part of every interval"
    runs = f"{learned_from} stored run{'s' if learned_from > 1 else ''}"
    learned = f"; learned from {runs} as well" if learned_from > 1 else ""
    if known.calibration is not None:
        calibrated = f"{said_of(known.calibration)}; metrics that it lacks: {sd:.1%}"
        return f"{what} of the same code {part}: {calibrated}{learned}."
    refused = f": {known.refused}" if known.refused else ""
    return f"{what} of the same code ({sd:.1%} assumed, not calibrated here{refused}{learned}) {part}."
