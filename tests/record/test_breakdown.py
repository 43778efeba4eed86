"""What a phase is made of, held against figures worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from govbench.record.breakdown import MOST_GROUPS, breakdown, endings, spread
from govbench.record.reader import SampleTable, read_samples
from govbench.record.summarise import Recording, summarise
from govbench.results.breakdown import Attempts, Breakdown, Group, Groups, Part, Spread, Tokens
from govbench.results.plan import BASE, CONTROL, HEAD
from govbench.results.run import Ending, Outcome, RunSummary, Window
from govbench.results.samples import LAST_TURN, REDIRECT, RETRY, Kind
from tests.record.conftest import ENVIRONMENT, INFO, PROVENANCE, T0_S, make_plan, phase, record, write

LAYOUT_1 = Path(__file__).parent / "data" / "layout-1"
NAMES = ("GET /items", "POST /buy", "GET /stream")
KINDS = (
    Kind("citizen", "passports"),
    Kind("citizen", "taxes"),
    Kind("official", "taxes"),
    Kind("official", None),
)


def table(folder: Path, *records: bytes, names: tuple[str, ...] = NAMES) -> SampleTable:
    return read_samples(write(folder, *records, kinds=KINDS, names=names))


def of(samples: SampleTable, *, retries: int = 0) -> Breakdown:
    found = breakdown(samples, retries=retries)
    assert found is not None
    return found


def counts(groups: Groups) -> list[tuple[str, int, int]]:
    return [(group.name, group.times.n, group.failed) for group in groups.largest]


# Response times


def test_the_percentiles_of_two_hundred() -> None:
    assert spread(np.arange(200.0, 0.0, -1.0)) == Spread(
        n=200, min_ms=1, mean_ms=100.5, p50_ms=100, p90_ms=180, p95_ms=190, max_ms=200
    )


def test_the_highest_percentile_needs_ten_thousand() -> None:
    values = np.arange(1.0, 10_001.0)
    whole, short = spread(values), spread(values[:-1])
    assert (whole.p99_ms, whole.p999_ms) == (9_900, 9_990)
    assert (short.p99_ms, short.p999_ms, short.max_ms) == (9_900, None, 9_999)


def test_what_was_not_measured_is_in_no_figure() -> None:
    assert spread(np.array([math.nan, 4.0, 2.00004, math.nan])) == Spread(
        n=2, min_ms=2.0, mean_ms=3.0, max_ms=4.0
    )
    assert spread(np.array([math.nan])) == Spread(n=0)


def test_times_count_from_when_a_request_was_due_and_of_successes_alone(tmp_path: Path) -> None:
    records = [record(at / 10, send_delay_ms=5.0, last_byte_ms=10.0 + at) for at in range(20)]
    records += [record(3, Outcome.TIMEOUT, last_byte_ms=5_000.0), record(4, Outcome.CANCELLED)]
    found = of(table(tmp_path, *records))
    assert found.response_time == Spread(n=20, min_ms=15, mean_ms=24.5, p50_ms=24, max_ms=34)


def test_nothing_finished(tmp_path: Path) -> None:
    assert breakdown(table(tmp_path, record(1, Outcome.CANCELLED)), retries=0) is None


def test_everything_failed(tmp_path: Path) -> None:
    found = of(table(tmp_path, *[record(1, Outcome.RESET)] * 3))
    assert found.response_time == Spread(n=0)
    assert counts(found.names) == [("GET /items", 0, 3)]
    assert (found.parts, found.output_tokens) == ((), None)


# Groups


def test_by_request_name(tmp_path: Path) -> None:
    items = [record(at / 100, name=0, last_byte_ms=float(at + 1)) for at in range(200)]
    buys = [record(at / 100, name=1, last_byte_ms=50.0) for at in range(25)]
    broken = [record(at / 100, Outcome.HTTP_5XX, name=1, last_byte_ms=900.0) for at in range(10)]
    mixed = [each for row in zip(items[:10], broken, strict=True) for each in row] + buys + items[10:]
    found = of(table(tmp_path, *mixed)).names
    assert found.largest == (
        Group(
            name="GET /items",
            failed=0,
            times=Spread(n=200, min_ms=1, mean_ms=100.5, p50_ms=100, p90_ms=180, p95_ms=190, max_ms=200),
        ),
        Group(name="POST /buy", failed=10, times=Spread(n=25, min_ms=50, mean_ms=50, p50_ms=50, max_ms=50)),
    )
    assert found.largest[1].finished == 35
    assert found.left_out == 0


def test_by_category_and_scenario(tmp_path: Path) -> None:
    asked = {0: 30, 1: 20, 2: 25, 3: 5, 7: 2}  # 7 is beyond the kinds: users of a test file have none
    records = [
        record(at / 10, kind=kind, last_byte_ms=10.0 * (kind + 1))
        for kind, n in asked.items()
        for at in range(n)
    ]
    records += [record(1, Outcome.CHECK, kind=2), record(2, Outcome.CANCELLED, kind=2)]
    found = of(table(tmp_path, *records))
    assert counts(found.categories) == [("taxes", 45, 1), ("passports", 30, 0)]
    assert counts(found.scenarios) == [("citizen", 50, 0), ("official", 30, 1)]
    taxes, _ = found.categories.largest
    assert (taxes.times.min_ms, taxes.times.mean_ms, taxes.times.max_ms) == (20, 25.5556, 30)
    assert found.response_time.n == 82


def test_requests_of_no_kind_and_of_no_known_name_are_in_no_group(tmp_path: Path) -> None:
    write(tmp_path, *[record(at, name=3) for at in range(30)])
    found = of(read_samples(tmp_path))
    assert (found.names, found.categories, found.scenarios) == (Groups(), Groups(), Groups())
    assert found.response_time.n == 30


def test_of_many_names_the_largest_are_kept_and_the_rest_counted(tmp_path: Path) -> None:
    names = tuple(f"GET /items/{at}" for at in range(MOST_GROUPS + 7))
    records = [record(at, name=at) for at in range(len(names))] + [record(1, name=MOST_GROUPS + 6)]
    found = of(table(tmp_path, *records, names=names)).names
    assert len(found.largest) == MOST_GROUPS
    assert counts(found)[:2] == [(f"GET /items/{MOST_GROUPS + 6}", 2, 0), ("GET /items/0", 1, 0)]
    assert found.left_out == 7


# Where the time went


def test_the_parts_of_a_request_make_up_its_response_time(tmp_path: Path) -> None:
    opened = record(
        1, send_delay_ms=10.0, dns_ms=1.0, connect_ms=2.0, tls_ms=4.0, upload_ms=0.5, first_byte_ms=20.0,
        last_byte_ms=30.0,
    )  # fmt: skip
    found = of(table(tmp_path, opened))
    assert {each.part: each.times.mean_ms for each in found.parts} == {
        Part.DELAY: 3, Part.LOOK_UP: 1, Part.CONNECT: 2, Part.TLS: 4, Part.UPLOAD: 0.5, Part.WAIT: 19.5,
        Part.TRANSFER: 10,
    }  # fmt: skip
    assert sum(each.times.mean_ms or 0.0 for each in found.parts) == found.response_time.mean_ms


def test_only_those_that_opened_a_connection_count_for_it(tmp_path: Path) -> None:
    opened = [record(at, connect_ms=2.0, dns_ms=1.0, upload_ms=0.0, first_byte_ms=5.0) for at in range(3)]
    reused = [record(at, upload_ms=0.0, first_byte_ms=8.0, last_byte_ms=9.0) for at in range(37)]
    failed = [record(1, Outcome.CONNECT, connect_ms=900.0)]
    found = {each.part: each.times for each in of(table(tmp_path, *opened, *reused, *failed)).parts}
    assert found[Part.CONNECT] == Spread(n=3, min_ms=2, mean_ms=2, max_ms=2)
    assert found[Part.LOOK_UP].n == 3
    assert Part.TLS not in found
    wait, transfer = found[Part.WAIT], found[Part.TRANSFER]
    assert (wait.n, wait.p50_ms, wait.mean_ms) == (40, 8, (3 * 5 + 37 * 8) / 40)
    assert (transfer.n, transfer.p50_ms, transfer.max_ms) == (40, 1, 15)


def test_an_answer_that_began_before_the_request_had_left_took_no_wait(tmp_path: Path) -> None:
    found = of(table(tmp_path, record(1, upload_ms=30.0, first_byte_ms=20.0, last_byte_ms=40.0)))
    assert {each.part: each.times.max_ms for each in found.parts}[Part.WAIT] == 0


def test_other_clients_tell_no_first_byte(tmp_path: Path) -> None:
    found = of(table(tmp_path, *[record(at) for at in range(5)]))
    assert [each.part for each in found.parts] == [Part.DELAY]


# Tokens


def test_tokens_in_and_out_are_told_apart(tmp_path: Path) -> None:
    records = [record(at / 10, output_tokens=at + 1, input_tokens=7) for at in range(20)]
    records += [record(3, output_tokens=30)] * 180 + [record(4, Outcome.CHECK, output_tokens=9_999)]
    found = of(table(tmp_path, *records))
    assert found.input_tokens == Tokens(n=20, total=140, p50=7)
    assert found.output_tokens == Tokens(n=200, total=210 + 180 * 30, p50=30, p95=30)
    assert found.cached_tokens is None


def test_tokens_that_no_answer_reports_are_not_measured(tmp_path: Path) -> None:
    found = of(table(tmp_path, *[record(at, output_tokens=12) for at in range(20)]))
    assert (found.input_tokens, found.output_tokens) == (None, Tokens(n=20, total=240, p50=12))


# Attempts


def test_what_trying_again_was_good_for(tmp_path: Path) -> None:
    records = [record(at, flags=LAST_TURN) for at in range(7)]
    records += [record(8, Outcome.HTTP_5XX), record(9, Outcome.HTTP_429), record(10, Outcome.RESET)]
    records += [record(8.1, flags=RETRY, attempt=1), record(9.1, Outcome.HTTP_429, flags=RETRY, attempt=1)]
    records += [record(9.2, flags=RETRY, attempt=2), record(10.1, Outcome.CANCELLED, flags=RETRY, attempt=1)]
    records += [record(11, flags=REDIRECT, attempt=1)]
    samples = table(tmp_path, *records)
    assert of(samples, retries=2).attempts == Attempts(asked=10, ok_at_first=7, retries=3, ok_after=2)
    assert of(samples).attempts is None


# How requests ended


def test_endings_by_status_and_outcome(tmp_path: Path) -> None:
    records = [record(at, status=200) for at in range(5)] + [record(5, status=201)]
    records += [record(6, Outcome.HTTP_5XX, status=503)] * 3 + [record(7, Outcome.HTTP_5XX, status=500)] * 2
    records += [record(8, Outcome.TRUNCATED, status=200), record(9, Outcome.TIMEOUT)]
    records += [record(9, Outcome.CANCELLED)]
    examples = {
        (Outcome.HTTP_5XX, 503): "HTTP 503: busy",
        (Outcome.TIMEOUT, 0): "no answer",
        (Outcome.TLS, 0): "x",
    }
    assert endings(table(tmp_path, *records), examples) == (
        Ending(outcome=Outcome.OK, status=200, count=5),
        Ending(outcome=Outcome.HTTP_5XX, status=503, count=3, example="HTTP 503: busy"),
        Ending(outcome=Outcome.HTTP_5XX, status=500, count=2),
        Ending(outcome=Outcome.OK, status=201, count=1),
        Ending(outcome=Outcome.TIMEOUT, status=None, count=1, example="no answer"),
        Ending(outcome=Outcome.TRUNCATED, status=200, count=1),
        Ending(outcome=Outcome.CANCELLED, status=None, count=1),
    )
    assert endings(table(tmp_path / "none"), examples) == ()


# In a summary


def window(start: float, steady: float, end: float) -> Window:
    return Window(
        start_s=T0_S + start, steady_start_s=T0_S + steady, steady_end_s=T0_S + end, end_s=T0_S + end
    )


def summary(
    recording_of: SampleTable, windows: dict[int, Window], *, sides: int = 1, paired: bool = False
) -> RunSummary:
    phases = [replace(phase(f"{at}"), paired=paired) for at in windows]
    return summarise(
        Recording(
            info=INFO,
            plan=make_plan(*phases, sides=sides),
            targets=(),
            environment=ENVIRONMENT,
            provenance=PROVENANCE,
            samples=recording_of,
            windows=windows,
            examples={(1, 0): {(Outcome.HTTP_5XX, 500): "HTTP 500: out of memory"}},
        )
    )


def test_each_phase_has_its_own_and_warm_up_is_in_none(tmp_path: Path) -> None:
    records = [record(at / 10, last_byte_ms=9_000.0, name=2, status=200) for at in range(10)]
    records += [record(1 + at / 10, last_byte_ms=10.0, status=200) for at in range(30)]
    records += [record(4 + at / 10, last_byte_ms=8_000.0, phase=1, status=200) for at in range(10)]
    records += [record(5 + at / 10, last_byte_ms=40.0, phase=1, name=1, status=200) for at in range(40)]
    records += [record(6, Outcome.HTTP_5XX, phase=1, name=1, status=500)]
    found = summary(table(tmp_path, *records), {0: window(0, 1, 4), 1: window(4, 5, 9)}).phases
    assert [result.breakdown and result.breakdown.response_time.max_ms for result in found] == [10, 40]
    assert [result.breakdown and counts(result.breakdown.names) for result in found] == [
        [("GET /items", 30, 0)],
        [("POST /buy", 40, 1)],
    ]
    assert [result.endings for result in found] == [
        (Ending(outcome=Outcome.OK, status=200, count=30),),
        (
            Ending(outcome=Outcome.OK, status=200, count=40),
            Ending(outcome=Outcome.HTTP_5XX, status=500, count=1, example="HTTP 500: out of memory"),
        ),
    ]
    assert [result.accounting.ok for result in found] == [40, 50]


def test_both_sides_of_a_paired_phase_and_no_control(tmp_path: Path) -> None:
    times = {BASE: 10.0, HEAD: 14.0, CONTROL: 500.0}
    records = [record(at / 10, side=side, last_byte_ms=ms) for at in range(20) for side, ms in times.items()]
    found = summary(table(tmp_path, *records), {0: window(0, 0, 9)}, sides=4, paired=True).phases
    assert [(r.side, r.breakdown and r.breakdown.response_time.max_ms) for r in found] == [
        (BASE, 10),
        (HEAD, 14),
    ]
    assert [r.breakdown and counts(r.breakdown.names) for r in found] == [[("GET /items", 20, 0)]] * 2


# Recordings of the version before layout 2


def test_a_real_run() -> None:
    samples = read_samples(LAYOUT_1 / "run")
    found = of(samples, retries=1)
    times = np.sort(samples.response_time_ms)
    assert counts(found.names) == [("POST /api/v1/chat", 120, 0)]
    assert found.names.largest[0].times == found.response_time
    assert (found.response_time.min_ms, found.response_time.max_ms) == pytest.approx(
        (times[0], times[-1]), abs=1e-4
    )
    assert (found.response_time.p50_ms, found.response_time.p90_ms) == pytest.approx(
        (times[59], times[107]), abs=1e-4
    )
    assert found.response_time.mean_ms == pytest.approx(times.mean(), abs=1e-4)
    assert found.response_time.p95_ms is None
    assert (found.categories, found.attempts) == (Groups(), None)
    parts = {each.part: each.times for each in found.parts}
    assert parts[Part.WAIT].n == parts[Part.TRANSFER].n == parts[Part.DELAY].n == 120
    assert Part.UPLOAD not in parts
    assert sum(t.n * t.mean_ms for t in parts.values() if t.mean_ms is not None) == pytest.approx(
        times.sum(), rel=1e-3
    )


def test_a_real_paired_round() -> None:
    samples = read_samples(LAYOUT_1 / "ab")
    found = of(samples)
    told = [samples.names[number] for number in samples.column("name")[samples.ok]]
    by_category = {
        category: sum(f"/{category}]" in name for name in told)
        for category in {kind.category for kind in samples.kinds}
    }
    assert {name: n for name, n, _ in counts(found.categories)} == by_category
    assert len(by_category) > 2
