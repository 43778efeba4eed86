"""The second step of ``govbench run``: the verdict by what is stored, and what is measured again for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from govbench.compare.confirmation import again_of, to_measure_again
from govbench.compare.soundness import run_fault
from govbench.config.settings import Settings
from govbench.errors import GovbenchError
from govbench.pipeline.baselines import compare_with_baseline
from govbench.pipeline.progress import Progress
from govbench.pipeline.run.measure import Candidate
from govbench.pipeline.stored import StoredRuns
from govbench.results.comparison import Results
from govbench.results.plan import TestType
from govbench.results.run import RunStatus, RunSummary


def judge(
    summary: RunSummary,
    settings: Settings,
    cwd: Path,
    *,
    stored: StoredRuns | None = None,
    again: RunSummary | None = None,
) -> Results:
    """The verdict on a run by the stored ones, with a second measurement of what they made suspect, if any.

    ``stored`` is what was read before the load; None: it is read now.
    """
    second = again_of(again) if again is not None else None
    comparison = compare_with_baseline(summary, settings, cwd, stored=stored, again=second)
    return Results(summary=summary, comparison=comparison)


def suspects_of(results: Results) -> tuple[TestType, ...]:
    """The test types to measure once more; none of a run that was cut short, which is judged as it is."""
    if results.comparison is None or results.summary.run.status is not RunStatus.COMPLETED:
        return ()
    return to_measure_again(results.comparison)


def confirmed(
    results: Results,
    candidate: Candidate,
    cwd: Path,
    progress: Progress,
    *,
    stored: StoredRuns | None = None,
) -> Results:
    """The same results with what is suspect measured once more: at once, the same commit, a fresh instance.

    What cannot be measured again stays a suspect, and the reason is noted: the first measurement is whole.
    """
    suspects = suspects_of(results)
    if not suspects or not candidate.settings.compare.confirm:
        return results
    progress.note(f"suspect: {', '.join(suspects)}; measured once more before anything is said of it")
    try:
        again = candidate.measure_again(suspects)
    except KeyboardInterrupt:  # during the boot; the caller writes what there is, and ends as a signal asks
        return results
    except GovbenchError as error:
        return _noted(
            results, f"Could not be measured again, so that nothing is confirmed: {error}.", progress
        )
    judged = judge(results.summary, candidate.settings, cwd, stored=stored, again=again)
    if fault := run_fault(again, whose="the second measurement"):
        return _noted(judged, f"Measured again, and nothing is confirmed by it: {fault}.", progress)
    return judged


def _noted(results: Results, said: str, progress: Progress) -> Results:
    """The results with what became of the second measurement: a reader of the report has to know, too."""
    progress.note(said)
    if results.comparison is None:
        return results
    return replace(results, comparison=replace(results.comparison, notes=(*results.comparison.notes, said)))
