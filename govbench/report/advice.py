"""What the reader of a verdict can do now, in a sentence or two with the command to type. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterator

from govbench.report import format as fmt
from govbench.report.document import Text
from govbench.report.headline import is_first, strongest
from govbench.report.sections.tables import code, link, text
from govbench.results.baseline import metric_key
from govbench.results.comparison import Comparison, Method, Results, Verdict
from govbench.results.run import RunStatus

DOCS = "https://github.com/govstack/govbench/blob/main/docs/reports.md"
_ANCHORS = {
    Verdict.PASS: "pass",
    Verdict.IMPROVEMENT: "improvement",
    Verdict.REGRESSION: "regression",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.NO_BASELINE: "no-baseline",
    Verdict.NOT_COMPARABLE: "not-comparable",
    Verdict.INVALID: "invalid",
}


def advice(results: Results, verdict: Verdict) -> tuple[Text, ...]:
    """What to do now, and where the documentation says more."""
    said = [*_said(results, verdict)]
    cut_short = results.summary.run.status is RunStatus.INTERRUPTED
    url = f"{DOCS}#{'interrupted' if cut_short else _ANCHORS[verdict]}"
    return (*said, text("What this says: ", link(url, url)))


def _said(results: Results, verdict: Verdict) -> Iterator[Text]:
    comparison = results.comparison
    if results.summary.run.status is RunStatus.INTERRUPTED:
        yield text(
            "It was cut short: what was measured until then stands here, and nothing was judged by it."
        )
    elif comparison is None:
        return
    elif verdict is Verdict.NO_BASELINE and is_first(results):
        yield text("To compare from now on: ", code("govbench baseline update --commit"))
    elif verdict is Verdict.INCONCLUSIVE:
        yield _to_be_certain(comparison)
    elif verdict is Verdict.REGRESSION:
        yield from _if_meant(comparison)
    elif verdict is Verdict.NOT_COMPARABLE:
        yield text(
            "Measure the base in the same way, or begin a new history: ",
            code("govbench baseline update --commit"),
        )


def _to_be_certain(comparison: Comparison) -> Text:
    if comparison.method is Method.PAIRED_ROUNDS:
        return text(
            "To be certain, measure longer: ", code("--max-time"), " takes seconds, minutes or hours."
        )
    base = comparison.baseline.commit if comparison.baseline and comparison.baseline.commit else "main"
    return text("To be certain: ", code(f"govbench ab --base git:{fmt.one_line(base)[:12]} --head git:HEAD"))


def _if_meant(comparison: Comparison) -> Iterator[Text]:
    found = strongest(comparison, Verdict.REGRESSION)
    if found:
        key = metric_key(found[0].test_type, found[0].metric)
        yield text("If it is meant, say so in the message of a commit: ", code(f"Govbench-Accept: {key} WHY"))
    for missed in comparison.missed[:1]:
        source = fmt.one_line(missed.source or "")
        yield text(f"The bound that was missed is set by {source}." if source else "A bound was missed.")
