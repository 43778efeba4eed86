"""``govbench demo``: two instances of the embedded API, one of them slowed, compared as ``ab`` compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from govbench.config.settings import Settings
from govbench.errors import Interrupted
from govbench.pipeline.ab.command import Call, ab
from govbench.pipeline.progress import Progress
from govbench.results.comparison import Change, Results, Verdict
from govbench.results.metrics import MetricName

SLOWDOWN = 1.3
BASE = "embedded"
HEAD = f"embedded:slowdown={SLOWDOWN}"
# A change of this size is found and confirmed in half of it; the rest is for a machine busy with other work.
MAX_TIME_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFinished:
    """What the demo came to; ``interrupted`` where a signal ended it early."""

    results: Results
    folder: Path
    interrupted: Interrupted | None = None

    @property
    def measured(self) -> Change | None:
        """By how much head was measured to be slower, in the median; None where that was not measured."""
        comparison = self.results.comparison
        findings = comparison.findings if comparison else ()
        medians = (f.change for f in findings if f.metric is MetricName.RESPONSE_TIME_P50)
        return next(medians, None)

    @property
    def proven(self) -> bool:
        """Whether the verdict is ``regression`` and its interval holds the true factor."""
        comparison, measured = self.results.comparison, self.measured
        regressed = comparison is not None and comparison.verdict is Verdict.REGRESSION
        return regressed and measured is not None and 1 + measured.low <= SLOWDOWN <= 1 + measured.high

    @property
    def sentence(self) -> str:
        """What was found, held against what was done to head."""
        true = f"head was slowed by a factor of {SLOWDOWN:g}"
        if self.measured is None:
            return f"{true}; how much slower it is was not measured"
        low, high = 1 + self.measured.low, 1 + self.measured.high
        holds = "holds" if low <= SLOWDOWN <= high else "does NOT hold"
        verdict = self.results.comparison.verdict if self.results.comparison else None
        return f"{true}; the verdict is {verdict}, and its interval, {low:.3f} to {high:.3f}, {holds} that"


def demo(settings: Settings, *, environ: Mapping[str, str], cwd: Path, progress: Progress) -> DemoFinished:
    """Run the whole story.

    Raises:
        GovbenchError: an instance did not come up, could not be measured, or results not be written.
        Interrupted: a signal ended it before anything was measured.
    """
    progress.step(f"booting the embedded API twice a round: base, and head slowed by {SLOWDOWN:g}")
    shortened = replace(settings, ab=replace(settings.ab, max_time_s=MAX_TIME_S))
    call = Call(base=BASE, head=HEAD, settings=shortened, environ=environ, cwd=cwd, progress=progress)
    finished = ab(call)
    return DemoFinished(results=finished.results, folder=finished.folder, interrupted=finished.interrupted)
