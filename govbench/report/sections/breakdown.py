"""What each level is made of: its response times in full, by request, category and scenario, part by part.

Nothing is pooled over levels. Where all of them would make too long a table, the most loaded level of each
test type stands for the others; results.json holds all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name
from govbench.report.document import Cell, Column, Section, Table, Tone
from govbench.report.phrases import value_and_interval
from govbench.report.sections import counted
from govbench.report.sections.tables import AnyCell, cell
from govbench.report.words import ERROR_CLASSES
from govbench.results.breakdown import PERCENTILES, Breakdown, Group, Groups, Part, PartOfTime, Spread, Tokens
from govbench.results.comparison import Results
from govbench.results.levels import level_labels, most_loaded
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.run import Ending, Outcome, PhaseResult, RunSummary
from govbench.stats import needed

# A longer table is read by nobody, and a page is to stay small.
MOST_ROWS = 60
FEWEST_GROUPS = 5

_PARTS = {
    Part.DELAY: "before sending",
    Part.LOOK_UP: "look-up",
    Part.CONNECT: "connect",
    Part.TLS: "TLS",
    Part.UPLOAD: "upload",
    Part.WAIT: "wait",
    Part.TRANSFER: "transfer",
}
_INTERVALS = {
    0.50: MetricName.RESPONSE_TIME_P50,
    0.95: MetricName.RESPONSE_TIME_P95,
    0.99: MetricName.RESPONSE_TIME_P99,
}
_PRIORITIES = {0.50: 0, 0.90: 3, 0.95: 0, 0.99: 1, 0.999: 4}
_OF_TIMES = "Times of successful requests, from when they were due."
_OF_MOST_LOADED = "Of each test type its most loaded level; results.json has all."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """A phase on one side, and what its load is called."""

    load: str
    side: str
    result: PhaseResult

    @property
    def test_type(self) -> TestType:
        return self.result.phase.test_type

    @property
    def parts(self) -> Breakdown:
        return self.result.breakdown or Breakdown(response_time=Spread(n=0))


_Row = tuple[_Level, Iterable[AnyCell], Iterable[AnyCell]]  # what stands before its load, and after


def _number(head: str, priority: int = 0) -> Column:
    return Column(head=head, right=True, priority=priority)


_SPREAD = (
    _number("min", 3),
    _number("mean", 3),
    *(_number(f"p{q * 100:g}", _PRIORITIES[q]) for q in PERCENTILES.values()),
    _number("max", 2),
)


# Response times in full


def response_times(results: Results) -> Section | None:
    """A row for each level and side: from the fastest answer to the slowest, all percentiles between."""
    levels, said = _few(_levels(results.summary))
    if not levels:
        return None
    found = _table(
        (
            (at, (), (fmt.count(at.parts.response_time.n), *_spread(at.parts.response_time, at)))
            for at in levels
        ),
        after=(_number("succeeded", 2), *_SPREAD),
        caption=f"{_OF_TIMES}{said}",
    )
    return Section(key="spread", title="Response times in full", rank=5, blocks=(found,), folded=True)


def _spread(times: Spread, of: _Level | None = None) -> Iterator[AnyCell]:
    """The cells of a spread; of a whole level, its percentiles have their intervals where there are some."""
    if not times.n:
        yield from [Cell(text="-", tone=Tone.QUIET)] * len(_SPREAD)
        return
    yield fmt.duration_ms(times.min_ms)
    yield fmt.duration_ms(times.mean_ms)
    for q, value_ms in times.percentiles.items():
        if value_ms is None:
            yield _too_few(q)
        else:
            metric = of.result.metric(_INTERVALS[q]) if of is not None and q in _INTERVALS else None
            yield Cell(text=fmt.duration_ms(value_ms), note=value_and_interval(metric)[1])
    yield fmt.duration_ms(times.max_ms)


# By what requests have in common


def by_name(results: Results) -> Section | None:
    """A row for each request of a level by its name, where there are several."""
    return _grouped(results, "names", "By request", "request", lambda parts: parts.names, folded=False)


def by_category(results: Results) -> Section | None:
    """A row for each category of questions of a level, where there are several."""
    return _grouped(
        results, "categories", "By category of question", "category", lambda parts: parts.categories
    )


def by_scenario(results: Results) -> Section | None:
    """A row for each scenario of a level, where there are several."""
    return _grouped(results, "scenarios", "By scenario", "scenario", lambda parts: parts.scenarios)


_GroupsOf = Callable[[Breakdown], Groups]


def _grouped(
    results: Results, key: str, title: str, head: str, groups_of: _GroupsOf, *, folded: bool = True
) -> Section | None:
    levels = _levels(results.summary)
    if all(len(groups_of(at.parts).largest) < 2 for at in levels):
        return None
    rows, captions = list(_by_name(levels, groups_of)), [_OF_TIMES]
    if len(rows) > MOST_ROWS:
        levels = _of_most_loaded(levels)
        rows = list(_by_name(levels, groups_of))
        captions.append(_OF_MOST_LOADED)
    if len(rows) > MOST_ROWS:
        rows = list(_by_name(levels, groups_of, most=max(FEWEST_GROUPS, MOST_ROWS // len(levels))))
    left_out = _left_out(levels, rows, groups_of)
    if left_out:
        captions.append(f"Those of most requests; up to {fmt.count(left_out)} more of a level left out.")
    found = _table(
        (
            (at, (fmt.one_line(each.name),), (fmt.count(each.times.n), _failed(each), *_spread(each.times)))
            for at, each in rows
        ),
        before=(Column(head=head),),
        after=(_number("succeeded", 2), _number("failed"), *_SPREAD),
        caption=" ".join(captions),
    )
    return Section(key=key, title=title, rank=4 if folded else 3, blocks=(found,), folded=folded)


def _by_name(
    levels: Sequence[_Level], groups_of: _GroupsOf, most: int | None = None
) -> Iterator[tuple[_Level, Group]]:
    """The groups of each level, largest first, the sides of one under each other."""
    for phase in dict.fromkeys(at.result.phase for at in levels):
        sides = [at for at in levels if at.result.phase == phase]
        of_side = [{group.name: group for group in groups_of(at.parts).largest} for at in sides]
        names = list(dict.fromkeys(name for groups in of_side for name in groups))
        for name in names[:most]:
            yield from (
                (at, groups[name]) for at, groups in zip(sides, of_side, strict=True) if name in groups
            )


def _left_out(levels: Sequence[_Level], rows: Sequence[tuple[_Level, Group]], groups_of: _GroupsOf) -> int:
    """Of the level and side that misses most groups, how many."""
    return max(
        len(groups_of(at.parts).largest) + groups_of(at.parts).left_out - sum(of is at for of, _ in rows)
        for at in levels
    )


def _failed(group: Group) -> AnyCell:
    if not group.failed:
        return fmt.count(0)
    share = fmt.percent(group.failed / group.finished)
    return Cell(text=fmt.count(group.failed), note=share, tone=Tone.BAD)


# How requests ended


def endings(results: Results) -> Section | None:
    """Status codes and kinds of failures of each level, with what the first of a kind said.

    Where nothing failed that counts, but something did in warm-up or in an older file, only how much.
    """
    ends = [(at, end) for at in _all_levels(results.summary) for end in at.result.endings]
    failed = [(at, end) for at, end in ends if _is_failure(end)]
    if not failed and (in_warm_up := counted.failures(results)):
        return in_warm_up
    if not failed and len({end.status for _, end in ends if end.outcome is Outcome.OK}) < 2:
        return None
    if len(ends) > MOST_ROWS:  # of levels at which nothing failed there is little to say
        troubled = {id(at) for at, _ in failed} or {id(at) for at, _ in ends}
        ends = [(at, end) for at, end in ends if id(at) in troubled]
    captions = ["Of the requests due in the steady time; the words are those of the first that ended so."]
    if len(ends) > MOST_ROWS:
        captions.append(f"{fmt.count(len(ends) - MOST_ROWS)} more rows are in results.json.")
    found = _table(
        ((at, (), _ending(at, end)) for at, end in ends[:MOST_ROWS]),
        after=(
            Column(head="status"), Column(head="ended"), _number("requests"), _number("share", 1),
            Column(head="what the first said"),
        ),
        caption=" ".join(captions),
    )  # fmt: skip
    return Section(
        key="endings",
        title="Status codes and errors",
        rank=1 if failed else 5,
        blocks=(found,),
        folded=not failed,
    )


def _ending(at: _Level, end: Ending) -> tuple[AnyCell, ...]:
    total = sum(each.count for each in at.result.endings)
    tone = Tone.BAD if _is_failure(end) else Tone.PLAIN
    return (
        "none" if end.status is None else str(end.status),
        end.outcome.value,
        Cell(text=fmt.count(end.count), tone=tone),
        fmt.percent(end.count / total),
        ERROR_CLASSES.get(end.outcome, "") if end.example is None else fmt.one_line(end.example),
    )


def _is_failure(end: Ending) -> bool:
    return end.outcome not in {Outcome.OK, Outcome.CANCELLED}


# Where the time went


def where_time_goes(results: Results) -> Section | None:
    """The parts of the response time of each level: what the network took, and what the target."""
    levels, said = _few(_levels(results.summary))
    shown = [part for part in Part if any(_takes_time(each) for at in levels for each in _of(at, part))]
    if not {Part.WAIT, Part.TRANSFER} & set(shown):
        return None
    found = _table(
        ((at, (), [_part(at, part) for part in shown]) for at in levels),
        after=[_number(_PARTS[part]) for part in shown],
        caption=(
            "Medians of successful requests. Look-up, connect and TLS are of those that opened a connection;"
            f" wait is up to the first byte of the answer, the way to the target and back included.{said}"
        ),
    )
    return Section(key="parts", title="Where the time goes", rank=4, blocks=(found,), folded=True)


def _of(at: _Level, part: Part) -> list[PartOfTime]:
    return [each for each in at.parts.parts if each.part is part]


def _takes_time(part: PartOfTime) -> bool:
    return bool(part.times.max_ms)


def _part(at: _Level, part: Part) -> AnyCell:
    """The median and p95 of a part; of too few the mean, and of how many."""
    times = next((each.times for each in _of(at, part)), None)
    if times is None:
        return Cell(text="none", tone=Tone.QUIET)
    of = "" if times.n == at.parts.response_time.n else f"n {fmt.count(times.n)}"
    if times.p50_ms is None:
        return Cell(text=fmt.duration_ms(times.mean_ms), note=f"mean, n {fmt.count(times.n)}")
    p95 = "" if times.p95_ms is None else f"p95 {fmt.duration_ms(times.p95_ms)}"
    return Cell(text=fmt.duration_ms(times.p50_ms), note=", ".join(filter(None, (p95, of))))


# Tokens and attempts


def tokens(results: Results) -> Section | None:
    """Tokens of the run and of each level, in and out apart; what no answer reported is never a 0."""
    levels, whole = _levels(results.summary), counted.tokens(results)
    rows = list(_by_kind(levels))
    if whole is None or not rows:
        return whole
    captions = ["Of each level, without controls; median and p95 are of an answer."]
    if len(rows) > MOST_ROWS:
        rows = list(_by_kind(_of_most_loaded(levels)))
        captions.append(_OF_MOST_LOADED)
    found = _table(
        ((at, (), (kind, *_tokens(reported))) for at, kind, reported in rows),
        after=(
            Column(head="tokens"), _number("answers", 1), _number("in all"), _number("median"),
            _number("p95", 1),
        ),
        caption=" ".join(captions),
    )  # fmt: skip
    return replace(whole, blocks=(*whole.blocks, found))


def _by_kind(levels: Sequence[_Level]) -> Iterator[tuple[_Level, str, Tokens | None]]:
    """Input and output wherever one of them is known at all, and what was read from a cache."""
    for at in levels:
        parts = at.parts
        if parts.input_tokens or parts.output_tokens:
            yield at, "input", parts.input_tokens
            yield at, "output", parts.output_tokens
        if parts.cached_tokens:
            yield at, "input, cached", parts.cached_tokens


def _tokens(reported: Tokens | None) -> Iterator[AnyCell]:
    unknown = Cell(text=fmt.NOT_MEASURED, tone=Tone.QUIET)
    if reported is None:
        yield from (Cell(text=fmt.count(0), tone=Tone.QUIET), unknown, unknown, unknown)
        return
    yield fmt.count(reported.n)
    yield fmt.count(reported.total)
    for q, value in ((0.5, reported.p50), (0.95, reported.p95)):
        yield _too_few(q) if value is None else fmt.number(value)


def attempts(results: Results) -> Section | None:
    """How many requests succeeded at first, and what trying again was good for; where it was on."""
    levels = [at for at in _levels(results.summary) if at.parts.attempts is not None]
    if not levels:
        return None
    found = _table(
        ((at, (), _attempts(at)) for at in levels),
        after=(
            _number("asked"),
            _number("succeeded at first"),
            _number("retries"),
            _number("these succeeded"),
        ),
        caption="First attempts that finished, and what was sent again because they failed.",
    )
    return Section(key="attempts", title="First attempts and retries", rank=3, blocks=(found,))


def _attempts(at: _Level) -> Iterator[AnyCell]:
    found = at.parts.attempts
    assert found is not None
    for succeeded, of in ((found.ok_at_first, found.asked), (found.ok_after, found.retries)):
        yield fmt.count(of)
        yield Cell(text=fmt.count(succeeded), note=fmt.percent(succeeded / of) if of else "")


# Levels and their tables


def _levels(summary: RunSummary) -> list[_Level]:
    """The levels that were taken apart, on each side, in their order."""
    return [at for at in _all_levels(summary) if at.result.breakdown is not None]


def _all_levels(summary: RunSummary) -> list[_Level]:
    sides = side_count(summary)
    phases = list(dict.fromkeys(result.phase for result in summary.phases))
    loads = dict(zip(phases, level_labels(phases), strict=True))
    return [
        _Level(load=loads[result.phase], side=side_name(result.side, sides), result=result)
        for result in summary.phases
    ]


def _few(levels: list[_Level]) -> tuple[list[_Level], str]:
    """As many levels as make a table that is read, and a sentence on those that are not there."""
    return (levels, "") if len(levels) <= MOST_ROWS else (_of_most_loaded(levels), f" {_OF_MOST_LOADED}")


def _of_most_loaded(levels: Sequence[_Level]) -> list[_Level]:
    """Of each test type the level of most users, or the highest rate, on each side."""
    types = dict.fromkeys(at.test_type for at in levels)
    chosen = {(each, most_loaded(at.load for at in levels if at.test_type is each)) for each in types}
    return [at for at in levels if (at.test_type, at.load) in chosen]


def _table(
    rows: Iterable[_Row], *, after: Sequence[Column], caption: str, before: Sequence[Column] = ()
) -> Table:
    """A table whose rows say of which level and side they are, where there are several."""
    rows = list(rows)
    has_types = len({at.test_type for at, _, _ in rows}) > 1
    has_sides = len({at.side for at, _, _ in rows}) > 1
    types = (Column(head="test type", priority=1),) if has_types else ()
    sides = (Column(head="side"),) if has_sides else ()

    def cells(at: _Level, first: Iterable[AnyCell], last: Iterable[AnyCell]) -> tuple[Cell, ...]:
        of_type = (fmt.test_type_label(at.test_type),) if has_types else ()
        of_side = (at.side,) if has_sides else ()
        return tuple(map(cell, (*first, *of_type, fmt.level_words(at.load), *of_side, *last)))

    return Table(
        columns=(*before, *types, Column(head="load"), *sides, *after),
        rows=tuple(cells(*row) for row in rows),
        caption=caption,
    )


def _too_few(q: float) -> Cell:
    return Cell(text=f"needs {fmt.count(needed(q))}", tone=Tone.QUIET)
