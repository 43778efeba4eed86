"""What a comparison with stored runs has to tell besides its findings. Decides nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from govbench.compare.history import LevelKey, change_text
from govbench.compare.reference import ReferenceLevel
from govbench.results.baseline import metric_key
from govbench.results.comparison import Finding
from govbench.results.history import MetricHistory
from govbench.results.metrics import METRICS

# From so many stored runs on, the interval is little wider than the noise makes it.
ENOUGH_RUNS = 5
ACCEPT = "Govbench-Accept"


def level_notes(
    histories: Mapping[LevelKey, MetricHistory],
    levels: Mapping[LevelKey, ReferenceLevel],
    findings: Sequence[Finding],
) -> tuple[str, ...]:
    """Which gated metrics were held only against the runs since a change of their level, by its commit."""
    by_commit: dict[str, list[str]] = {}
    for finding, key in ((f, key) for f in findings if f.gated for key in _keys(f) if key in levels):
        first = levels[key].points[0]
        change = next((c for c in histories[key].changes if c.commit == first.commit), None)
        if change is not None:
            runs = len(levels[key].window)
            name = f"{METRICS[finding.metric].label} ({replace(finding, level=key[2]).scope})"
            by_commit.setdefault(change.commit, []).append(
                f"{name} {change_text(change.change)}, {runs} runs"
            )
    return tuple(
        f"Compared with the stored runs since the level changed at {commit[:9]}: {'; '.join(texts)}."
        for commit, texts in by_commit.items()
    )


def accept_notes(findings: Sequence[Finding]) -> tuple[str, ...]:
    """How a person accepts the levels that rose: until then every run is told so."""
    return tuple(
        f"Every run is a regression until {METRICS[f.metric].label} ({f.test_type}) is mended, or accepted in"
        f' the message of a commit: "{ACCEPT}: {metric_key(f.test_type, f.metric)} WHY".'
        for f in findings
        if f.gated and f.since is not None and not f.suspect
    )


def _keys(finding: Finding) -> list[LevelKey]:
    """The metric at each of its load levels, or over all where it is judged so."""
    labels: list[str | None] = [at.level for at in finding.levels]
    labels = labels or [finding.level]
    return [(finding.test_type, finding.metric, label) for label in labels]


def short_note(levels: Mapping[LevelKey, ReferenceLevel], findings: Sequence[Finding]) -> str | None:
    """What a history that is still short cannot see, by the gated metric that sees least; else None."""
    seen = [
        (len(levels[f.test_type, f.metric, f.level].window), f.mde)
        for f in findings
        if f.gated
        and f.mde is not None
        and not METRICS[f.metric].compared_as_difference
        and (f.test_type, f.metric, f.level) in levels
    ]
    if not seen or min(runs for runs, _ in seen) >= ENOUGH_RUNS:
        return None
    runs, mde = min(seen, key=lambda each: (each[0], -each[1]))
    return (
        f"{runs} of {ENOUGH_RUNS} baselines: changes under {math.ceil(100 * mde)} % cannot be seen;"
        " govbench ab can."
    )
