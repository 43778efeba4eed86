"""The types of a verdict: one finding per metric, thresholds, and the whole. ``compare/`` fills them in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Aspect
from govbench.results.run import Distribution, RunSummary


class Verdict(StrEnum):
    """What a comparison says, of one metric or of the whole run."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    IMPROVEMENT = "improvement"
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"
    NO_BASELINE = "no_baseline"
    NOT_COMPARABLE = "not_comparable"
    INVALID = "invalid"


class ThresholdState(StrEnum):
    """Whether an absolute bound was kept."""

    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not_measured"


class Method(StrEnum):
    """How baseline and candidate were set against each other."""

    UNPAIRED = "unpaired"
    PAIRED_ROUNDS = "paired_rounds"
    STORED_WINDOW = "stored_window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How much the candidate differs from the baseline, with its interval.

    A relative change (candidate/baseline - 1; 0.05 is +5 %), or for ``difference`` the plain difference
    of two ratios (0.01 is one percentage point more).
    """

    estimate: float
    low: float
    high: float
    level: float
    difference: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.estimate <= self.high:
            raise ValueError("the estimate must lie within its interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """The smallest change worth acting on: relative, and absolute in the metric's own unit.

    A change counts only where it lies beyond both. Of shares the relative part lowers it near 0.
    """

    relative: float
    absolute: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One thing that clearly moved together with a finding, with its figures: a pointer, not a cause.

    ``which`` names categories, scenarios or the error class, ``metric`` the metric of aspect ``metric``.
    ``baseline`` and ``candidate`` are values in the unit of the aspect, or for a ``difference`` the shares
    of ``baseline_n`` and ``candidate_n`` requests that failed. Of categories and scenarios ``others`` is the
    change of all others together, and ``only`` says that those did not clearly move.
    """

    aspect: Aspect
    baseline: float
    candidate: float
    baseline_n: int
    candidate_n: int
    change: Change
    which: tuple[str, ...] = ()
    metric: MetricName | None = None
    others: Change | None = None
    only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelFinding:
    """The verdict on a metric at one load level; the fields are those of ``Finding``."""

    level: str
    verdict: Verdict
    reason: str
    baseline: Metric | None = None
    candidate: Metric | None = None
    change: Change | None = None
    mde: float | None = None
    p_value: float | None = None
    again: Metric | None = None
    suspect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on one metric of one test type, with what it rests on.

    Of a test type with several load levels it is that of the worst one: ``level`` names it, all figures are
    those at this level, and ``levels`` holds what was found at each of them. ``p_value`` is that of no
    change, corrected for the metrics and levels that share the level of confidence.

    ``explanations`` are there for a regression or an improvement: what moved with it, likeliest first.
    ``accepted`` says who accepted a regression and why: it stays one, and does not fail the run. ``again`` is
    what a second measurement of the same commit said of a flagged metric; ``suspect`` that there was none.
    ``since`` are the commits between which an unaccepted rise of the level lies, as git takes a range.
    """

    test_type: TestType
    metric: MetricName
    verdict: Verdict
    gated: bool
    reason: str
    baseline: Metric | None = None
    candidate: Metric | None = None
    change: Change | None = None
    margin: Margin | None = None
    mde: float | None = None
    explanations: tuple[Explanation, ...] = ()
    accepted: str | None = None
    p_value: float | None = None
    level: str | None = None
    levels: tuple[LevelFinding, ...] = ()
    again: Metric | None = None
    suspect: bool = False
    since: str | None = None

    @property
    def scope(self) -> str:
        """The test type and the level that is named, if one is: ``concurrent at 50 users``."""
        return self.test_type.value if self.level is None else f"{self.test_type} at {self.level}"


# A metric of a test type, over all its levels (None) or at one.
AgainKey = tuple[TestType, MetricName, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredAgain:
    """What a second measurement of the same commit said of a test type, over all its levels or at one."""

    test_type: TestType
    metrics: tuple[Metric, ...]
    level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdResult:
    """An absolute bound on a metric and whether the candidate kept it.

    ``value`` is the worst of the test type, ``n`` of how many requests and ``phase`` in which of its phases.
    A percentile counts the ``failed`` requests as slower than any answer: one that falls on a failure has no
    value though it was measured, and the bound is missed.
    ``demanded``: not measured is no pass. ``default``: nobody set the bound.
    """

    metric: MetricName
    bound: float
    state: ThresholdState
    test_type: TestType | None = None
    value: float | None = None
    source: str | None = None
    n: int | None = None
    failed: int | None = None
    phase: str | None = None
    demanded: bool = False
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the candidate was compared with; ``dirty``: with files that are not those of ``commit``."""

    label: str
    run_ids: tuple[str, ...] = ()
    commit: str | None = None
    dirty: bool | None = None
    machine_class: str | None = None
    distance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseDistribution:
    """The latencies of the baseline in a test type, or at one of its levels, where it is no side of the run.

    ``runs`` is of how many stored runs together; to be shown, nothing is judged by it.
    """

    test_type: TestType
    distribution: Distribution
    runs: int
    level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a metric stood after a round: by ``alone`` that round and by all ``so_far``; None where unknown."""

    alone: Change | None
    so_far: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a gated metric went over the rounds of a paired comparison, a standing for each in their order.

    ``level`` is that of its finding.
    """

    test_type: TestType
    metric: MetricName
    standings: tuple[Standing, ...]
    level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What fresh rounds alone said of a metric, at a level, that a look had flagged.

    It was flagged with ``verdict`` after ``flagged_after`` rounds; ``change``, over ``fresh`` ones, is None
    where these did not measure it.
    """

    test_type: TestType
    metric: MetricName
    verdict: Verdict
    flagged_after: int
    fresh: int
    agrees: bool
    change: Change | None = None
    level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The answer: an overall verdict, why, and every finding behind it.

    ``fault`` is why no verdict may rest on what was measured, whatever its findings say. ``base_failure`` is
    why the base that was asked for could not be measured, where head alone was judged all the same.
    ``courses`` and ``looks``, after how many rounds a verdict was looked for, are there for paired rounds, as
    are ``look_levels``, the level of confidence that each look asked for, ``confirmed``, what became of what
    they flagged, and ``besides``: categories and scenarios that moved though no flagged finding shows it.
    ``again`` is what a second measurement of the same commit said, where one was made for what stored runs
    made suspect. ``elsewhere`` are other machine classes that runs of the suite are stored for, where there
    are none for this one. ``base_distributions`` are those of a baseline that is no side of the run.
    """

    verdict: Verdict
    reason: str
    method: Method
    baseline: Reference | None
    candidate: Reference
    findings: tuple[Finding, ...] = ()
    thresholds: tuple[ThresholdResult, ...] = ()
    notes: tuple[str, ...] = ()
    courses: tuple[Course, ...] = ()
    looks: tuple[int, ...] = ()
    look_levels: tuple[float, ...] = ()
    confirmed: tuple[Confirmed, ...] = ()
    besides: tuple[Explanation, ...] = ()
    fault: str | None = None
    base_failure: str | None = None
    again: tuple[MeasuredAgain, ...] = ()
    elsewhere: tuple[str, ...] = ()
    base_distributions: tuple[BaseDistribution, ...] = ()

    @property
    def again_by_key(self) -> dict[AgainKey, Metric]:
        """The metrics of ``again``."""
        return {(each.test_type, m.name, each.level): m for each in self.again for m in each.metrics}

    @property
    def missed(self) -> tuple[ThresholdResult, ...]:
        """The thresholds that were missed."""
        return tuple(t for t in self.thresholds if t.state is ThresholdState.MISSED)

    @property
    def unmeasured(self) -> tuple[ThresholdResult, ...]:
        """The thresholds that could not be measured, and ought to have been."""
        return tuple(t for t in self.thresholds if t.state is ThresholdState.NOT_MEASURED and t.demanded)

    @property
    def accepted(self) -> tuple[str, ...]:
        """Who accepted the gated regressions, and why; each once."""
        return tuple(dict.fromkeys(f.accepted for f in self.findings if f.gated and f.accepted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One ``results.json``: a run and, where something was there to compare with, the verdict."""

    summary: RunSummary
    comparison: Comparison | None = None
