"""Baselines in the course of a command: which one a run is compared with, and storing a run as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from govbench.baselines import entries as baselines
from govbench.baselines.entries import Nearest, Stored
from govbench.baselines.git import repository
from govbench.compare.acceptance import Acceptance
from govbench.compare.compare import without_baseline
from govbench.compare.confirmation import Again
from govbench.compare.storable import too_few_samples
from govbench.compare.stored import compare_window
from govbench.config.settings import CompareConfig, Settings
from govbench.errors import PublishError, ResultsError
from govbench.pipeline.acceptance import with_acceptances
from govbench.pipeline.calibrations import calibration_for_run
from govbench.report.format import threshold_in_words
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Comparison, Reference, Results, Verdict
from govbench.results.entry import entry_from_results
from govbench.results.run import RunSummary


def compare_with_baseline(
    summary: RunSummary,
    settings: Settings,
    cwd: Path,
    *,
    ref: str | None = None,
    acceptances: Sequence[Acceptance] = (),
    again: Again | None = None,
) -> Comparison:
    """The verdict on a run by the committed baselines of its suite and machine class.

    Regressions that its commits or ``acceptances`` accept are marked as such. ``again`` is what a second
    measurement of the same commit said.

    The window is what was measured up to the nearest measured ancestor of the commit that was measured, or
    of the checked-out one where this clone lacks it; where none of them is an ancestor, all that are there.

    Raises:
        ResultsError: a baseline or calibration file cannot be used, or ``ref`` is unknown.
    """
    folder, machine_class = settings.baselines.folder, summary.environment.machine_class
    entries = baselines.read_window(cwd, folder, summary.run.suite, machine_class, ref=ref)
    if not entries:
        others = baselines.other_classes(cwd, folder, summary.run.suite, machine_class, ref=ref)
        return without_baseline(
            summary, _absence(summary, folder, others, cwd), settings.compare, settings.thresholds
        )
    commits = (ref,) if ref else (*filter(None, [summary.provenance.commit]), "HEAD")
    earlier, distance = _up_to(_nearest(entries, cwd, commits), entries)
    window = earlier[: settings.baselines.window]
    compared = compare_window(
        window,
        _reference(window, distance),
        summary,
        settings.compare,
        settings.thresholds,
        anchors=[entry for entry in earlier if entry.anchor is not None],
        known=calibration_for_run(summary, settings, cwd, ref=ref),
        again=again,
    )
    return with_acceptances(compared, cwd, acceptances)


def _absence(summary: RunSummary, folder: Path, others: tuple[str, ...], cwd: Path) -> str:
    missing = f"no baseline of suite {summary.run.suite} for {summary.environment.machine_class} in {folder}"
    if repository(cwd) is None:
        return f"{missing}; baselines are kept in a git repository, and there is none around this folder"
    return f"{missing}; there are some for {', '.join(others)}" if others else missing


def _nearest(entries: tuple[BaselineEntry, ...], cwd: Path, commits: tuple[str, ...]) -> Nearest:
    for commit in commits:
        try:
            return baselines.nearest_ancestor(cwd, entries, of=commit)
        except ResultsError:  # this clone lacks the commit
            continue
    return Nearest()  # no repository around: the files alone are compared with


def _up_to(
    nearest: Nearest, entries: tuple[BaselineEntry, ...]
) -> tuple[tuple[BaselineEntry, ...], int | None]:
    """The entries from the nearest measured ancestor on, newest first, and how far away that one is."""
    if nearest.entry is None:
        return entries, nearest.distance
    return entries[entries.index(nearest.entry) :], nearest.distance


def _reference(window: tuple[BaselineEntry, ...], distance: int | None) -> Reference:
    newest = window[0]
    count = "1 stored run" if len(window) == 1 else f"{len(window)} stored runs"
    return Reference(
        label=f"{count} up to {newest.commit[:9]}",
        run_ids=tuple(e.run_id for e in window),
        commit=newest.commit,
        machine_class=newest.machine_class,
        distance=distance,
    )


def store_run(
    results: Results,
    settings: Settings,
    cwd: Path,
    *,
    accepted: str | None = None,
    anchor: str | None = None,
    commit: bool = True,
    allow_dirty: bool = False,
) -> tuple[BaselineEntry, Stored]:
    """Store a run's last side as the baseline of its commit.

    One whose regressions were all accepted is stored as an accepted regression, with the reasons given: a new
    level begins there.

    Raises:
        PublishError: the run may not become one, or git refuses.
    """
    side = len(results.summary.targets) - 1
    if len(results.summary.targets) > 1:
        raise PublishError(
            "this run measured two stacks against each other; a baseline is a run of one",
            hint="measure with: govbench run",
        )
    entry = _accepted_entry(results, entry_from_results(results, side=side, accepted=accepted, anchor=anchor))
    if entry.accepted is None:
        _refuse_what_is_no_reference(results, side, settings.compare)
    stored = baselines.store(
        entry,
        folder=cwd,
        baselines_folder=settings.baselines.folder,
        window=settings.baselines.window,
        commit=commit,
        allow_dirty=allow_dirty,
    )
    return entry, stored


def _refuse_what_is_no_reference(results: Results, side: int, config: CompareConfig) -> None:
    """Refuse what missed a bound, and what every later run would be invalid beside.

    Raises:
        PublishError: says which bound or metric, and what would do.
    """
    run_id, accept = results.summary.run.id, "a person may accept it: --accept 'why'"
    missed = results.comparison.missed if results.comparison else ()
    if missed:
        bounds = ", ".join(threshold_in_words(each) for each in missed)
        raise PublishError(f"run {run_id} missed a threshold, {bounds}: not stored", hint=accept)
    lacking = too_few_samples(results.summary, side, config)
    if lacking:
        what, seconds = lacking
        longer = f"measure longer: --test-duration {seconds}s would do" if seconds else "measure longer"
        raise PublishError(
            f"no later run could be compared with run {run_id}, for {what}: not stored",
            hint=f"{longer}; {accept}",
        )


def _accepted_entry(results: Results, entry: BaselineEntry) -> BaselineEntry:
    comparison = results.comparison
    if comparison is None or not comparison.accepted:
        return entry
    if comparison.verdict in {Verdict.REGRESSION, Verdict.INVALID}:  # something else is wrong with it
        return entry
    said = entry.accepted or "; ".join(comparison.accepted)
    return replace(entry, verdict=Verdict.REGRESSION, accepted=said)
