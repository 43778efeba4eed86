"""``govbench compare``: stored results against stored results. No network, no container, no load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from govbench.compare.acceptance import Acceptance
from govbench.compare.compare import compare_runs
from govbench.compare.confirmation import again_in
from govbench.config.settings import Settings
from govbench.errors import ResultsError
from govbench.pipeline.acceptance import with_acceptances
from govbench.pipeline.baselines import compare_with_baseline
from govbench.pipeline.calibrations import calibration_for_run
from govbench.pipeline.folder import latest_run
from govbench.pipeline.stored import read_everything
from govbench.results import codec
from govbench.results.comparison import Results

BASELINE_FORM = "baseline:"


def compare(
    baseline: str | None,
    candidate: str | None,
    settings: Settings,
    cwd: Path,
    *,
    acceptances: Sequence[Acceptance] = (),
) -> Results:
    """The candidate's run with a verdict reached anew.

    Args:
        baseline: a result file, a run folder, ``baseline:REF``, or None for the committed baselines here.
        candidate: a result file or run folder; None for the latest run.
        settings: margins, gates, thresholds and where baselines and runs lie.
        cwd: where relative paths start.
        acceptances: regressions that are meant, besides those that commits accept.

    Raises:
        ResultsError: one of them cannot be read, they are of different suites, or a run of two stacks is to
            be held against a baseline.
        UsageError: there is no run yet.
    """
    folder = latest_run(cwd / settings.output.folder) if candidate is None else cwd / candidate
    measured = codec.read(folder)
    summary = measured.summary
    if baseline is None or baseline.startswith(BASELINE_FORM):
        if len(summary.targets) > 1:
            raise ResultsError(
                f"{folder}: measured two stacks against each other and has its verdict; a baseline is of one",
                hint="govbench report shows it; govbench compare takes a run of one stack, or two results",
            )
        ref = baseline.removeprefix(BASELINE_FORM) if baseline else None
        again = again_in(measured.comparison) if measured.comparison else None
        comparison = compare_with_baseline(
            summary, settings, cwd, ref=ref or None, acceptances=acceptances, again=again
        )
        return Results(summary=summary, comparison=comparison)
    earlier = codec.read(cwd / baseline).summary
    if earlier.run.suite != summary.run.suite:
        raise ResultsError(
            f"{baseline} is of suite {earlier.run.suite!r} and {candidate or 'the latest run'} "
            f"of suite {summary.run.suite!r}: they measure different things",
            hint="compare two results of one suite",
        )
    machine_class = summary.environment.machine_class
    stored = read_everything(settings, cwd, summary.run.suite, machine_class, ref=settings.gate.commit)
    known = calibration_for_run(summary, settings, stored)
    comparison = compare_runs(
        earlier, summary, settings.compare, settings.thresholds, history=stored.entries, known=known
    )
    comparison = replace(comparison, notes=(*comparison.notes, *settings.gate.notes))
    return Results(summary=summary, comparison=with_acceptances(comparison, cwd, acceptances))
