"""The one chart that GitHub draws in a comment: p50 by load, in mermaid. Judges nothing."""

from __future__ import annotations

from govbench.report import blocks as ink
from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name
from govbench.report.document import Chart
from govbench.report.sections.tables import table
from govbench.results.comparison import Results
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary

BAR_WIDTH = 36
_FEWEST = 2


def levels_chart(results: Results) -> Chart | None:
    """The p50 of the test type with the most levels by users, a line per side; None below two levels."""
    summary = results.summary
    by_type = {
        test_type: p50_by_users(summary, test_type)
        for test_type in dict.fromkeys(p.phase.test_type for p in summary.phases)
    }
    test_type, levels = max(by_type.items(), key=lambda item: len(item[1]), default=(None, ()))
    if test_type is None or len(levels) < _FEWEST:
        return None
    sides = side_count(summary)
    names = [side_name(side, sides) for side in range(sides)]
    title = f"p50 of {fmt.test_type_label(test_type)} by users"
    return Chart(
        key="p50-by-users",
        title=title,
        caption="Blue: base, red: head." if sides > 1 else "",
        lines=_bars(levels, names),
        mermaid=_mermaid(title, levels),
        table=table(
            ("users", *names),
            ([fmt.count(users), *map(fmt.duration_ms, p50s)] for users, p50s in levels),
            right=range(1 + sides),
        ),
    )


def p50_by_users(
    summary: RunSummary, test_type: TestType
) -> tuple[tuple[int, tuple[float | None, ...]], ...]:
    """Median response time in ms of each side by number of users, rising; of closed loops.

    Where several phases have the same number of users, the one with the most requests stands.
    """
    found: dict[int, dict[int, Metric]] = {}
    for result in summary.phases:
        phase = result.phase
        if phase.test_type is not test_type or phase.users is None:
            continue
        metric = result.metric(MetricName.RESPONSE_TIME_P50)
        level = found.setdefault(phase.users, {})
        if metric is not None and (result.side not in level or metric.n > level[result.side].n):
            level[result.side] = metric
    sides = range(side_count(summary))
    return tuple(
        (users, tuple(level[s].value if s in level else None for s in sides))
        for users, level in sorted(found.items())
    )


def _bars(levels: tuple[tuple[int, tuple[float | None, ...]], ...], names: list[str]) -> tuple[str, ...]:
    largest = max((p50 for _, p50s in levels for p50 in p50s if p50 is not None), default=0.0)
    if largest <= 0:
        return ()
    return tuple(
        f"{fmt.count(users) if side == 0 else '':>6} {names[side]:<6} "
        + ("" if p50 is None else f"{ink.bar(p50, largest, BAR_WIDTH)} ")
        + fmt.duration_ms(p50)
        for users, p50s in levels
        for side, p50 in enumerate(p50s)
    )


def _mermaid(title: str, levels: tuple[tuple[int, tuple[float | None, ...]], ...]) -> str:
    """The chart's source. A line has no gaps, so a level counts only where every side was measured."""
    whole = [(users, [p50 for p50 in p50s if p50 is not None]) for users, p50s in levels if None not in p50s]
    if len(whole) < _FEWEST:
        return ""
    largest = max(p50 for _, p50s in whole for p50 in p50s)
    lines = [
        f"    line [{', '.join(fmt.number(p50) for p50 in side)}]"
        for side in zip(*(p50s for _, p50s in whole), strict=True)
    ]
    return "\n".join(
        [
            '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#4477aa, #cc6677"}}}}%%',
            "xychart-beta",
            f'    title "{title}"',
            f'    x-axis "users" [{", ".join(str(users) for users, _ in whole)}]',
            f'    y-axis "ms" 0 --> {fmt.number(largest * 1.1)}',
            *lines,
        ]
    )
