"""Sections made of what was recorded: sample by sample, summarised as a run is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from govbench.record.phases import Examples
from govbench.record.reader import read_samples
from govbench.record.summarise import Recording, summarise
from govbench.report.document import Section, Table, Tone
from govbench.report.sections import breakdown as sections
from govbench.results.comparison import Results
from govbench.results.plan import BASE, HEAD, Phase, TestType
from govbench.results.run import Outcome, Target, Window
from govbench.results.samples import RETRY, Kind
from tests.record.conftest import ENVIRONMENT, INFO, PROVENANCE, T0_S, make_plan, phase, record, write

NAMES = ("GET /items", "POST /buy")
KINDS = (Kind("citizen", "passports"), Kind("citizen", "taxes"), Kind("official", "taxes"))
MAKERS = (
    sections.response_times,
    sections.by_name,
    sections.by_category,
    sections.by_scenario,
    sections.endings,
    sections.where_time_goes,
    sections.tokens,
    sections.attempts,
)

Run = Callable[..., Results]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Results of a run: of a phase for each number of users, 100 s each, with these samples."""

    def make(
        *records: bytes,
        users: Sequence[int] = (10,),
        sides: int = 1,
        names: Sequence[str] = NAMES,
        examples: Examples | None = None,
        retries: int = 0,
        test_types: Sequence[TestType] = (),
    ) -> Results:
        types = test_types or [TestType.CONCURRENT] * len(users)
        phases: list[Phase] = [
            phase(f"p{at}", users=each, test_type=kind)
            for at, (each, kind) in enumerate(zip(users, types, strict=True))
        ]
        plan = replace(make_plan(*phases, sides=sides), retries=retries)
        starts = [T0_S + 100 * at for at in range(len(users))]
        summary = summarise(
            Recording(
                info=INFO,
                plan=plan,
                targets=tuple(
                    Target(name=f"t{side}", form="url", url="http://x", api="govstack")
                    for side in range(sides)
                ),
                environment=ENVIRONMENT,
                provenance=PROVENANCE,
                samples=read_samples(write(tmp_path, *records, names=names, kinds=KINDS)),
                windows={
                    at: Window(start_s=t, steady_start_s=t, steady_end_s=t + 100, end_s=t + 100)
                    for at, t in enumerate(starts)
                },
                examples=examples or {},
            )
        )
        return Results(summary=summary)

    return make


def table_of(section: Section | None) -> Table:
    assert section is not None
    found = section.blocks[-1]
    assert isinstance(found, Table)
    return found


def heads(found: Table) -> list[str]:
    return [column.head for column in found.columns]


def texts(found: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in found.rows]


def some(count: int, *, at_s: float = 0.0, **fields: Any) -> list[bytes]:
    return [record(at_s + at / 10, **fields) for at in range(count)]


def test_a_run_of_one_request_and_no_failure_has_only_its_times(run: Run) -> None:
    results = run(*some(20, status=200))
    assert [section.key for make in MAKERS if (section := make(results))] == ["spread"]


def test_results_of_before_there_were_breakdowns_have_none_of_it(run: Run) -> None:
    results = run(*some(20, name=1), *some(20), record(1, Outcome.TIMEOUT))
    bare = tuple(replace(each, breakdown=None, endings=()) for each in results.summary.phases)
    older = replace(results, summary=replace(results.summary, phases=bare))
    assert [section.key for make in MAKERS if (section := make(older))] == ["failures"]


def test_failures_of_warm_up_alone_are_told_as_a_whole(run: Run) -> None:
    results = run(*some(20, status=200), record(-1, Outcome.HTTP_5XX, status=500))
    section = sections.endings(results)
    assert section is not None
    assert (section.key, section.rank) == ("failures", 1)


