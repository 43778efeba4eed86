"""The history of stored runs as text: a sparkline for each metric, and the places where its level changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from govbench.report import format as fmt
from govbench.results.history import LevelChange, MetricHistory
from govbench.results.metrics import METRICS, Direction

BLOCKS = "▁▂▃▄▅▆▇█"
LONGEST = 40  # a sparkline shows the newest runs
SHORT = 7


def render(histories: Sequence[MetricHistory]) -> str:
    """All of them, under a heading for every plan and machine class; without a final line break."""
    return "\n\n".join(
        "\n".join((*_heading(group), *(line for one in group for line in _lines(one, group))))
        for group in by_plan(histories)
    )


def by_plan(histories: Sequence[MetricHistory]) -> tuple[tuple[MetricHistory, ...], ...]:
    """Those of the same suite, machine class, profile and suite version together, in the order given."""

    def plan(history: MetricHistory) -> tuple[str, ...]:
        return history.suite, history.machine_class, history.profile, history.suite_version

    return tuple(tuple(group) for _, group in groupby(histories, key=plan))


def sparkline(values: Sequence[float]) -> str:
    """One block a value, from the lowest to the highest; where all are equal, of middle height."""
    low, high = min(values), max(values)
    if low == high:
        return BLOCKS[3] * len(values)
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[round((value - low) / (high - low) * top)] for value in values)


def commit_range(change: LevelChange) -> str:
    """Where the change came in, as git takes it: the last commit before it, the first that has it."""
    return f"{change.after_commit[:SHORT]}..{change.commit[:SHORT]}"


def better_or_worse(history: MetricHistory, change: LevelChange) -> str:
    """What the change is to a user."""
    lower = METRICS[history.metric].direction is Direction.LOWER
    return "worse" if (change.change.estimate > 0) == lower else "better"


def title(history: MetricHistory) -> str:
    """The plan and the machine class in one line."""
    plan = f"suite {history.suite} {history.suite_version}, profile {history.profile}"
    return fmt.one_line(f"{plan}, {history.machine_class}")


def marked_points(group: Sequence[MetricHistory]) -> tuple[str, ...]:
    """The anchors and the accepted changes among the runs of a plan, oldest first."""
    points = {point.commit: point for one in group for point in one.points}
    texts = []
    for point in sorted(points.values(), key=lambda point: point.committed_at):
        at = f"{point.commit[:SHORT]} ({point.committed_at[:10]})"
        if point.anchor:
            texts.append(f"anchor {fmt.one_line(point.anchor)} at {at}")
        if point.accepted:
            texts.append(f"accepted at {at}: {fmt.one_line(point.accepted)}")
    return tuple(texts)


def _heading(group: Sequence[MetricHistory]) -> tuple[str, ...]:
    return (title(group[0]), *(f"  {text}" for text in marked_points(group)))


def _lines(history: MetricHistory, group: Sequence[MetricHistory]) -> list[str]:
    width = max(len(_name(one)) for one in group)
    values = [point.metric.value for point in history.points]
    spark = sparkline(values[-LONGEST:])
    first, last = (fmt.metric_value(history.points[at].metric) for at in (0, -1))
    longest = min(LONGEST, max(len(one.points) for one in group))
    runs = f"{len(values)} run{'s' if len(values) > 1 else ''}"
    lines = [f"  {_name(history):<{width}}  {spark:<{longest}}  {first} → {last}, {runs}"]
    lines += [f"      {_change_line(history, change)}" for change in history.changes]
    return lines


def _name(history: MetricHistory) -> str:
    return f"{fmt.test_type_label(history.test_type)}: {fmt.metric_label(history.metric)}"


def _change_line(history: MetricHistory, change: LevelChange) -> str:
    on = history.points[change.index].committed_at[:10]
    word = better_or_worse(history, change)
    return f"{fmt.change(change.change)}, {word}, in {commit_range(change)} ({on})"
