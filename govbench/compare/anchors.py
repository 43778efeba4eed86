"""A run against the last release: a slow drift moves the window along, and an anchor stays. Fails nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from govbench.compare.effects import unpaired_effect
from govbench.compare.history import change_text
from govbench.compare.verdict import change_of, decide, margin_of
from govbench.config.settings import CompareConfig
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Change, Finding, Margin, Verdict
from govbench.results.metrics import METRICS, Metric


def anchor_note(anchor: BaselineEntry, findings: Sequence[Finding], config: CompareConfig) -> str | None:
    """Which gated metrics lie beyond their margin from an anchor, without doubt; None where none does.

    Judged as two runs measured apart are, each metric for itself.
    """
    parts = []
    for finding in findings:
        for level in finding.levels or (finding,):
            old = _stored(anchor, finding, level.level)
            change = _beyond(old, level.candidate, finding.margin, config) if finding.gated else None
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
    old: Metric | None, new: Metric | None, margin: Margin | None, config: CompareConfig
) -> Change | None:
    if old is None or new is None or margin is None or min(old.n, new.n) < config.min_samples:
        return None
    effect = unpaired_effect(old, new, noise_sd=config.between_run_sd, level=config.level)
    if effect is None:
        return None
    limit = margin_of(effect, margin, (old.value, new.value))
    significant = not effect.interval.contains(0.0)
    verdict = decide(effect, 0, limit, significant=significant)
    return change_of(effect) if verdict is Verdict.REGRESSION else None
