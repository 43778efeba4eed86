"""``govbench demo``: two instances of the embedded API, one slowed, measured in turns and compared."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from govbench.compare.compare import compare_slices
from govbench.config.profiles import build_paired_phases
from govbench.config.requests import build_sides
from govbench.config.settings import Settings
from govbench.config.targets import EmbeddedSwitches, EmbeddedTarget
from govbench.pipeline.documents import write_documents
from govbench.pipeline.folder import kept_unless_empty, make_run_folder, new_run_id, point_latest
from govbench.pipeline.interrupt import Stopper
from govbench.pipeline.measure import Measurement, measure
from govbench.pipeline.progress import Progress
from govbench.pipeline.run import build_plan, described
from govbench.results.comparison import Change, Comparison, Results, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary
from govbench.stack.boot import boot
from govbench.stack.embedded import own_median_ms
from govbench.stack.running import RunningStack

SLOWDOWN = 1.3
SIDES = ("base", "head")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the two instances report of themselves for a test type, against what was measured."""

    test_type: TestType
    true_change: float
    measured: Change | None

    @property
    def held(self) -> bool:
        """Whether the interval of the measurement holds the truth."""
        return self.measured is not None and self.measured.low <= self.true_change <= self.measured.high


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFinished:
    """What the demo came to."""

    results: Results
    truths: tuple[Truth, ...]
    folder: Path

    @property
    def proven(self) -> bool:
        """Whether the verdict is ``regression`` and every interval holds the true factor."""
        comparison = self.results.comparison
        regressed = comparison is not None and comparison.verdict is Verdict.REGRESSION
        return regressed and bool(self.truths) and all(truth.held for truth in self.truths)


def demo(settings: Settings, *, environ: Mapping[str, str], cwd: Path, progress: Progress) -> DemoFinished:
    """Run the whole story.

    Raises:
        GovbenchError: an instance did not come up, could not be measured, or results not be written.
        Interrupted: a signal ended the run; what was measured is written.
    """
    run_id = new_run_id(datetime.now(UTC))
    folder = make_run_folder(cwd / settings.output.folder, run_id)
    # Their seeds differ: the same sequence of latencies on both sides would be no measurement.
    switches = (
        EmbeddedSwitches(seed=settings.load.seed),
        EmbeddedSwitches(seed=settings.load.seed + 1, slowdown=SLOWDOWN),
    )
    targets = tuple(EmbeddedTarget(switches=s) for s in switches)
    with kept_unless_empty(folder), Stopper() as stopper:
        progress.step("booting the embedded API twice: base, and head slowed by 1.3")
        with (
            boot(targets[0], settings.stack, name=SIDES[0], log_folder=folder, environ=environ) as base,
            boot(targets[1], settings.stack, name=SIDES[1], log_folder=folder, environ=environ) as head,
        ):
            stacks = (base, head)
            sides = build_sides(settings, [(s.name, s.url) for s in stacks])
            plan = build_plan(settings, build_paired_phases(), sides)
            work = Measurement(
                settings=settings,
                plan=plan,
                profile="demo",
                stacks=stacks,
                targets=tuple(
                    described(s.name, t, side) for s, t, side in zip(stacks, targets, sides, strict=True)
                ),
                run_id=run_id,
                folder=folder,
                environ=environ,
                cwd=cwd,
            )
            summary = measure(work, stopper, progress)
            true = _true_changes(summary, stacks)
        progress.step("comparing and writing the reports")
        comparison = compare_slices(summary, settings.compare, settings.thresholds)
        truths = _truths(true, comparison)
        comparison = replace(comparison, notes=(*comparison.notes, *(_sentence(truth) for truth in truths)))
        results = Results(summary=summary, comparison=comparison)
        write_documents(results, folder, fail_on=settings.compare.fail_on)
        point_latest(folder)
        if stopper.stopped:
            raise stopper.interrupted(f"interrupted; what was measured is in {folder}")
    return DemoFinished(results=results, truths=truths, folder=folder)


def _true_changes(summary: RunSummary, stacks: Sequence[RunningStack]) -> dict[TestType, float]:
    """The change of the median service time by the instances' own clocks: mean over levels of log ratios.

    Each level is weighed as the measurement weighs it; within one, the slices of a side are taken together.
    """
    logs: dict[TestType, list[float]] = {}
    for index, phase in enumerate(p for p in summary.phases if p.side == 0):
        windows = [s.window for s in summary.slices if s.window.phase == index]
        medians = [
            own_median_ms(stack.url, [w for w in windows if w.side == side])
            for side, stack in enumerate(stacks)
        ]
        if medians[0] and medians[1]:
            logs.setdefault(phase.phase.test_type, []).append(math.log(medians[1] / medians[0]))
    return {test_type: math.expm1(statistics.fmean(values)) for test_type, values in logs.items()}


def _truths(true: Mapping[TestType, float], comparison: Comparison) -> tuple[Truth, ...]:
    measured = {
        f.test_type: f.change for f in comparison.findings if f.metric is MetricName.RESPONSE_TIME_P50
    }
    return tuple(
        Truth(test_type=test_type, true_change=change, measured=measured.get(test_type))
        for test_type, change in true.items()
    )


def _sentence(truth: Truth) -> str:
    state = "lies within" if truth.held else "is NOT within"
    return (
        f"By their own clocks the instances differ by a factor of {1 + truth.true_change:.3f} "
        f"({truth.test_type}), which {state} the measured interval."
    )
