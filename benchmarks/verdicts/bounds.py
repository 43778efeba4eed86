"""What govbench sets itself for its verdicts, held against what was simulated. Simulates nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.verdicts.drawn import PASSING_SD, Kind
from benchmarks.verdicts.histories import Count
from benchmarks.verdicts.million import Analysis
from benchmarks.verdicts.rates import Rate
from benchmarks.verdicts.simulated import Tally
from benchmarks.verdicts.year import Tally as YearTally
from govbench.compare.calibration import InForce
from govbench.config.settings import CompareConfig
from govbench.results.comparison import Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.stats import normal_cdf, normal_quantile, student_quantile

ANALYSIS_S, ANALYSIS_BYTES = 2.0, 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A bound and what became of it; ``clearly_missed`` where chance does not explain it."""

    text: str
    measured: str
    met: bool
    clearly_missed: bool = False


def _at_most(text: str, rate: Rate, bound: float) -> Judged:
    return Judged(text=text, measured=str(rate), met=rate.value <= bound, clearly_missed=rate.low > bound)


def _at_least(text: str, rate: Rate, bound: float) -> Judged:
    return Judged(text=text, measured=str(rate), met=rate.value >= bound, clearly_missed=rate.high < bound)


def _named(text: str, tally: Tally) -> str:
    return f"{text} ({tally.scenario.name})"


def judge(tallies: Mapping[str, Tally], analysis: Analysis | None) -> list[Judged]:
    """Every bound whose scenarios were simulated."""
    return [
        *_false_alarms(tallies),
        *_wrong_way(tallies),
        *_false_passes(tallies),
        *_power(tallies),
        *_coverage(tallies),
        *_analysis(analysis),
    ]


def _false_alarms(tallies: Mapping[str, Tally]) -> Iterator[Judged]:
    nulls = [tally for tally in tallies.values() if tally.scenario.is_null]
    if nulls:
        worst = max(nulls, key=lambda tally: tally.share(Verdict.REGRESSION).value)
        text = _named("false regressions per A/A comparison, worst scenario ≤ 1 %", worst)
        yield _at_most(text, worst.share(Verdict.REGRESSION), 0.01)
        worst = max(nulls, key=lambda tally: tally.improved.value)
        text = _named("false improvements per A/A comparison, worst scenario ≤ 1 %", worst)
        yield _at_most(text, worst.improved, 0.01)
        early = Rate(hits=sum(t.looks_flagged.hits for t in nulls), n=sum(t.looks_flagged.n for t in nulls))
        one = Rate(hits=sum(t.one_look_flagged.hits for t in nulls), n=early.n)
        yield Judged(
            text="early stopping: false alarms of all looks, unconfirmed, ≤ 1 % (one look at the end)",
            measured=f"{early} (one look: {one})",
            met=early.value <= max(0.01, one.value),
            clearly_missed=early.low > max(0.01, one.high),
        )
    if (plain := tallies.get("A/A, 60 s")) is not None:
        yield _at_least("A/A passes within 60 s ≥ 75 %", plain.share(Verdict.PASS), 0.75)


def _wrong_way(tallies: Mapping[str, Tally]) -> Iterator[Judged]:
    """A change that is called one for the other side hides what it is."""
    slower = [tally for tally in tallies.values() if tally.scenario.change > 0]
    if slower:
        worst = max(slower, key=lambda tally: tally.improved.value)
        yield _at_most(
            _named("slower code an improvement, worst scenario ≤ 0.1 %", worst), worst.improved, 0.001
        )


def _false_passes(tallies: Mapping[str, Tally]) -> Iterator[Judged]:
    """A change as large as the margin is on the edge of what may pass; an interval misses it in 0.5 %."""
    if (tally := tallies.get("+2 %, 120 s")) is not None:
        yield _at_most(
            _named("a change of the margin passes ≤ 1.25 %", tally), tally.share(Verdict.PASS), 0.0125
        )


def _power(tallies: Mapping[str, Tally]) -> Iterator[Judged]:
    for name, least in (("+5 %, 30 s", 0.98), ("+3 %, 60 s", 0.95)):
        if (tally := tallies.get(name)) is not None:
            yield _at_least(f"{name}: found ≥ {least * 100:.0f} %", tally.share(Verdict.REGRESSION), least)
    for name in ("+10 %, 60 s", "+10 % of the slowest 15 %, 60 s"):
        if (tally := tallies.get(name)) is not None:
            yield _at_least(f"{name}: p95 (advisory) found ≥ 90 %", tally.tail_regressed, 0.90)
    for name in ("+10 %, 30 s", "+10 %, 60 s"):
        if (tally := tallies.get(name)) is not None:
            load_s = tally.load_s(0.5)
            met = load_s <= 15.0
            yield Judged(
                text=f"{name}: median load until decided ≤ 15 s",
                measured=f"{load_s:.1f} s",
                met=met,
                clearly_missed=not met,
            )


