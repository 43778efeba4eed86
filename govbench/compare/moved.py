"""What moved besides the metrics: kinds of questions, sizes, error classes, over rounds or between two runs.

Pure. Something has moved where its interval excludes 0 and it lies beyond the margin.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from govbench.compare.effects import Effect
from govbench.compare.rounds import Judging
from govbench.compare.shares import burst_factor, difference, share_difference
from govbench.compare.verdict import change_of
from govbench.results.comparison import Explanation
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Aspect, Circumstance, Round
from govbench.results.run import RunSummary
from govbench.stats import ProportionDifference, combine_rounds, normal_quantile

# A category that was seen in two rounds may owe its change to one of them.
FEWEST_ROUNDS = 3

GROUPED = (Aspect.CATEGORY, Aspect.SCENARIO)
_SIZES = (Aspect.AFTER_FIRST_BYTE, Aspect.RESPONSE_BYTES, Aspect.INPUT_TOKENS)

Key = Aspect | MetricName


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """An explanation before it is ranked: of which kind of metric it speaks, and how sure it is.

    ``of_failures`` marks categories and scenarios by their failures rather than their times.
    ``strength`` is the effect in standard errors. ``level`` is where it moved, None over all levels;
    ``is_named`` tells that the finding of a metric names it.
    """

    test_type: TestType
    explanation: Explanation
    strength: float
    of_failures: bool = False
    level: str | None = None
    is_named: bool = True

    @property
    def key(self) -> Key:
        """What it is ranked by."""
        return self.explanation.metric or self.explanation.aspect


# Over rounds


def moved_in_rounds(rounds: Sequence[Round], judging: Judging) -> tuple[Movement, ...]:
    """The circumstances that clearly moved over these rounds."""
    by_kind: dict[tuple[TestType, Aspect], dict[str, list[Circumstance]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for each in rounds:
        for seen in each.circumstances:
            by_kind[seen.test_type, seen.aspect][seen.which].append(seen)
    found: list[Movement] = []
    for (test_type, aspect), kinds in by_kind.items():
        if aspect in GROUPED:
            found += _groups(test_type, aspect, kinds, judging, _Times(judging))
            found += _groups(test_type, aspect, kinds, judging, _Failures(judging))
        elif aspect in _SIZES:
            found += _size(test_type, aspect, kinds[""], judging)
    return (*found, *_error_classes(rounds, by_kind, judging.config.level))


def _size(
    test_type: TestType, aspect: Aspect, seen: Sequence[Circumstance], judging: Judging
) -> list[Movement]:
    times = _Times(judging)
    effect = times.effect(seen)
    if effect is None or not _is_clear(effect, _margin(aspect, seen, judging)):
        return []
    return [_movement(test_type, aspect, (), times, seen, effect)]


def _margin(aspect: Aspect, seen: Sequence[Circumstance], judging: Judging) -> float:
    """On log scale; of times there is an absolute margin as well, as of every latency."""
    relative = judging.config.paired_margin
    if aspect in {*GROUPED, Aspect.AFTER_FIRST_BYTE}:
        middle = _geometric_mean([v for c in seen for v in (c.base, c.head) if v is not None])
        relative = max(relative, judging.config.absolute_margin_ms / middle)
    return math.log1p(relative)


def _is_clear(effect: Effect, margin: float) -> bool:
    return not effect.interval.contains(0.0) and abs(effect.effect) > margin


class _Times:
    """Groups of requests held against each other by their paired response times, or other paired values."""

    of_failures = False

    def __init__(self, judging: Judging) -> None:
        self._judging = judging

    def effect(self, seen: Sequence[Circumstance]) -> Effect | None:
        """Over the rounds in which there were pairs enough; None where these are too few."""
        known = [(c.effect, c.standard_error) for c in seen]
        pairs = [(effect, se) for effect, se in known if effect is not None and se is not None]
        if len(pairs) < FEWEST_ROUNDS:
            return None
        judging = self._judging
        return combine_rounds(
            [effect for effect, _ in pairs],
            [se for _, se in pairs],
            instance_sd=judging.instance_sd_default,
            level=judging.config.level,
            restarted=judging.restarted,
        )

    def together(self, groups: Iterable[Sequence[Circumstance]]) -> Effect | None:
        """Several groups as one: the mean of their effects, each counting by its requests."""
        found = [(effect, sum(c.base_n for c in seen)) for seen in groups if (effect := self.effect(seen))]
        total = sum(n for _, n in found)
        if not total:
            return None
        weights = [(effect, n / total) for effect, n in found]
        judging = self._judging
        return combine_rounds(
            [sum(effect.effect * weight for effect, weight in weights)],
            [math.sqrt(sum((effect.total_se * weight) ** 2 for effect, weight in weights))],
            instance_sd=0.0,
            level=judging.config.level,
        )

    def margin(self, aspect: Aspect, seen: Sequence[Circumstance]) -> float:
        """What a change has to exceed."""
        return _margin(aspect, seen, self._judging)

    def values(self, seen: Sequence[Circumstance]) -> tuple[float, float]:
        """Of base and head, the geometric means over the rounds."""
        base = [c.base for c in seen if c.base is not None]
        head = [c.head for c in seen if c.head is not None]
        return _geometric_mean(base), _geometric_mean(head)


class _Failures:
    """Groups of requests held against each other by how many of them failed."""

    of_failures = True

    def __init__(self, judging: Judging) -> None:
        self._level = judging.config.level

    def effect(self, seen: Sequence[Circumstance]) -> Effect | None:
        """The difference of the shares that failed; None where none did."""
        if not any(c.base_failed or c.head_failed for c in seen):
            return None
        return _failed_difference(seen, self._level)

    def together(self, groups: Iterable[Sequence[Circumstance]]) -> Effect | None:
        """Several groups as one: all their requests."""
        seen = [c for group in groups for c in group]
        return _failed_difference(seen, self._level) if seen else None

    def margin(self, _aspect: Aspect, _seen: Sequence[Circumstance]) -> float:
        """None beyond the interval: it is the error rate itself that has one."""
        return 0.0

    def values(self, seen: Sequence[Circumstance]) -> tuple[float, float]:
        """The shares that failed."""
        base_n, head_n = sum(c.base_n for c in seen), sum(c.head_n for c in seen)
        return sum(c.base_failed for c in seen) / base_n, sum(c.head_failed for c in seen) / head_n


def _groups(
    test_type: TestType,
    aspect: Aspect,
    kinds: Mapping[str, Sequence[Circumstance]],
    judging: Judging,
    measure: _Times | _Failures,
) -> list[Movement]:
    """The categories, or scenarios, that moved more than all others: one explanation, or none."""
    # Every group gets its chance to stand apart, so all of them share the level (Bonferroni).
    reach = normal_quantile(1.0 - (1.0 - judging.config.level) / (2.0 * len(kinds)))
    named: list[str] = []
    while (which := _farthest(aspect, kinds, named, measure, reach)) is not None:
        named.append(which)
    together = measure.together([kinds[which] for which in named])
    rest = measure.together([seen for which, seen in kinds.items() if which not in named])
    if together is None or rest is None:
        return []
    mine = [c for which in named for c in kinds[which]]
    found = _movement(test_type, aspect, tuple(named), measure, mine, together)
    rest_seen = [c for which, seen in kinds.items() if which not in named for c in seen]
    only = not _is_clear(rest, measure.margin(aspect, rest_seen))
    explanation = replace(found.explanation, others=change_of(rest), only=only)
    return [replace(found, explanation=explanation)]


def _farthest(
    aspect: Aspect,
    kinds: Mapping[str, Sequence[Circumstance]],
    named: Sequence[str],
    measure: _Times | _Failures,
    reach: float,
) -> str | None:
    """Of the groups not yet named the one that moved farthest beyond the others; None where none did.

    One at a time, for a group that moved far also moves what the others are held against.
    """
    left = {which: seen for which, seen in kinds.items() if which not in named}
    found: list[tuple[float, str]] = []
    for which, seen in left.items():
        effect = measure.effect(seen)
        others = measure.together([each for other, each in left.items() if other != which])
        if effect is None or others is None or not _is_clear(effect, measure.margin(aspect, seen)):
            continue
        ahead = math.copysign(1.0, effect.effect) * (effect.effect - others.effect)
        found.append((ahead / math.hypot(effect.total_se, others.total_se), which))
    distance, which = max(found, default=(0.0, ""))
    return which if distance > reach else None


def _movement(
    test_type: TestType,
    aspect: Aspect,
    which: tuple[str, ...],
    measure: _Times | _Failures,
    seen: Sequence[Circumstance],
    effect: Effect,
) -> Movement:
    base, head = measure.values(seen)
    return Movement(
        test_type=test_type,
        explanation=Explanation(
            aspect=aspect,
            which=which,
            baseline=base,
            candidate=head,
            baseline_n=sum(c.base_n for c in seen),
            candidate_n=sum(c.head_n for c in seen),
            change=change_of(effect),
        ),
        strength=abs(effect.effect) / effect.total_se if effect.total_se else math.inf,
        of_failures=measure.of_failures,
    )


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


# Error classes


def _error_classes(
    rounds: Sequence[Round],
    by_kind: Mapping[tuple[TestType, Aspect], Mapping[str, Sequence[Circumstance]]],
    level: float,
) -> list[Movement]:
    """Classes of errors that became more or less frequent; rounds without one of them count as well."""
    found = []
    for (test_type, aspect), classes in by_kind.items():
        if aspect is not Aspect.ERROR_CLASS:
            continue
        for which in classes:
            seen = [s for each in rounds if (s := _of_class(each, test_type, which)) is not None]
            effect = _failed_difference(seen, level)
            counts = [
                (sum(c.base_failed for c in seen), sum(c.base_n for c in seen)),
                (sum(c.head_failed for c in seen), sum(c.head_n for c in seen)),
            ]
            found += _error_class(test_type, which, counts, effect)
    return found


def _of_class(each: Round, test_type: TestType, which: str) -> Circumstance | None:
    """A round's count of an error class; where it has none, none of its requests ended so."""
    for seen in each.circumstances:
        if (seen.test_type, seen.aspect, seen.which) == (test_type, Aspect.ERROR_CLASS, which):
            return seen
    rate = each.find(test_type, MetricName.ERROR_RATE)
    if rate is None or not (rate.base_n and rate.head_n):
        return None
    return Circumstance(
        test_type=test_type,
        aspect=Aspect.ERROR_CLASS,
        which=which,
        base_n=rate.base_n,
        head_n=rate.head_n,
    )


