"""Baselines in the course of a command: which one a run is compared with, and storing a run as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from govbench.baselines import entries as baselines
from govbench.baselines.entries import Stored
from govbench.baselines.git import repository
from govbench.baselines.reference import choose
from govbench.compare.acceptance import Acceptance
from govbench.compare.alike import is_alike
from govbench.compare.compare import without_baseline
from govbench.compare.confirmation import Again
from govbench.compare.storable import too_few_samples
from govbench.compare.stored import compare_window
from govbench.config.settings import CompareConfig, Settings
from govbench.errors import PublishError
from govbench.pipeline.acceptance import with_acceptances
from govbench.pipeline.calibrations import calibration_for_run
from govbench.pipeline.stored import StoredRuns, read_everything
from govbench.report.phrases import threshold_in_words
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
    stored: StoredRuns | None = None,
    again: Again | None = None,
) -> Comparison:
    """The verdict on a run by the committed baselines of its suite and machine class.

    Regressions that its commits or ``acceptances`` accept are marked as such.

    Of the stored runs that compare, the window is what was measured up to the nearest measured ancestor of
    the measured commit, along the states that main (``ref``, where there is one) was in; where none of them
    is an ancestor, all that are there. A file that cannot be used is left out, and a note says so.

    Args:
        summary: the run.
        settings: how it is judged, and where baselines lie.
        cwd: a folder of the work tree.
        ref: whose baselines; None: those of the commit that the gate is read from, or of the work tree.
        acceptances: regressions that are meant.
        stored: what was read before the load; None: it is read now.
        again: what a second measurement of the same commit said.

    Raises:
        ResultsError: ``ref`` is unknown.
    """
    suite, machine_class = summary.run.suite, summary.environment.machine_class
    stored = stored or read_everything(settings, cwd, suite, machine_class, ref=ref or settings.gate.commit)
    told = (*settings.gate.notes, *filter(None, [summary.provenance.note]), *stored.notes)
    if not stored.entries:
        reason = _absence(summary, settings.baselines.folder, stored, cwd)
        compared = without_baseline(
            summary,
            reason,
            settings.compare,
            settings.thresholds,
            verdict=Verdict.NOT_COMPARABLE if stored.notes else Verdict.NO_BASELINE,
            known=calibration_for_run(summary, settings, stored),
            elsewhere=() if stored.notes else stored.other_classes,
        )
        return replace(compared, notes=(*compared.notes, *told))
    alike = [entry for entry in stored.entries if is_alike(entry, summary)]
    chosen = choose(
        cwd,
        alike or stored.entries,
        measured=summary.provenance.commit,
        onto=stored.ref,
        deepen=settings.baselines.deepen,
    )
    window = chosen.entries[: settings.baselines.window]
    compared = compare_window(
        window,
        _reference(window, chosen.distance),
        summary,
        settings.compare,
        settings.thresholds,
        anchors=[entry for entry in chosen.entries if entry.anchor is not None],
        known=calibration_for_run(summary, settings, stored),
        again=again,
    )
    if left_out := len(stored.entries) - len(alike) if alike else 0:
        told = (*told, f"{left_out} of {len(stored.entries)} stored runs left out: of another plan.")
    compared = replace(compared, notes=(*compared.notes, *chosen.notes, *told))
    return with_acceptances(compared, cwd, acceptances)


def _absence(summary: RunSummary, folder: Path, stored: StoredRuns, cwd: Path) -> str:
    if stored.notes:
        return f"none of the {len(stored.notes)} stored runs can be used: {stored.notes[0]}"
    others = stored.other_classes
    missing = f"no baseline of suite {summary.run.suite} for {summary.environment.machine_class} in {folder}"
    if hidden := stored.not_checked_out:
        left_out = f"{hidden} are committed, and this sparse checkout leaves them out"
        return f"{missing}; {left_out}: git sparse-checkout add {folder.as_posix()}"
    if repository(cwd) is None:
        return f"{missing}; baselines are kept in a git repository, and there is none around this folder"
    return f"{missing}; there are some for {', '.join(others)}" if others else missing


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
    remember: bool = False,
) -> tuple[BaselineEntry, Stored]:
    """Store a run's last side as the baseline of its commit.

    One whose regressions were all accepted is stored as an accepted regression, with the reasons given: a new
    level begins there. With ``remember`` one that regressed is stored with what regressed outside the window:
    that stays a regression until it is mended or accepted.

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
        remember=remember,
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