def test_response_times_in_full_with_their_intervals(run: Run) -> None:
    records = [record(at / 5, last_byte_ms=float(at * 37 % 250 + 1)) for at in range(250)]
    found = table_of(sections.response_times(run(*records, *some(5, at_s=100, phase=1), users=(10, 50))))
    assert heads(found) == [
        "load", "succeeded", "min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max",
    ]  # fmt: skip
    assert texts(found) == [
        ["10 users", "250", "1.00 ms", "126 ms", "125 ms", "225 ms", "238 ms", "needs 1000",
         "needs 10\u202f000", "250 ms"],
        ["50 users", "5", "20.0 ms", "20.0 ms", "needs 20", "needs 100", "needs 200", "needs 1000",
         "needs 10\u202f000", "20.0 ms"],
    ]  # fmt: skip
    assert [cell.note[:1] for cell in found.rows[0]] == ["", "", "", "", "[", "", "[", "", "", ""]


def test_by_request_with_what_failed_of_each(run: Run) -> None:
    records = [*some(40), *some(30, name=1, last_byte_ms=50.0), *[record(1, Outcome.HTTP_5XX, name=1)] * 10]
    section = sections.by_name(run(*records))
    found = table_of(section)
    assert heads(found)[:4] == ["request", "load", "succeeded", "failed"]
    assert [row[:5] for row in texts(found)] == [
        ["GET /items", "10 users", "40", "0", "20.0 ms"],
        ["POST /buy", "10 users", "30", "10", "50.0 ms"],
    ]
    failed = found.rows[1][3]
    assert (failed.note, failed.tone) == ("25.0 %", Tone.BAD)
    assert section is not None
    assert not section.folded


def test_a_request_that_never_succeeded_has_no_times(run: Run) -> None:
    found = table_of(sections.by_name(run(*some(20), *[record(1, Outcome.HTTP_4XX, name=1)] * 3)))
    assert texts(found)[1] == ["POST /buy", "10 users", "0", "3", *["-"] * 8]


def test_by_category_and_by_scenario(run: Run) -> None:
    results = run(*some(5, kind=0), *some(6, kind=1), *some(7, kind=2), *some(3))
    assert [row[:3] for row in texts(table_of(sections.by_category(results)))] == [
        ["taxes", "10 users", "13"],
        ["passports", "10 users", "5"],
    ]
    assert [row[:3] for row in texts(table_of(sections.by_scenario(results)))] == [
        ["citizen", "10 users", "11"],
        ["official", "10 users", "7"],
    ]


def test_base_and_head_stand_under_each_other(run: Run) -> None:
    records = [
        record(at / 10, side=side, name=name, last_byte_ms=10.0 + 5 * side)
        for at in range(20) for side in (BASE, HEAD) for name in (0, 1)
    ]  # fmt: skip
    found = table_of(sections.by_name(run(*records, *some(1, side=HEAD, name=1), sides=2)))
    assert heads(found)[:4] == ["request", "load", "side", "succeeded"]
    assert [[row[0], row[2], row[3]] for row in texts(found)] == [
        ["GET /items", "base", "20"], ["GET /items", "head", "20"],
        ["POST /buy", "base", "20"], ["POST /buy", "head", "21"],
    ]  # fmt: skip


def test_of_many_rows_the_most_loaded_levels_of_each_test_type_stand(run: Run) -> None:
    users = (1, 10, 50, 25)
    types = [TestType.BASELINE, *[TestType.CONCURRENT] * 3]
    names = [f"GET /{at}" for at in range(20)]
    records = [record(100 * level + at, phase=level, name=at % 20) for level in range(4) for at in range(41)]
    found = table_of(sections.by_name(run(*records, users=users, test_types=types, names=names)))
    assert heads(found)[:4] == ["request", "test type", "load", "succeeded"]
    assert len(found.rows) == 40
    assert {(row[1], row[2]) for row in texts(found)} == {("baseline", "1 user"), ("concurrent", "50 users")}
    assert texts(found)[0][:4] == ["GET /0", "baseline", "1 user", "3"]
    assert "most loaded level" in found.caption


def test_of_very_many_names_those_of_most_requests_stand_and_the_rest_are_counted(run: Run) -> None:
    names = [f"GET /{at}" for at in range(75)]
    records = [record(at / 10, name=at % 75) for at in range(76)]
    found = table_of(sections.by_name(run(*records, names=names)))
    assert len(found.rows) == 50
    assert texts(found)[0][:3] == ["GET /0", "10 users", "2"]
    assert "up to 25 more" in found.caption
    two = [record(100 * level + at / 10, phase=level, name=at % 75) for level in range(2) for at in range(75)]
    types = (TestType.BASELINE, TestType.CONCURRENT)
    found = table_of(sections.by_name(run(*two, names=names, users=(1, 10), test_types=types)))
    assert len(found.rows) == sections.MOST_ROWS
    assert "up to 45 more" in found.caption


