"""From the rounds of a paired comparison to its results: one summary of all rounds, and the verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from govbench.baselines.git import provenance
from govbench.compare.ab import compare_rounds
from govbench.compare.rounds import Judging
from govbench.compare.trial import Trial
from govbench.config.targets import describe
from govbench.pipeline.ab.rounds import Bench, Contestant, RoundRecord
from govbench.pipeline.acceptance import with_acceptances
from govbench.pipeline.plan import described
from govbench.pipeline.ready import measured_commit
from govbench.pipeline.recording import Occasion, Subject, recording_of
from govbench.record.reader import read_samples
from govbench.record.summarise import summarise
from govbench.results.comparison import Reference, Results
from govbench.results.run import Provenance, RunStatus, RunSummary

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
    occasion: Occasion
    cwd: Path


def results_of(measured: Measured, *, interrupted: bool) -> Results:
    """The summary of all rounds with its verdict."""
    summary = _summary(measured, interrupted=interrupted)
    base = measured.bench.base
    code = _provenance(base, measured)
    reference = Reference(
        label=f"{base.name} ({describe(base.target)})",
        run_ids=(measured.occasion.run_id,),
        commit=code.commit,
        dirty=code.dirty,
        machine_class=measured.occasion.environment.machine_class,
    )
    comparison = compare_rounds(
        summary, measured.trial, measured.judging, measured.bench.settings.thresholds, baseline=reference
    )
    comparison = replace(comparison, notes=(*comparison.notes, *measured.bench.settings.gate.notes))
    return Results(summary=summary, comparison=with_acceptances(comparison, measured.cwd))


def _summary(measured: Measured, *, interrupted: bool) -> RunSummary:
    bench, records = measured.bench, measured.records
    subject = Subject(
        settings=bench.settings,
        profile=PROFILE,
        suite_version=bench.load.version,
        versions=bench.load.versions(bench.settings, bench.head.target),
        targets=tuple(
            described(each.name, each.target, side)
            for each, side in zip((bench.base, bench.head), records[0].load.plan.sides, strict=False)
        ),
        provenance=_provenance(bench.head, measured),
    )
    return summarise(
        recording_of(
            measured.occasion,
            subject,
            [record.load for record in records],
            read_samples(bench.folder),
            status=_status(measured, interrupted=interrupted),
            note="interrupted by a signal" if interrupted else measured.failure,
            warnings=_warnings(measured),
            rounds=tuple(record.round for record in records),
        )
    )


def _status(measured: Measured, *, interrupted: bool) -> RunStatus:
    if interrupted:
        return RunStatus.INTERRUPTED
    return RunStatus.COMPLETED if measured.failure is None else RunStatus.FAILED


def _provenance(contestant: Contestant, measured: Measured) -> Provenance:
    found = measured_commit(contestant.ready)
    return found or provenance(measured.cwd, baselines_folder=measured.bench.settings.baselines.folder)


def _warnings(measured: Measured) -> tuple[str, ...]:
    errors: Counter[str] = Counter()
    for record in measured.records:
        for error in record.load.end.errors:
            errors[f"{error['outcome']}: {error['message']}"] += error["count"]
    notes = (*measured.bench.base.settings.notes, *measured.bench.head.settings.notes)
    return (*(f"{count}x {text}" for text, count in errors.most_common()), *dict.fromkeys(notes))
