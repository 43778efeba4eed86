"""What moved with a flagged metric, as sentences, in every report the same. Ranks and judges nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govbench.report import format as fmt
from govbench.results.comparison import Comparison, Explanation, Finding, Verdict
from govbench.results.metrics import METRICS, MetricName, Unit
from govbench.results.plan import TestType
from govbench.results.rounds import Aspect

CHANGED = frozenset({Verdict.REGRESSION, Verdict.IMPROVEMENT})
NOTHING = "nothing else that was measured moved with it"

_GROUPS = {Aspect.CATEGORY: ("category", "categories"), Aspect.SCENARIO: ("scenario", "scenarios")}
_VALUES = {
    Aspect.CATEGORY: ("", Unit.MS),
    Aspect.SCENARIO: ("", Unit.MS),
    Aspect.AFTER_FIRST_BYTE: ("from the first byte to the last", Unit.MS),
    Aspect.RESPONSE_BYTES: ("size of an answer", Unit.BYTES),
    Aspect.INPUT_TOKENS: ("input tokens per request", Unit.TOKENS),
}
_IN_A_REQUEST = {MetricName.TTFB_P50: "up to the first byte", MetricName.TTFT_P50: "up to the first token"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Flagged metrics that the same things moved with: what they are called, and a sentence for each."""

    metrics: str
    sentences: tuple[str, ...]


def explained(findings: Iterable[Finding], *, gated_only: bool = False) -> tuple[Explained, ...]:
    """The flagged findings with what moved with them; those with the same explanations are put together.

    ``gated_only`` leaves the advisory ones out, unless there are no others.
    """
    flagged = [finding for finding in findings if finding.verdict in CHANGED]
    gated = [finding for finding in flagged if finding.gated]
    alike: dict[tuple[TestType, tuple[Explanation, ...]], list[Finding]] = {}
    for finding in gated if gated_only and gated else flagged:
        alike.setdefault((finding.test_type, finding.explanations), []).append(finding)
    return tuple(
        Explained(
            metrics=f"{', '.join(fmt.metric_label(f.metric) for f in found)}"
            f" of {fmt.test_type_label(test_type)}",
            sentences=tuple(map(sentence, explanations)) or (NOTHING,),
        )
        for (test_type, explanations), found in alike.items()
    )


def notes(comparison: Comparison) -> tuple[str, ...]:
    """The notes of a comparison, and what moved though no flagged metric shows it."""
    found = (f"No flagged metric shows it: {sentence(each)}." for each in comparison.besides)
    return (*comparison.notes, *found)


def sentence(explanation: Explanation) -> str:
    """One explanation with its figures, likeliest reading first: which, from what to what, by how much."""
    others = "" if explanation.others is None else f"; others {fmt.change_estimate(explanation.others)}"
    # The level is that of the finding, which stands above.
    change = fmt.change(explanation.change).partition(" at ")[0]
    return f"{_subject(explanation)}: {_from_to(explanation)}, {change}{others}"


def _subject(explanation: Explanation) -> str:
    if explanation.metric is not None:
        return _IN_A_REQUEST.get(explanation.metric, fmt.metric_label(explanation.metric))
    which = ", ".join(map(fmt.one_line, explanation.which))
    if explanation.aspect is Aspect.ERROR_CLASS:
        return f"error class {which}"
    if explanation.aspect in _GROUPS:
        one, several = _GROUPS[explanation.aspect]
        word = one if len(explanation.which) == 1 else several
        return f"{'only' if explanation.only else 'above all'} queries of {word} {which}"
    return _VALUES[explanation.aspect][0]


def _from_to(explanation: Explanation) -> str:
    if explanation.change.difference:
        base, head = (
            f"{fmt.count(round(share * n))} of {fmt.count(n)}"
            for share, n in (
                (explanation.baseline, explanation.baseline_n),
                (explanation.candidate, explanation.candidate_n),
            )
        )
        return f"{base} failed → {head}"
    metric = explanation.metric
    unit = METRICS[metric].unit if metric is not None else _VALUES[explanation.aspect][1]
    return f"{fmt.value(explanation.baseline, unit)} → {fmt.value(explanation.candidate, unit)}"