def test_status_codes_and_errors_with_what_the_first_said(run: Run) -> None:
    ok = [*some(60, status=200), *some(10, status=202)]
    failed = [*[record(1, Outcome.HTTP_5XX, status=503)] * 20, *[record(2, Outcome.TIMEOUT)] * 10]
    told = {(0, 0): {(Outcome.HTTP_5XX, 503): "HTTP 503: busy\x1b[31m\n\u202enow"}}
    section = sections.endings(run(*ok, *failed, record(3, Outcome.CANCELLED), examples=told))
    found = table_of(section)
    assert heads(found) == ["load", "status", "ended", "requests", "share", "what the first said"]
    assert texts(found) == [
        ["10 users", "200", "ok", "60", "59.4 %", ""],
        ["10 users", "503", "http_5xx", "20", "19.8 %", "HTTP 503: busy[31m now"],
        ["10 users", "202", "ok", "10", "9.90 %", ""],
        ["10 users", "none", "timeout", "10", "9.90 %", "no complete answer before the deadline"],
        ["10 users", "none", "cancelled", "1", "0.990 %", ""],
    ]
    assert [row[3].tone for row in found.rows] == [Tone.PLAIN, Tone.BAD, Tone.PLAIN, Tone.BAD, Tone.PLAIN]
    assert section is not None
    assert not section.folded
    assert (quiet := sections.endings(run(*ok))) is not None
    assert quiet.folded


def test_where_the_time_goes_shows_what_was_measured(run: Run) -> None:
    reused = some(36, send_delay_ms=0.5, upload_ms=0.0, first_byte_ms=15.0, last_byte_ms=20.0)
    opened = some(4, send_delay_ms=4.0, connect_ms=3.0, upload_ms=0.0, first_byte_ms=15.0, last_byte_ms=20.0)
    found = table_of(
        sections.where_time_goes(
            run(*reused, *opened, *some(5, at_s=100, phase=1, first_byte_ms=9.0), users=(1, 2))
        )
    )
    assert heads(found) == ["load", "before sending", "connect", "wait", "transfer"]
    assert texts(found) == [
        ["1 user", "0.500 ms", "3.00 ms", "15.0 ms", "5.00 ms"],
        ["2 users", "0 ms", "none", "9.00 ms", "11.0 ms"],
    ]
    assert [cell.note for cell in found.rows[0]] == ["", "", "mean, n 4", "", ""]
    assert found.rows[1][3].note == "mean, n 5"


def test_tokens_that_were_not_reported_are_not_zero(run: Run) -> None:
    found = table_of(sections.tokens(run(*some(30, output_tokens=12))))
    assert heads(found) == ["load", "tokens", "answers", "in all", "median", "p95"]
    assert texts(found) == [
        ["10 users", "input", "0", "not measured", "not measured", "not measured"],
        ["10 users", "output", "30", "360", "12.0", "needs 200"],
    ]
    found = table_of(sections.tokens(run(*some(30, output_tokens=12, input_tokens=40, cached_tokens=30))))
    assert [row[1:4] for row in texts(found)] == [
        ["input", "30", "1200"],
        ["output", "30", "360"],
        ["input, cached", "30", "900"],
    ]


def test_first_attempts_where_retries_are_on(run: Run) -> None:
    records = [*some(6), *[record(1, Outcome.HTTP_5XX)] * 2, record(2, flags=RETRY, attempt=1)]
    records.append(record(2, Outcome.HTTP_5XX, flags=RETRY, attempt=1))
    found = table_of(sections.attempts(run(*records, retries=1)))
    assert texts(found) == [["10 users", "8", "6", "2", "1"]]
    assert [cell.note for cell in found.rows[0]] == ["", "", "75.0 %", "", "50.0 %"]
    assert sections.attempts(run(*records)) is None
