"""From findings at each load level to one finding per metric and test type, that of its worst level. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from govbench.compare.verdict import LEVEL_ORDER, worse_sign
from govbench.config.settings import MetricRule
from govbench.results.comparison import Finding, LevelFinding, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType


def by_metric(findings: Sequence[Finding], rules: Mapping[MetricName, MetricRule]) -> tuple[Finding, ...]:
    """One finding per metric and test type, in the order in which these first come.

    Args:
        findings: one for each level of each metric, the levels in rising order of load.
        rules: of ``[compare.metrics]``; they may say which change is for the worse.
    """
    levels: dict[tuple[TestType, MetricName], list[Finding]] = {}
    for finding in findings:
        levels.setdefault((finding.test_type, finding.metric), []).append(finding)
    return tuple(_joined(found, worse_sign(name, rules.get(name))) for (_, name), found in levels.items())


def _joined(levels: Sequence[Finding], worse: int) -> Finding:
    if len(levels) == 1:
        return levels[0]
    return replace(worst_of(levels, worse), levels=tuple(map(_at_level, levels)))


def worst_of(levels: Sequence[Finding], worse: int) -> Finding:
    """The level that speaks for a metric: of the worst verdict, and of these the one that changed most.

    That is most for the worse, but for improvements, where it is most for the better. Where nothing was
    compared, it is the one with the most load.
    """
    verdict = min((finding.verdict for finding in levels), key=LEVEL_ORDER.index)
    sign = -worse if verdict is Verdict.IMPROVEMENT else worse

    def rank(place: int) -> tuple[float, int]:
        change = levels[place].change
        if change is None:
            return -math.inf, place
        return (change.estimate * sign if sign else abs(change.estimate)), place

    places = (place for place, finding in enumerate(levels) if finding.verdict is verdict)
    return levels[max(places, key=rank)]


def _at_level(finding: Finding) -> LevelFinding:
    assert finding.level is not None
    return LevelFinding(
        level=finding.level,
        verdict=finding.verdict,
        reason=finding.reason,
        baseline=finding.baseline,
        candidate=finding.candidate,
        change=finding.change,
        mde=finding.mde,
        p_value=finding.p_value,
        again=finding.again,
        suspect=finding.suspect,
    )
