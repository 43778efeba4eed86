"""Changes that a person accepts on purpose: what was said, and what follows for a comparison.

Where it was said (a commit's trailer, an option, a label) is the caller's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from govbench.compare.conclude import settled
from govbench.compare.scope import Scope, parse_scope
from govbench.errors import UsageError
from govbench.results.comparison import Comparison, Finding, Verdict
from govbench.results.metrics import METRICS, MetricName

TRAILER = "Govbench-Accept"
FORM = "METRIC REASON, such as 'response_time_p50_ms answers are checked since'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Regressions of these metrics are meant, for this reason; ``source`` says who said so.

    ``all`` is every metric but the error rate: nobody means more failures without saying so.
    """

    scope: Scope
    reason: str
    source: str

    @property
    def text(self) -> str:
        """Source and reason, as they follow the word *accepted*."""
        return f"by {self.source}: {self.reason}"

    def covers(self, finding: Finding) -> bool:
        """Whether the change that a finding found is meant."""
        if self.scope.metric is None and finding.metric is MetricName.ERROR_RATE:
            return False
        return self.scope.covers(finding.test_type, finding.metric)


def parse_acceptance(text: str, *, source: str) -> Acceptance:
    """``metric reason``, ``test_type/metric reason`` or ``all reason``.

    Raises:
        UsageError: no such metric or test type, or no reason; the message names the source.
    """
    line = " ".join("".join(char for char in text if char.isprintable() or char.isspace()).split())
    word, _, reason = line.partition(" ")
    if not reason:
        raise UsageError(f"{source} accepts {line!r} without a reason", hint=f"the form is {FORM}")
    try:
        return Acceptance(scope=parse_scope(word), reason=reason, source=source)
    except UsageError as error:
        raise UsageError(f"{source} accepts what is not there: {error}", hint=error.hint) from error


def accept(comparison: Comparison, acceptances: Sequence[Acceptance]) -> Comparison:
    """The comparison with the regressions marked that these accept; the first that covers one counts.

    An accepted regression keeps its verdict and its place in reports, and counts as a pass for the whole. An
    acceptance that covers nothing is told in a note. Missed thresholds are not accepted, nor is what could
    not be measured: a fault of the comparison stays, whatever is accepted.
    """
    findings = tuple(_accepted(finding, acceptances) for finding in comparison.findings)
    notes = [*comparison.notes, *_notes(findings, acceptances)]
    if not any(finding.gated and finding.accepted for finding in findings):
        return replace(comparison, findings=findings, notes=tuple(notes))
    return settled(replace(comparison, findings=findings, notes=tuple(notes)))


def _accepted(finding: Finding, acceptances: Sequence[Acceptance]) -> Finding:
    if finding.verdict is not Verdict.REGRESSION:
        return finding
    first = next((acceptance for acceptance in acceptances if acceptance.covers(finding)), None)
    return replace(finding, accepted=first.text) if first else finding


def _notes(findings: Sequence[Finding], acceptances: Sequence[Acceptance]) -> list[str]:
    notes = []
    for acceptance in acceptances:
        names = [
            f"{METRICS[finding.metric].label} ({finding.scope})"
            for finding in findings
            if finding.accepted == acceptance.text
        ]
        what = ", ".join(names) or "nothing, for no regression is left that it covers"
        left = (
            " The error rate regressed and has to be named." if _leaves_errors(acceptance, findings) else ""
        )
        notes.append(f"Accepted {acceptance.text}. This covers {what}.{left}")
    return notes


def _leaves_errors(acceptance: Acceptance, findings: Sequence[Finding]) -> bool:
    """Whether it says *all*, and an error rate regressed that nobody else accepted."""
    return acceptance.scope.metric is None and any(
        finding.metric is MetricName.ERROR_RATE
        and finding.verdict is Verdict.REGRESSION
        and not finding.accepted
        and acceptance.scope.covers(finding.test_type, finding.metric)
        for finding in findings
    )
