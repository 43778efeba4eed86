"""The document of a report: what is in it, in which order, and what a first run leaves out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from govbench.compare.conclude import conclude_results
from govbench.errors import ExitCode
from govbench.report.build import Place, document_of
from govbench.report.document import Document, Section, Tone
from govbench.report.phrases import threshold_in_words
from govbench.results.comparison import Finding, Results, ThresholdState, Verdict
from govbench.results.conclusion import Weight
from govbench.results.run import RunStatus


def made(results: Results, place: Place | None = None) -> Document:
    return document_of(results, conclude_results(results), place or Place())


def texts(value: Any) -> Iterator[str]:
    """Every text in a document, drawings left out."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            if each.name not in {"svg", "mermaid"}:
                yield from texts(getattr(value, each.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from texts(each)


def first_run(results: Results) -> Results:
    """The same with nothing stored: as ``without_baseline`` gives it."""
    assert results.comparison is not None
    bare = tuple(
        replace(f, verdict=Verdict.NO_BASELINE, baseline=None, change=None, explanations=(), levels=())
        for f in results.comparison.findings
        if f.candidate is not None
    )
    summary = replace(
        results.summary,
        targets=results.summary.targets[:1],
        phases=tuple(p for p in results.summary.phases if p.side == 0),
        test_types=tuple(t for t in results.summary.test_types if t.side == 0),
        warnings=(),
    )
    return Results(
        summary=summary,
        comparison=replace(
            results.comparison,
            verdict=Verdict.NO_BASELINE,
            baseline=None,
            findings=bare,
            thresholds=(),
            notes=(),
            besides=(),
            elsewhere=("linux-other-4c-8g",),
        ),
    )


@pytest.fixture(params=["results", "in_rounds", "run_only", "failed_run", "invalid", "passing"])
def any_results(request: pytest.FixtureRequest) -> Results:
    found: Results = request.getfixturevalue(request.param)
    return found


def test_every_kind_of_results_makes_a_document(any_results: Results) -> None:
    document = made(any_results)
    assert document.headline.startswith("govstack | <chat>: ")
    assert document.tallies
    keys = [section.key for section in document.sections]
    assert len(keys) == len(set(keys))
    assert all(section.blocks for section in document.sections)


def test_no_text_breaks_a_line_or_moves_a_cursor(any_results: Results) -> None:
    cases = {text for case in made(any_results).cases for text in (case.text, case.errors)}
    for text in texts(made(any_results)):
        kept = text.replace("\n", "") if text in cases else text
        assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in kept), text


def test_what_decides_stands_before_what_does_not(results: Results) -> None:
    sections = {section.key: at for at, section in enumerate(made(results).sections)}
    assert sections["findings"] < sections["advisory"] < sections["provenance"]
    assert next(s for s in made(results).sections if s.key == "findings").rank == 0


def test_advisory_metrics_are_folded_and_counted(results: Results) -> None:
    advisory = section(made(results), "advisory")
    assert advisory.folded
    assert advisory.title.startswith(f"{len(rows(advisory))} advisory metric")
    assert not any(row.gated for row in rows(advisory))
    assert all(row.gated for row in rows(section(made(results), "findings")))


def test_kept_thresholds_are_folded_and_missed_ones_are_not(results: Results, passing: Results) -> None:
    assert not section(made(results), "thresholds").folded
    assert section(made(passing), "thresholds").folded


def test_a_first_run_never_says_base_change_or_not_compared(results: Results) -> None:
    document = made(first_run(results))
    shown = [s for s in document.sections if not s.pages_only]
    words = " ".join(texts((document.headline, document.tallies, document.facts, tuple(shown)))).lower()
    for word in ("not compared", "base", "change", "→"):
        assert not re.search(rf"(?<!\w){word}(?!\w)", words), word


def test_a_first_run_shows_values_and_what_the_next_could_tell(results: Results) -> None:
    found = first_run(results)
    assert found.comparison is not None
    told = replace(
        found,
        comparison=replace(
            found.comparison, findings=tuple(with_outlook(f) for f in found.comparison.findings)
        ),
    )
    document = made(told)
    assert document.sections[0].key == "measured"
    said = " ".join(texts(section(document, "next")))
    assert "changes from: p50 ±28.0 %" in said
    assert "linux-other-4c-8g" in said
    assert "govbench baseline update --commit" in " ".join(texts(document.closing))


def test_a_first_run_is_one_skipped_case(results: Results) -> None:
    (only,) = made(first_run(results)).cases
    assert only.weight is Weight.SKIPPED
    assert only.name == "run"


def test_a_first_run_has_values_and_no_base_in_its_tiles(results: Results) -> None:
    found = made(first_run(results)).tiles
    assert [tile.label for tile in found] == ["p50", "p95", "throughput", "error rate"]
    assert not any(tile.was or tile.change for tile in found)


def test_tiles_are_of_what_the_headline_names(results: Results) -> None:
    document = made(results)
    p50 = document.tiles[0]
    assert p50.was
    assert p50.change
    assert p50.note in document.headline


def test_the_exit_code_is_that_of_the_command(results: Results) -> None:
    assert made(results).closing.exit_code is ExitCode.REGRESSION
    lenient = document_of(results, conclude_results(results, frozenset()), Place())
    assert lenient.closing.exit_code is conclude_results(results, frozenset()).exit_code


def test_an_interrupted_run_ends_as_interrupted(results: Results) -> None:
    cut = replace(
        results,
        summary=replace(results.summary, run=replace(results.summary.run, status=RunStatus.INTERRUPTED)),
    )
    closing = made(cut).closing
    assert closing.exit_code is ExitCode.INTERRUPTED
    assert "cut short" in " ".join(texts(closing.advice))


def test_files_are_named_where_they_are_known(results: Results) -> None:
    assert made(results).closing.files == ()
    place = Place(folder="results/x", page="results/x/report.html")
    assert made(results, place).closing.files == (("report", "results/x/report.html"), ("files", "results/x"))


def test_brief_is_a_line_for_each_gated_metric_and_each_bound_that_is_amiss(results: Results) -> None:
    assert results.comparison is not None
    gated = [f for f in results.comparison.findings if f.gated]
    comparison = replace(
        results.comparison, thresholds=tuple(replace(t, demanded=True) for t in results.comparison.thresholds)
    )
    brief = made(replace(results, comparison=comparison)).brief
    amiss = [t for t in comparison.thresholds if t.state is not ThresholdState.MET]
    assert {t.state for t in amiss} == {ThresholdState.MISSED, ThresholdState.NOT_MEASURED}
    assert len(brief) == len(gated) + len(amiss)
    assert [text for _, text in brief[len(gated) :]] == [threshold_in_words(t) for t in amiss]
    assert {mark.tone for mark, _ in brief} >= {Tone.BAD}


def test_warnings_come_before_notes(results: Results) -> None:
    tones = [remark.tone for remark in made(results).remarks]
    assert tones == sorted(tones, key=lambda tone: tone is not Tone.WARN)
    assert tones[0] is Tone.WARN


def section(document: Document, key: str) -> Section:
    return next(each for each in document.sections if each.key == key)


def rows(found: Section) -> tuple[Any, ...]:
    (block,) = found.blocks
    return tuple(block.rows)  # type: ignore[union-attr]


def with_outlook(finding: Finding) -> Finding:
    return (
        replace(finding, mde=0.28) if finding.gated and finding.metric.value.endswith("p50_ms") else finding
    )
