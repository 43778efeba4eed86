"""``govbench ab``: two stacks side by side, in rounds of fresh instances, until a verdict."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from govbench.compare.rounds import Judging
from govbench.compare.trial import (
    FEWEST_CONFIRMING,
    MIN_ROUNDS,
    Design,
    Step,
    Trial,
    design,
    without_looks,
)
from govbench.config.rounds import FEWEST_PAIRS, RoundLoad, round_load, round_s
from govbench.config.settings import Settings
from govbench.config.targets import Target as ParsedTarget
from govbench.config.targets import parse_target
from govbench.errors import LoadError, StackError, UsageError
from govbench.pipeline.ab.results import Measured, results_of
from govbench.pipeline.ab.rounds import (
    BASE_NAME,
    HEAD_NAME,
    Bench,
    Contestant,
    Leaving,
    RoundRecord,
    SideFailed,
    measure_round,
)
from govbench.pipeline.calibrations import calibration_for
from govbench.pipeline.documents import write_documents
from govbench.pipeline.folder import kept_unless_empty, point_latest
from govbench.pipeline.interrupt import Stopper
from govbench.pipeline.progress import Progress
from govbench.pipeline.ready import ready_to_boot, settings_at
from govbench.pipeline.recording import Occasion, begin
from govbench.pipeline.run.command import Finished, run
from govbench.results.plan import BASE

# A first look, and the fewest rounds that confirm what it flags.
ROUNDS_FOR_A_VERDICT = MIN_ROUNDS + FEWEST_CONFIRMING
# As many rounds as a first look and its confirmation take should fit, however slow the boot is.
_ROUNDS_TO_FIT = 9
# Starting and ending a round beside boot and load: stopping the stacks, reading the samples.
_OVERHEAD_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a paired comparison: the sides as named, what was asked, and where its answer goes."""

    base: str
    head: str
    settings: Settings
    environ: Mapping[str, str]
    cwd: Path
    progress: Progress


def ab(call: Call) -> Finished:
    """Compare two stacks in pairs, and write everything down.

    A base that cannot be built or booted is no reason to say nothing: then head is measured alone and judged
    by the stored baseline, and the answer says so.

    Raises:
        GovbenchError: head did not come up, nothing could be measured, or results not be written.
        Interrupted: a signal ended it before anything was measured.
    """
    load = round_load(call.settings.load, call.settings.ab)
    asked = call.settings.ab
    if asked.round_s is not None and asked.round_s > asked.max_time_s:
        raise UsageError(
            f"ab.round_s: a round of {asked.round_s:g} s exceeds ab.max_time_s, {asked.max_time_s:g} s",
            hint=f"a verdict takes {ROUNDS_FOR_A_VERDICT} rounds: shorten --round or raise --max-time",
        )
    try:
        return _compared(call, load)
    except SideFailed as failure:
        if failure.side != BASE or not isinstance(failure.cause, StackError):
            raise failure.cause from failure
        return _by_stored_baseline(call, failure)


def _by_stored_baseline(call: Call, failure: SideFailed) -> Finished:
    """Measure head alone, and hold it against what is stored; that is no answer to what was asked."""
    note = f"base ({call.base}) could not be measured, so the stored baseline judges: {failure.cause}"
    call.progress.note(note)
    call.progress.note(
        f"head is measured alone, as by govbench run (profile {call.settings.load.profile}):"
        " --max-time and --round do not count"
    )
    settings = replace(
        call.settings,
        target=replace(call.settings.target, form=call.head),
        notes=(*call.settings.notes, note),
    )
    return run(
        settings,
        environ=call.environ,
        cwd=call.cwd,
        progress=call.progress,
        base_failure=f"{call.base}: {failure.cause}",
    )


