"""Why a verdict is what it is, in the sentence that a report begins with. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from govbench.compare.calibration import InForce, said_of
from govbench.compare.thresholds import threshold_reason
from govbench.config.settings import CompareConfig
from govbench.results.comparison import Finding, ThresholdResult, Verdict
from govbench.results.metrics import METRICS


def reason_of(
    verdict: Verdict,
    findings: Sequence[Finding],
    thresholds: Sequence[ThresholdResult],
    unlike: str | None,
) -> str:
    """What led to an overall verdict: acceptances, gated findings of it, missed thresholds, unlike runs."""
    parts = (_accepted(findings), unlike or _said(verdict, findings), threshold_reason(thresholds))
    said = "; ".join(part for part in parts if part)
    if said:
        return said
    if verdict is Verdict.PASS:
        return "no metric is gated, and every threshold that was measured is met"
    return "no gated metric was measured"


def _accepted(findings: Sequence[Finding]) -> str:
    return "; ".join(
        f"{METRICS[finding.metric].label} ({finding.test_type}): regression accepted {finding.accepted}"
        for finding in findings
        if finding.gated and finding.accepted
    )


def _said(verdict: Verdict, findings: Sequence[Finding]) -> str:
    by_reason: dict[str, list[str]] = {}
    for finding in findings:
        if finding.gated and finding.verdict is verdict and not finding.accepted:
            name = f"{METRICS[finding.metric].label} ({finding.test_type})"
            by_reason.setdefault(finding.reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())


def noise_note(config: CompareConfig, known: InForce) -> str:
    """Which noise, not seen in the data, is part of the intervals."""
    what, sd = "Runs measured apart: the noise between two runs", config.between_run_sd
    part = "is part of every interval"
    if known.calibration is not None:
        calibrated = f"{said_of(known.calibration)}; metrics that it lacks: {sd:.1%}"
        return f"{what} of the same code {part}: {calibrated}."
    refused = f": {known.refused}" if known.refused else ""
    return f"{what} of the same code ({sd:.1%}, not calibrated here{refused}) {part}."
