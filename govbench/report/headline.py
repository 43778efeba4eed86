"""What a report says first: one claim, and what stands behind it in numbers. Judges nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from govbench.report import format as fmt
from govbench.report.failures import Failures, failures_of
from govbench.report.phrases import (
    bracketed,
    from_to,
    looks,
    of_scope,
    plural,
    short_name,
    threshold_in_words,
)
from govbench.results.comparison import Comparison, Finding, Results, ThresholdState, Verdict
from govbench.results.run import RunStatus, RunSummary

BASE_FAILED = "the base could not be measured"
_REGRESSED = frozenset({Verdict.REGRESSION})
_WORDS = {
    Verdict.REGRESSION: "regressed",
    Verdict.INVALID: "invalid",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.NOT_COMPARABLE: "not comparable",
    Verdict.IMPROVEMENT: "improved",
}


def headline(results: Results) -> str:
    """The claim in one sentence: ``chat: p50 of concurrent 25.2 → 50.4 ms (+100 % [+64, +143])``."""
    suite = fmt.one_line(results.summary.run.suite)
    comparison = results.comparison
    if comparison is None:
        return f"{suite}: {_run(results.summary)}"
    failures = failures_of(results)
    lacks_base = comparison.base_failure and comparison.verdict is not Verdict.INVALID
    before = f"{BASE_FAILED}; head alone: " if lacks_base else ""
    after = f"; {failures_in_words(failures)}" if failures else ""
    return f"{suite}: {before}{_claim(results, comparison)}{after}"


def tallies(results: Results) -> tuple[str, ...]:
    """How many metrics, thresholds and requests stand behind it, and whether the generator kept up."""
    comparison, summary = results.comparison, results.summary
    found = (
        *((_gated(comparison), _bounds(comparison)) if comparison else ()),
        _requests(summary),
        _generator(summary),
        None if summary.run.status is RunStatus.COMPLETED else summary.run.status.value,
    )
    return tuple(text for text in found if text)


def strongest(comparison: Comparison, verdict: Verdict) -> tuple[Finding, ...]:
    """The gated findings of that verdict, but accepted ones, strongest first: error rates, largest change."""
    found = [f for f in comparison.findings if f.gated and f.verdict is verdict and not f.accepted]
    return tuple(sorted(found, key=_strength, reverse=True))


def failures_in_words(failures: Failures) -> str:
    """``430 of 480 requests failed, 425 of them with http_5xx``."""
    of, most = f"{fmt.count(failures.failed)} of {fmt.count(failures.finished)}", failures.commonest_count
    which = "all" if most == failures.failed else f"{fmt.count(most)} of them"
    return f"{of} requests failed, {which} with {failures.commonest}"


def is_first(results: Results) -> bool:
    """Whether there was nothing that the run could have been compared with."""
    comparison = results.comparison
    return comparison is None or (
        comparison.baseline is None and comparison.verdict is not Verdict.NOT_COMPARABLE
    )


def ruled_out(comparison: Comparison) -> str | None:
    """Of gated metrics that passed, up to where a change is ruled out: ``3.00 %``; None where none was."""
    ends = [
        max(abs(f.change.low), abs(f.change.high))
        for f in comparison.findings
        if f.gated and f.change is not None and not f.change.difference and f.verdict is Verdict.PASS
    ]
    finite = [end for end in ends if math.isfinite(end)]
    return fmt.percent(max(finite)) if finite else None


# The claim


def _claim(results: Results, comparison: Comparison) -> str:
    match comparison.verdict:
        case Verdict.REGRESSION | Verdict.IMPROVEMENT:
            return _changed(comparison)
        case Verdict.PASS:
            return _passed(comparison)
        case Verdict.INCONCLUSIVE:
            return _undecided(comparison)
        case Verdict.NO_BASELINE if is_first(results):
            machine = fmt.one_line(results.summary.environment.machine_class)
            return f"first measurement on {machine}, nothing to compare with yet"
        case _:
            return _reason(comparison)


def _changed(comparison: Comparison) -> str:
    found = strongest(comparison, comparison.verdict)
    if not found and comparison.missed:
        return threshold_in_words(comparison.missed[0])
    if not found or found[0].change is None:
        return _reason(comparison)
    return _moved(found[0])


def _moved(finding: Finding) -> str:
    return (
        f"{short_name(finding)} of {of_scope(finding.test_type, finding.level)}"
        f" {from_to(finding)} ({bracketed(finding.change)})"
    )


def _passed(comparison: Comparison) -> str:
    accepted = [f for f in comparison.findings if f.gated and f.accepted]
    if accepted:
        first = max(accepted, key=_strength)
        return f"{_moved(first)}, accepted {fmt.one_line(first.accepted or '')}"
    gated = [f for f in comparison.findings if f.gated]
    if not gated:
        return _reason(comparison)
    limit = ruled_out(comparison)
    return f"no difference seen; larger than {limit} ruled out" if limit else "no difference seen"


def _undecided(comparison: Comparison) -> str:
    found = strongest(comparison, Verdict.INCONCLUSIVE)
    if not found or found[0].change is None:
        return _reason(comparison)
    first = max(found, key=_beyond_margin)
    why = _lower(fmt.one_line(first.reason)).partition("; ")[0]  # the rest stands in the table of reasons
    return f"{looks(first)}; {why}" if first.suspect else looks(first)


def _beyond_margin(finding: Finding) -> tuple[bool, float]:
    """A metric whose estimate lies beyond its margin before one that is only not known well enough."""
    change, margin = finding.change, finding.margin
    if change is None or margin is None:
        return False, 0.0
    limit = margin.absolute if change.difference else margin.relative
    return abs(change.estimate) > limit, abs(change.estimate) / limit if limit else abs(change.estimate)


def _reason(comparison: Comparison) -> str:
    return fmt.one_line(comparison.reason) or "no reason was given"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _run(summary: RunSummary) -> str:
    ok = summary.accounting.ok
    if summary.run.status is RunStatus.FAILED:
        return "nothing was measured" if not ok else "the run broke off before its end"
    if not ok:
        return "no request succeeded, so nothing was measured"
    took = fmt.duration_s(summary.run.duration_s)
    return f"{fmt.count(ok)} of {fmt.count(summary.accounting.sent)} requests succeeded in {took}"


def _strength(finding: Finding) -> tuple[bool, float]:
    if finding.change is None:
        return False, 0.0
    estimate = finding.change.estimate
    if finding.change.difference:
        return True, abs(estimate)
    return False, abs(math.log1p(estimate)) if estimate > -1 else math.inf


# The tallies


def _gated(comparison: Comparison) -> str | None:
    gated = [f for f in comparison.findings if f.gated]
    if not gated or all(f.verdict is Verdict.NO_BASELINE for f in gated):
        return None
    counts = Counter(f.verdict for f in gated if not f.accepted)
    parts = [(counts[verdict], word) for verdict, word in _WORDS.items() if counts[verdict]]
    if accepted := sum(bool(f.accepted) for f in gated):
        parts.append((accepted, "regressed and accepted"))
    of = f"of {plural(len(gated), 'gated metric')}"
    if not parts:
        return f"{fmt.count(counts[Verdict.PASS])} {of} unchanged"
    (first, word), *others = parts
    rest = "".join(f", {fmt.count(n)} {other}" for n, other in others)
    return f"{fmt.count(first)} {of} {word}{rest}"


def _bounds(comparison: Comparison) -> str | None:
    bounds = [t for t in comparison.thresholds if t.state is not ThresholdState.NOT_MEASURED or t.demanded]
    if not bounds:
        return None
    counts: Counter[ThresholdState] = Counter(t.state for t in bounds)
    of = f"of {plural(len(bounds), 'threshold')}"
    missed, unknown = counts[ThresholdState.MISSED], counts[ThresholdState.NOT_MEASURED]
    if not missed and not unknown:
        return f"{fmt.count(len(bounds))} {of} met"
    parts = [
        f"{fmt.count(n)} {{}} {word}" for n, word in ((missed, "missed"), (unknown, "not measured")) if n
    ]
    return ", ".join([parts[0].format(of), *(part.replace("{} ", "") for part in parts[1:])])


def _requests(summary: RunSummary) -> str:
    accounting = summary.accounting
    dropped = f", {fmt.count(accounting.dropped)} dropped" if accounting.dropped else ""
    finished = accounting.ok + accounting.failed
    return f"{fmt.count(accounting.failed)} of {fmt.count(finished)} failed{dropped}"


def _generator(summary: RunSummary) -> str:
    health = summary.generator
    if health.saturated:
        return "generator saturated"
    known = health.lag_p99_ms is not None or health.cpu_cores_mean is not None
    return "generator fine" if known else "generator not watched"


def shown_metrics(comparison: Comparison, *, gated: bool) -> Sequence[Finding]:
    """The findings of one kind as they are read: changed first, then the strongest lean."""
    order = (Verdict.REGRESSION, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.IMPROVEMENT)

    def rank(finding: Finding) -> int:
        return order.index(finding.verdict) if finding.verdict in order else len(order)

    return sorted((f for f in comparison.findings if f.gated is gated), key=rank)