def _compared(call: Call, load: RoundLoad) -> Finished:
    """The comparison itself.

    Raises:
        SideFailed: a side could not be built, or did not come up in the first round.
    """
    targets = parse_target(call.base), parse_target(call.head)
    occasion = begin(call.settings, call.environ, call.cwd)
    machine_class = occasion.environment.machine_class
    with kept_unless_empty(occasion.folder):
        known = calibration_for(call.settings, machine_class, load, targets, call.cwd, call.progress)
        with at_bench(call, targets, load, occasion.folder) as bench:
            judging = Judging(
                config=call.settings.compare,
                calibration=known.calibration,
                refused=known.refused,
                restarted=bench.restarts,
            )
            _, finished = written(call, occasion, Rounds(bench, judging))
    return finished


def written(call: Call, occasion: Occasion, rounds: Rounds, *, lost: str = "") -> tuple[Measured, Finished]:
    """Measure the rounds, and write down whatever there is of them.

    ``lost`` begins what is told where a signal came: what there is none of.

    Raises:
        SideFailed: a side did not come up in the first round.
        LoadError: the same of the load.
        KeyboardInterrupt: a signal ended it before anything was measured.
    """
    stopper = rounds.bench.stopper
    with contextlib.suppress(KeyboardInterrupt):
        rounds.measure()
    if not rounds.records:
        raise KeyboardInterrupt
    call.progress.step("writing the reports")
    # What was measured is written down whole: from here on only the second signal cuts it short.
    stopper.graceful = lambda: call.progress.step("interrupted: the reports are being written")
    measured = Measured(
        bench=rounds.bench,
        judging=rounds.judging,
        records=tuple(rounds.records),
        trial=rounds.trial,
        failure=rounds.failure,
        occasion=occasion,
        cwd=call.cwd,
    )
    results = results_of(measured, interrupted=stopper.stopped)
    write_documents(results, occasion.folder, fail_on=call.settings.compare.fail_on)
    point_latest(occasion.folder)
    interrupted = stopper.ending(f"interrupted; {lost}what was measured is in {occasion.folder}")
    return measured, Finished(results=results, folder=occasion.folder, interrupted=interrupted)


@contextlib.contextmanager
def at_bench(
    call: Call, targets: tuple[ParsedTarget, ParsedTarget], load: RoundLoad, folder: Path
) -> Iterator[Bench]:
    """Both sides ready to be booted, and signals caught, until the block is left.

    Raises:
        SideFailed: a side could not be built.
    """
    with (
        Stopper() as stopper,
        _contestants(call, targets, folder) as (base, head),
        Leaving(call.progress.note) as leaving,
    ):
        yield Bench(
            settings=call.settings,
            base=base,
            head=head,
            load=load,
            folder=folder,
            environ=call.environ,
            stopper=stopper,
            progress=call.progress,
            leaving=leaving,
        )


@contextlib.contextmanager
def _contestants(
    call: Call, targets: tuple[ParsedTarget, ParsedTarget], folder: Path
) -> Iterator[tuple[Contestant, Contestant]]:
    """Both sides checked out, configured and built."""
    with contextlib.ExitStack() as kept:
        found = []
        for side, (name, target) in enumerate(zip((BASE_NAME, HEAD_NAME), targets, strict=True)):
            try:
                ready = kept.enter_context(
                    ready_to_boot(
                        call.settings,
                        target,
                        name=name,
                        log_folder=folder,
                        environ=call.environ,
                        progress=call.progress,
                    )
                )
            except StackError as error:
                raise SideFailed(side, error) from error
            settings = settings_at(call.settings, ready)
            found.append(Contestant(name=name, target=target, ready=ready, settings=settings))
        base, head = found
        yield base, head


