"""A run against the last release: a slow drift moves the window along, and an anchor stays. Fails nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from govbench.compare.effects import window_effect
from govbench.compare.history import change_text
from govbench.compare.verdict import change_of, decide, margin_of
from govbench.config.settings import CompareConfig
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Change, Finding, Margin, Verdict
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType
from govbench.stats import RunNoise

# Of a metric at a load level, or over all (None).
NoiseOf = Callable[[TestType, MetricName, str | None], RunNoise]


def anchor_note(
    anchor: BaselineEntry, findings: Sequence[Finding], config: CompareConfig, noise_of: NoiseOf
) -> str | None:
    """Which gated metrics lie beyond their margin from an anchor, without doubt; None where none does.

    Judged as two runs measured apart are, each metric for itself, by the noise that the verdicts rest on.
    """
    parts = []
    for finding in findings:
        for level in finding.levels or (finding,):
            old = _stored(anchor, finding, level.level)
            if not finding.gated or old is None or level.candidate is None:
                continue
            noise = noise_of(finding.test_type, finding.metric, level.level)
            change = _beyond(old, level.candidate, finding.margin, config, noise)
            if change is not None:
                name = replace(finding, level=level.level).scope
                parts.append(f"{METRICS[finding.metric].label} ({name}) {change_text(change)}")
    if not parts:
        return None
    return f"Against anchor {anchor.anchor} ({anchor.commit[:9]}), beyond the margin: {'; '.join(parts)}."


def _stored(anchor: BaselineEntry, finding: Finding, level: str | None) -> Metric | None:
    """The metric of an anchor at the level of a finding; None where it was stored without its levels."""
    result = anchor.test_type(finding.test_type)
    at = result if result is None or level is None else result.at_level(level)
    return at.metric(finding.metric) if at else None


def _beyond(
    old: Metric, new: Metric, margin: Margin | None, config: CompareConfig, noise: RunNoise
) -> Change | None:
    if margin is None or min(old.n, new.n) < config.min_samples:
        return None
    effect = window_effect([old], new, noise=noise, level=config.level)
    if effect is None:
        return None
    limit = margin_of(effect, margin, (old.value, new.value))
    significant = not effect.interval.contains(0.0)
    verdict = decide(effect, 0, limit, significant=significant)
    return change_of(effect) if verdict is Verdict.REGRESSION else None
