"""From results to the document of a report: which sections it has, and in which order. Lays nothing out.

To add a section: one function in ``sections/`` and a line in ``SECTIONS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from govbench.report import cases
from govbench.report import format as fmt
from govbench.report.advice import advice
from govbench.report.circumstances import SHORT_COMMIT, uncommitted
from govbench.report.document import Closing, Document, Mark, Remark, Section, Tone
from govbench.report.explanations import notes
from govbench.report.headline import headline, is_first, shown_metrics, tallies
from govbench.report.phrases import (
    bracketed,
    from_to,
    of_scope,
    short_name,
    threshold_in_words,
    value_and_interval,
)
from govbench.report.sections import breakdown, counted, drawn, judged, measured, rounds, where
from govbench.report.tiles import tiles
from govbench.report.words import METHODS, THRESHOLDS, exit_of, finding_mark, mark_of
from govbench.results.comparison import Finding, Reference, Results
from govbench.results.conclusion import Conclusion

SECTIONS: tuple[Callable[[Results], Section | None], ...] = (
    judged.gated,
    measured.measured,
    measured.next_time,
    judged.moved,
    breakdown.endings,
    judged.thresholds,
    breakdown.by_name,
    breakdown.attempts,
    judged.advisory,
    judged.levels,
    drawn.sketches,
    drawn.over_rounds,
    drawn.response_times,
    drawn.by_load,
    drawn.over_time,
    judged.seen,
    measured.others,
    rounds.rounds,
    breakdown.by_category,
    breakdown.by_scenario,
    breakdown.response_times,
    breakdown.where_time_goes,
    breakdown.tokens,
    counted.accounting,
    counted.generator,
    counted.resources,
    where.provenance,
    where.packages,
    where.reading,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the files of a run are, as the reader can open them: a path, an address, or nothing."""

    folder: str = ""
    page: str = ""


NOWHERE = Place()


def document_of(results: Results, conclusion: Conclusion, place: Place = NOWHERE) -> Document:
    """The whole report.

    Args:
        results: what was measured and what was found.
        conclusion: what that comes to, and so what the command ends with.
        place: where the files are.
    """
    run = results.summary.run
    code, why = exit_of(results, conclusion)
    return Document(
        suite=fmt.one_line(run.suite),
        run_id=fmt.one_line(run.id),
        started_at=fmt.one_line(run.started_at),
        govbench_version=fmt.one_line(run.govbench_version),
        mark=mark_of(results, conclusion),
        headline=headline(results),
        tallies=tallies(results),
        facts=_facts(results),
        tiles=tiles(results),
        remarks=_remarks(results),
        sections=_sections(results),
        closing=Closing(
            advice=advice(results, conclusion.verdict), exit_code=code, exit_text=why, files=_files(place)
        ),
        cases=cases.cases(results, conclusion),
        brief=tuple(_brief(results)),
        properties=cases.properties(results),
    )


def _sections(results: Results) -> tuple[Section, ...]:
    """Those that have anything to say: what stands open before what is folded."""
    found = [section for make in SECTIONS if (section := make(results)) is not None]
    return tuple(sorted(found, key=lambda section: section.folded))


def _facts(results: Results) -> tuple[tuple[str, str], ...]:
    """What was compared with what; of a first run what was measured."""
    summary, comparison = results.summary, results.comparison
    facts: list[tuple[str, str]] = []
    if comparison is not None and comparison.baseline is not None:
        facts.append(("base", _reference(comparison.baseline)))
        facts.append(("head", _reference(comparison.candidate)))
        facts.append(("compared", METHODS[comparison.method]))
    else:
        facts += [
            ("target", fmt.one_line(f"{t.form} at {t.url}" if t.url else t.form)) for t in summary.targets
        ]
        commit = summary.provenance.commit
        if commit:
            facts.append(("commit", f"{commit[:SHORT_COMMIT]}{uncommitted(summary.provenance.dirty)}"))
    facts.append(("profile", fmt.one_line(summary.run.profile)))
    facts.append(("took", fmt.duration_s(summary.run.duration_s)))
    return tuple(facts)


def _reference(reference: Reference) -> str:
    parts = [fmt.one_line(reference.label)]
    if reference.commit:
        parts.append(f"commit {fmt.one_line(reference.commit)[:SHORT_COMMIT]}{uncommitted(reference.dirty)}")
    if reference.distance is not None:
        away = f"{fmt.count(reference.distance)} commit{'' if reference.distance == 1 else 's'} away"
        parts.append(away if reference.distance else "the same commit")
    return ", ".join(parts)


def _remarks(results: Results) -> tuple[Remark, ...]:
    """Warnings of the run first, then notes on the comparison."""
    warnings = (Remark(tone=Tone.WARN, text=fmt.one_line(each)) for each in results.summary.warnings)
    noted = () if results.comparison is None else notes(results.comparison)
    return (*warnings, *(Remark(tone=Tone.INFO, text=fmt.one_line(each)) for each in noted))


def _brief(results: Results) -> Iterator[tuple[Mark, str]]:
    comparison = results.comparison
    if comparison is None:
        return
    for finding in shown_metrics(comparison, gated=True):
        what = f"{short_name(finding)} of {of_scope(finding.test_type, finding.level)}"
        yield finding_mark(finding), f"{what}: {_figures(finding, first=is_first(results))}"
    for threshold in (*comparison.missed, *comparison.unmeasured):
        yield THRESHOLDS[threshold.state], threshold_in_words(threshold)


def _figures(finding: Finding, *, first: bool) -> str:
    if first:
        return " ".join(filter(None, value_and_interval(finding.candidate)))
    change = f", {bracketed(finding.change)}" if finding.change else ""
    return f"{from_to(finding)}{change}"


def _files(place: Place) -> tuple[tuple[str, str], ...]:
    found = (("report", place.page), ("files", place.folder))
    return tuple((name, fmt.one_line(path)) for name, path in found if path)