def _failed_difference(seen: Sequence[Circumstance], level: float) -> ProportionDifference:
    base = [(c.base_failed / c.base_n, c.base_n) for c in seen]
    head = [(c.head_failed / c.head_n, c.head_n) for c in seen]
    return share_difference(base, head, level)


def _error_class(
    test_type: TestType, which: str, counts: Sequence[tuple[int, int]], effect: ProportionDifference
) -> list[Movement]:
    if not _is_clear(effect, 0.0):
        return []
    (base_failed, base_n), (head_failed, head_n) = counts
    explanation = Explanation(
        aspect=Aspect.ERROR_CLASS,
        which=(which,),
        baseline=base_failed / base_n,
        candidate=head_failed / head_n,
        baseline_n=base_n,
        candidate_n=head_n,
        change=change_of(effect),
    )
    strength = abs(effect.effect) / effect.total_se
    return [Movement(test_type=test_type, explanation=explanation, strength=strength)]


def moved_between_runs(
    baseline: RunSummary, candidate: RunSummary, *, side: int, level: float
) -> tuple[Movement, ...]:
    """Error classes of the first side of one run against ``side`` of another, or of the same one."""
    found: list[Movement] = []
    for test_type in TestType:
        old, new = _classes(baseline, test_type, 0), _classes(candidate, test_type, side)
        if not (old.n and new.n):
            continue
        for which in sorted(old.failed.keys() | new.failed.keys()):
            counts = [(each.failed.get(which, 0), each.n) for each in (old, new)]
            sides = [([failed], [n]) for failed, n in counts]
            effect = difference(sides, [max(old.bursts, new.bursts)] * 2, level)
            found += _error_class(test_type, which, counts, effect)
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Classes:
    """How many requests finished, how many failed by class, and the design effect of their bursts."""

    n: int
    failed: Mapping[str, int]
    bursts: float


def _classes(summary: RunSummary, test_type: TestType, side: int) -> _Classes:
    failed: dict[str, int] = defaultdict(int)
    n, bursts = 0, 1.0
    for result in summary.phases:
        if result.side == side and result.phase.test_type is test_type:
            n += result.accounting.ok + result.accounting.failed
            for outcome, count in result.accounting.errors.items():
                failed[outcome.value] += count
            share = result.metric(MetricName.ERROR_RATE)
            bursts = max(bursts, burst_factor(share)) if share else bursts
    return _Classes(n=n, failed=failed, bursts=bursts)
