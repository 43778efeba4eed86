"""From the rounds of a paired comparison to its results: one summary of all rounds, and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from govbench import __version__
from govbench.baselines.git import provenance
from govbench.compare.ab import compare_rounds
from govbench.compare.rounds import Judging
from govbench.compare.trial import Trial
from govbench.config.targets import describe
from govbench.pipeline.ab.rounds import Bench, Contestant, RoundRecord
from govbench.pipeline.acceptance import with_acceptances
from govbench.pipeline.ready import measured_commit
from govbench.pipeline.run import described
from govbench.record.phases import dropped_by_phase, slice_windows
from govbench.record.reader import read_samples
from govbench.record.summarise import Recording, summarise
from govbench.results.comparison import Reference, Results
from govbench.results.run import Environment, Provenance, RunInfo, RunStatus, RunSummary, SliceWindow, Window

PROFILE = "ab"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that a comparison left behind; ``trial`` is None where too little was measured for one.

    ``failure`` is why it ended early, where no signal ended it.
    """

    bench: Bench
    judging: Judging
    records: tuple[RoundRecord, ...]
    trial: Trial | None
    failure: str | None
    environment: Environment
    started: datetime
    run_id: str
    cwd: Path


def results_of(measured: Measured, *, interrupted: bool) -> Results:
    """The summary of all rounds with its verdict."""
    summary = _summary(measured, interrupted=interrupted)
    base = measured.bench.base
    reference = Reference(
        label=f"{base.name} ({describe(base.target)})",
        run_ids=(measured.run_id,),
        commit=_provenance(base, measured).commit,
        machine_class=measured.environment.machine_class,
    )
    comparison = compare_rounds(
        summary, measured.trial, measured.judging, measured.bench.settings.thresholds, baseline=reference
    )
    return Results(summary=summary, comparison=with_acceptances(comparison, measured.cwd))


def _summary(measured: Measured, *, interrupted: bool) -> RunSummary:
    bench, records = measured.bench, measured.records
    first = records[0]
    return summarise(
        Recording(
            info=RunInfo(
                id=measured.run_id,
                suite=bench.settings.suite,
                suite_version=bench.load.version,
                profile=PROFILE,
                status=_status(measured, interrupted=interrupted),
                started_at=measured.started.isoformat(timespec="seconds").replace("+00:00", "Z"),
                duration_s=round((datetime.now(UTC) - measured.started).total_seconds(), 3),
                seed=bench.settings.load.seed,
                govbench_version=__version__,
                region=bench.settings.output.region,
                note="interrupted by a signal" if interrupted else measured.failure,
            ),
            plan=first.plan,
            targets=tuple(
                described(each.name, each.target, side)
                for each, side in zip((bench.base, bench.head), first.plan.sides, strict=False)
            ),
            environment=measured.environment,
            provenance=_provenance(bench.head, measured),
            samples=read_samples(bench.folder),
            windows={
                index: _span([r.windows[index] for r in records if index in r.windows])
                for index in first.windows
            },
            slices=tuple(s for record in records for s in _slices(record)),
            readings=tuple(reading for record in records for reading in record.readings),
            dropped=_dropped(records),
            worker_cores=tuple(
                cores
                for record in records
                for event in record.end.events
                for cores in event.get("worker_cores", ())
                if cores
            ),
            warnings=_warnings(measured),
            rounds=tuple(record.round for record in records),
            round_windows=tuple(record.windows for record in records),
        )
    )


def _status(measured: Measured, *, interrupted: bool) -> RunStatus:
    if interrupted:
        return RunStatus.INTERRUPTED
    return RunStatus.COMPLETED if measured.failure is None else RunStatus.FAILED


def _provenance(contestant: Contestant, measured: Measured) -> Provenance:
    found = measured_commit(contestant.ready)
    return found or provenance(measured.cwd, baselines_folder=measured.bench.settings.baselines.folder)


def _span(windows: Sequence[Window]) -> Window:
    """From the first to the last of the windows of a phase; what lies between two rounds is in it."""
    return Window(
        start_s=min(w.start_s for w in windows),
        steady_start_s=min(w.steady_start_s for w in windows),
        steady_end_s=max(w.steady_end_s for w in windows),
        end_s=max(w.end_s for w in windows),
    )


def _slices(record: RoundRecord) -> tuple[SliceWindow, ...]:
    return slice_windows(record.plan, record.end.events, record.windows)


def _dropped(records: Sequence[RoundRecord]) -> dict[tuple[int, int], int]:
    found: Counter[tuple[int, int]] = Counter()
    for record in records:
        found.update(dropped_by_phase(record.end.events))
    return dict(found)


def _warnings(measured: Measured) -> tuple[str, ...]:
    errors: Counter[str] = Counter()
    for record in measured.records:
        for error in record.end.errors:
            errors[f"{error['outcome']}: {error['message']}"] += error["count"]
    notes = (*measured.bench.base.settings.notes, *measured.bench.head.settings.notes)
    return (*(f"{count}x {text}" for text, count in errors.most_common()), *dict.fromkeys(notes))