class Rounds:
    """Measures one round after the other, as the trial says and the time allows."""

    def __init__(
        self, bench: Bench, judging: Judging, *, exactly: int | None = None, max_time_s: float | None = None
    ) -> None:
        """Rounds with looks at the verdict; ``exactly`` so many without, where it is given.

        ``max_time_s`` is that of ``bench.settings`` unless it is given.
        """
        self.records: list[RoundRecord] = []
        self.trial: Trial | None = None
        self.bench, self.judging, self._exactly = bench, judging, exactly
        self._max_time_s = bench.settings.ab.max_time_s if max_time_s is None else max_time_s
        self.failure: str | None = None
        self._load_s = 0.0
        self._ends_s: list[float] = []  # of the rounds, from the begin of the first

    def measure(self) -> None:
        """Go on until the trial is decided, the time is up, a round failed, or a signal came.

        Raises:
            SideFailed: a side did not come up in the first round; later that is ``failure``, for what was
                measured before is worth a report.
            LoadError, StackError: the same of the load, and of an instance that cannot be ended.
        """
        bench = self.bench
        began = time.monotonic()
        step = Step.MEASURE
        while step is not Step.END:
            # A signal during the boot leaves the rounds; during the load it ends that in order.
            bench.stopper.graceful = None
            try:
                record = measure_round(
                    bench, len(self.records), load_s=self._choose, confirms=step is Step.CONFIRM
                )
            except (SideFailed, StackError, LoadError) as error:
                if not self.records:
                    raise
                self.failure = f"round {len(self.records) + 1}: {error}"
                return
            self.records.append(record)
            self._ends_s.append(time.monotonic() - began)
            if bench.stopper.stopped or record.failure is not None:
                self.failure = record.failure
                return
            is_last = self._ends_s[-1] + self.round_time_s > self._max_time_s
            step = self._take(is_last=is_last)
            # A confirmation that has begun is worth more than the seconds by which a round exceeds the time.
            if is_last and not (self.trial and self.trial.lacks_one_round):
                return

    def _take(self, *, is_last: bool) -> Step:
        """Hand the rounds so far to the trial. The first round, slower than the others, plans nothing."""
        if self.trial is None:
            if len(self.records) == 1 and not is_last:
                return Step.MEASURE
            self.trial = Trial(self.judging, self._design())
            self._tell_when_too_few(self.trial.plan.rounds)
        step = self.trial.step
        for record in self.records[len(self.trial.rounds) :]:
            step = self.trial.add(record.round)
        self.bench.progress.round_ends(self.trial)
        return step

    def _tell_when_too_few(self, rounds: int) -> None:
        if self._exactly is None and rounds < ROUNDS_FOR_A_VERDICT:
            needed_s = math.ceil(ROUNDS_FOR_A_VERDICT * self.round_time_s)
            fit = "round fits" if rounds == 1 else "rounds fit"
            self.bench.progress.note(
                f"only {rounds} {fit} into {self._max_time_s:g} s, and a change takes {ROUNDS_FOR_A_VERDICT}"
                f" to be reported: about --max-time {needed_s}s here"
            )

    @property
    def round_time_s(self) -> float:
        """What a round takes in all: the mean of all but the first, slower one, once there are more."""
        if len(self._ends_s) == 1:
            return self._ends_s[0]
        return (self._ends_s[-1] - self._ends_s[0]) / (len(self._ends_s) - 1)

    def _design(self) -> Design:
        """How many rounds there can be in all, by what one took, and when to look at them."""
        done = len(self._ends_s)
        fitting = done + (self._max_time_s - self._ends_s[-1]) / self.round_time_s
        if self._exactly is not None:
            return without_looks(max(done, int(min(fitting, self._exactly))))
        return design(max(done, int(fitting)), level=self.judging.config.level)

    def _choose(self, boot_s: float, answer_s: float) -> float:
        """The load of a phase: chosen in the first round and then kept."""
        if not self._load_s:
            ab, phases = self.bench.settings.ab, len(self.bench.load.phases(load_s=1.0, number=0))
            users = self.bench.load.fewest_users
            wanted = round_s(ab, boot_s=boot_s, answer_s=answer_s, phases=phases, users=users)
            room = (ab.max_time_s / _ROUNDS_TO_FIT - boot_s - _OVERHEAD_S) / phases
            least = round_s(ab, boot_s=0.0, answer_s=answer_s, phases=phases, users=users, pairs=FEWEST_PAIRS)
            self._load_s = wanted if ab.round_s is not None else max(least, min(wanted, room))
        return self._load_s