def _coverage(tallies: Mapping[str, Tally]) -> Iterator[Judged]:
    known = [
        (tally, rate)
        for tally in tallies.values()
        for rate in (tally.covered, tally.covered_by_all)
        if rate is not None
    ]
    if not known:
        return
    tally, rate = min(known, key=lambda each: each[1].value)
    yield _at_least(_named("the 99 % interval covers ≥ 98.5 %, worst scenario", tally), rate, 0.985)
    for name in ("A/A, 30 s", "A/A, 60 s"):
        rates = [rate for tally, rate in known if tally.scenario.name == name]
        if rates:
            text = f"{name}: covers ≤ 99.7 % where instances vary as assumed"
            yield _at_most(text, max(rates, key=lambda rate: rate.value), 0.997)


def _analysis(analysis: Analysis | None) -> Iterator[Judged]:
    if analysis is None:
        return
    yield Judged(
        text=f"a million pairs analysed in ≤ {ANALYSIS_S:.0f} s of CPU",
        measured=f"{analysis.cpu_s:.2f} s ({analysis.took_s:.2f} s by the clock)",
        met=analysis.cpu_s <= ANALYSIS_S,
    )
    yield Judged(
        text=f"and in ≤ {ANALYSIS_BYTES / 1e9:.0f} GB",
        measured=f"{analysis.peak_bytes / 1e6:.0f} MB",
        met=analysis.peak_bytes <= ANALYSIS_BYTES,
        clearly_missed=analysis.peak_bytes > ANALYSIS_BYTES,
    )


def judge_histories(counts: Mapping[str, Count]) -> list[Judged]:
    """The bounds of replayed histories, each held against every way to draw the second measurement."""
    return [
        _plain(f"{text} ({mode})", measured(count), bound, at_most=at_most)
        for mode, count in counts.items()
        for text, measured, bound, at_most in _OF_HISTORIES
    ]


_OF_HISTORIES: tuple[tuple[str, Callable[[Count], float], float, bool], ...] = (
    ("false alarms per 100 commits ≤ 0.7", lambda count: count.false_per_100, 0.7, True),
    ("lasting slowdowns alarmed within 6 runs ≥ 50 %", lambda count: 100 * count.recall, 50.0, False),
    ("+20 % found within 3 commits ≥ 77 %", lambda count: 100 * count.found_within(0.20, 3), 77.0, False),
    ("+20 % absorbed ≤ 9 %", lambda count: 100 * count.absorbed_share(0.20), 9.0, True),
    ("+50 % absorbed ≤ 1 %", lambda count: 100 * count.absorbed_share(0.50), 1.0, True),
    ("`pass` where nothing happens ≥ 25 %", lambda count: 100 * count.pass_share, 25.0, False),
)


def _plain(text: str, measured: float, bound: float, *, at_most: bool) -> Judged:
    met = measured <= bound if at_most else measured >= bound
    return Judged(text=text, measured=f"{measured:.2f}", met=met)


def judge_years(tallies: Mapping[Kind, YearTally]) -> list[Judged]:
    """The bounds of years with a known truth, over all that these are of."""
    together, quieter = YearTally(), YearTally()
    for kind, tally in tallies.items():
        if kind.bounded:
            together.add(tally)
        if kind.may_pass:
            quieter.add(tally)
    if not together.commits:
        return []
    found = [
        _at_most("false alarms ≤ 0.7 per 100 commits", together.false_alarm_rate, 0.007),
        _at_most("those of them that no change explains ≤ 0.7", together.for_nothing_rate, 0.007),
    ]
    rates = (
        ("+20 % found within 3 commits ≥ 77 %", together.found_within(0.20, 3), 0.77, _at_least),
        ("+20 % absorbed ≤ 9 %", together.absorbed_rate(0.20), 0.09, _at_most),
        ("+50 % absorbed ≤ 1 %", together.absorbed_rate(0.50), 0.01, _at_most),
        (
            f"`pass` where nothing happens, noise of {PASSING_SD * 100:g} % ≥ 25 %",
            quieter.pass_rate,
            0.25,
            _at_least,
        ),
    )
    return [*found, *(held(text, rate, bound) for text, rate, bound, held in rates if rate is not None)]


def most_passes(sd: float, runs: float) -> float:
    """The share of equal runs that can pass against so many stored ones, if these show the noise as it is.

    The whole interval has to lie within the margin, so with h its half width and m the margin it is
    P(|Z| < (m - h) / (sd sqrt(1 + 1/runs))): 0 where h is the larger one.

    Args:
        sd: of one run, on log scale, nothing of it within the run.
        runs: infinite for a noise that is known.
    """
    config = CompareConfig()
    noise = InForce().run_noise(config, TestType.CONCURRENT, MetricName.RESPONSE_TIME_P50)
    p, spread = (1.0 + config.level) / 2.0, math.sqrt(1.0 + 1.0 / runs)
    if math.isinf(runs):
        half_width = normal_quantile(p) * sd
    else:
        df = noise.df + runs - 1.0
        believed = math.sqrt((noise.df * noise.sd**2 + (runs - 1.0) * sd**2) / df)
        half_width = student_quantile(p, df) * believed * spread
    room = math.log1p(config.unpaired_margin) - half_width
    return max(0.0, 2.0 * normal_cdf(room / (sd * spread)) - 1.0)
