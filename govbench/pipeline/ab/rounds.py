"""One round of a paired comparison: fresh instances, load in pairs, observations. Decides nothing."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from govbench.config.requests import build_sides
from govbench.config.rounds import RoundLoad
from govbench.config.settings import Settings
from govbench.config.targets import Target as ParsedTarget
from govbench.errors import GovbenchError, LoadError, ResultsError, StackError
from govbench.load.launch import Event, LoadEnd, LoadProcess
from govbench.pipeline.interrupt import Stopper
from govbench.pipeline.measure import follow_load
from govbench.pipeline.plan import address_of, build_plan
from govbench.pipeline.progress import Progress
from govbench.pipeline.quick_check import preflight
from govbench.pipeline.recording import EndedLoad
from govbench.record.circumstances import circumstances_of
from govbench.record.pairs import observe, readings_by_side
from govbench.record.phases import phase_windows
from govbench.record.reader import read_samples
from govbench.record.series import Reading
from govbench.results.plan import BASE, HEAD, Plan, Side
from govbench.results.rounds import Round
from govbench.results.run import SliceWindow
from govbench.stack.boot import own_port, start
from govbench.stack.embedded import own_median_ms
from govbench.stack.prepare import Prepared
from govbench.stack.running import RunningStack

BASE_NAME, HEAD_NAME = "base", "head"
ANSWERS_TO_PLAN_BY = 3


class SideFailed(Exception):
    """A side could not be brought up; ``side`` says which, the cause says why."""

    def __init__(self, side: int, cause: GovbenchError) -> None:
        super().__init__(str(cause))
        self.side, self.cause = side, cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One side of a comparison: how it was named, what is booted for it, and how it is spoken to."""

    name: str
    target: ParsedTarget
    ready: Prepared
    settings: Settings

    @property
    def restarts(self) -> bool:
        """Whether each round can have a fresh instance of it."""
        return self.ready.target.is_started


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRecord:
    """A round that was measured; ``failure`` says why it counts for nothing, where it does not."""

    round: Round
    load: EndedLoad
    failure: str | None = None


class Leaving:
    """Takes instances down in the background, while those of the next round boot; a block waits for all.

    ``tell`` is told of those that could not be taken down when the block ends.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._executor = ThreadPoolExecutor(thread_name_prefix="leaving")
        self._tell = tell
        self._stopping: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        for failure in self._failures():
            self._tell(str(failure))

    def stop(self, stack: RunningStack) -> None:
        """Have a stack stopped soon."""
        self._stopping.append(self._executor.submit(stack.stop))

    def wait(self) -> None:
        """Wait until all that was to be stopped has ended: what still runs would take from the next load.

        Raises:
            StackError: some of it could not be ended.
        """
        for failure in self._failures():
            raise StackError(str(failure), hint=getattr(failure, "hint", None)) from failure

    def _failures(self) -> list[BaseException]:
        """Waits for all; why those failed that did. They are told once."""
        stopping, self._stopping = self._stopping, []
        return [error for future in stopping if (error := future.exception()) is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all rounds share."""

    settings: Settings
    base: Contestant
    head: Contestant
    load: RoundLoad
    folder: Path
    environ: Mapping[str, str]
    stopper: Stopper
    progress: Progress
    leaving: Leaving

    @property
    def restarts(self) -> bool:
        """Whether every round has fresh instances on both sides."""
        return self.base.restarts and self.head.restarts


def round_folder(folder: Path, number: int) -> Path:
    """Where a round leaves its samples and logs."""
    return folder / f"round-{number:03d}"


@contextlib.contextmanager
def booted(bench: Bench, number: int, folder: Path) -> Iterator[tuple[RunningStack, RunningStack]]:
    """Fresh instances of both sides, base and head; every other round head is started first.

    Both come up at the same time, so that a slow boot is waited for once. They are being stopped when the
    block is left, and have ended when ``bench.leaving`` has waited for them.

    Raises:
        SideFailed: one of them did not come up.
    """
    sides = ((BASE, bench.base), (HEAD, bench.head))
    with contextlib.ExitStack() as running:
        stacks: dict[int, RunningStack] = {}
        for side, contestant in sides if number % 2 == 0 else sides[::-1]:
            with _blamed(side):
                stacks[side] = _start(bench, contestant, side, number, folder)
                running.callback(bench.leaving.stop, stacks[side])
        for side in (BASE, HEAD):
            with _blamed(side):
                stacks[side].wait()
        yield stacks[BASE], stacks[HEAD]


@contextlib.contextmanager
def _blamed(side: int) -> Iterator[None]:
    try:
        yield
    except GovbenchError as error:
        raise SideFailed(side, error) from error


def _start(bench: Bench, contestant: Contestant, side: int, number: int, folder: Path) -> RunningStack:
    ready = contestant.ready
    # A target that draws at random must not draw alike on both sides, nor in two rounds.
    seed = bench.settings.load.seed * 10_000 + 2 * number + side
    return start(
        ready.target,
        own_port(ready.target, ready.config),
        name=contestant.name,
        log_folder=folder,
        environ=bench.environ,
        seed=seed,
        folder=ready.folder,
        tell=lambda text: bench.progress.note(f"{contestant.name}: {text}"),
    )


def measure_round(
    bench: Bench, number: int, *, load_s: Callable[[float, float], float], confirms: bool
) -> RoundRecord:
    """Boot both sides, put the load on, take both down, and observe.

    Args:
        bench: what all rounds share.
        number: of the round, from 0.
        load_s: how long each phase lasts, in seconds, given what the boot and the first answer took.
        confirms: whether it is a fresh round for what was flagged.

    Raises:
        SideFailed: a side did not come up, or no request to it could succeed.
        StackError: an instance of the round before could not be ended.
        LoadError: the load process left nothing that can be read.
    """
    folder = round_folder(bench.folder, number)
    folder.mkdir(parents=True)
    began = time.monotonic()
    process = LoadProcess(None, folder)  # it makes itself ready while the sides boot
    try:
        with booted(bench, number, folder) as stacks:
            boot_s = time.monotonic() - began
            sides = _sides(bench, stacks)
            answer_s = first_answers_s(bench, sides) if number == 0 else 0.0
            phases = bench.load.phases(load_s=load_s(boot_s, answer_s), number=number)
            plan = replace(
                build_plan(bench.settings, phases, sides),
                seed=bench.settings.load.seed + number,
                order=bench.load.order(number),
            )
            bench.leaving.wait()
            process.begin(plan)
            end, readings = follow_load(process, stacks, bench.stopper, _unheard)
            endings = [stack.ending(f"during round {number + 1}") for stack in stacks]
            own_effect = _own_effect(bench, stacks, plan, end)
    finally:
        process.close()
    return _recorded(
        bench,
        number,
        plan,
        end,
        readings,
        boot_s=boot_s,
        confirms=confirms,
        ended=next(filter(None, endings), None),
        own_effect=own_effect,
    )


def _unheard(event: Event) -> None:
    """A round is short: what is told is its result."""


def _sides(bench: Bench, stacks: tuple[RunningStack, RunningStack]) -> tuple[Side, ...]:
    """Base, head and their controls as the load process speaks to them; as their own commits configure."""
    base, head = (
        build_sides(each.settings, [(each.name, address_of(each.ready.target, stack))])[0]
        for each, stack in zip((bench.base, bench.head), stacks, strict=True)
    )
    return base, head, *(replace(each, name=f"control of {each.name}") for each in (base, head))


def first_answers_s(bench: Bench, sides: tuple[Side, ...]) -> float:
    """What an answer takes: the shortest of three of each side, and of the sides the longer, in seconds.

    The first answer of a stack that has just come up is no measure of the others, nor is one that a busy
    machine held up.

    Raises:
        SideFailed: no request to base could succeed. A head that answers wrongly is what is to be measured.
    """
    longest = 0.0
    for side, contestant in ((BASE, bench.base), (HEAD, bench.head)):
        took_s: list[float] = []
        try:
            for _ in range(ANSWERS_TO_PLAN_BY):
                answer_s = preflight(
                    sides[side], contestant.settings, contestant.ready.target, bench.progress
                )
                if answer_s is None:  # told already; once is enough
                    break
                took_s.append(answer_s)
        except StackError as error:
            if side == BASE:
                raise SideFailed(side, error) from error
            bench.progress.note(f"{error}; the load will tell")
        longest = max(longest, min(took_s, default=0.0))
    return longest


def _own_effect(
    bench: Bench, stacks: tuple[RunningStack, RunningStack], plan: Plan, end: LoadEnd
) -> float | None:
    """What two instances of the embedded API say of themselves: the mean over paired phases of log ratios.

    None where one of them is something else, has ended, or served nothing in the steady part of a phase.
    Pairs of control are in the medians of both.
    """
    if not all(each.ready.target.reports_itself for each in (bench.base, bench.head)):
        return None
    ratios = []
    for index, window in phase_windows(end.events, end_s=time.time()).items():
        if not plan.phases[index].paired:
            continue
        steady = SliceWindow(
            phase=index, pair=0, side=BASE, start_s=window.steady_start_s, end_s=window.steady_end_s
        )
        try:
            base, head = (own_median_ms(stack.url, [steady]) for stack in stacks)
        except StackError:  # it ended under the load; that is noted elsewhere
            return None
        if not base or not head:
            return None
        ratios.append(math.log(head / base))
    return statistics.fmean(ratios) if ratios else None


def _recorded(
    bench: Bench,
    number: int,
    plan: Plan,
    end: LoadEnd,
    readings: tuple[Reading, ...],
    *,
    boot_s: float,
    confirms: bool,
    ended: str | None,
    own_effect: float | None,
) -> RoundRecord:
    folder = round_folder(bench.folder, number)
    try:
        samples = read_samples(folder)
    except ResultsError as error:
        raise LoadError(end.failure or str(error)) from error
    last_s = float(samples.end_s.max()) if len(samples) else time.time()
    windows = phase_windows(end.events, end_s=last_s)
    usage = readings_by_side(samples, windows, readings)
    observations, control = observe(samples, plan, windows, end.events, usage)
    failure = ended or end.failure or (None if end.completed else "the load ended early")
    return RoundRecord(
        round=Round(
            number=number,
            start_s=min((w.start_s for w in windows.values()), default=last_s),
            end_s=max((w.end_s for w in windows.values()), default=last_s),
            boot_s=boot_s,
            swapped=number % 2 == 1,
            confirms=confirms,
            observations=observations,
            control=control,
            circumstances=circumstances_of(samples, plan, windows),
            own_effect=own_effect,
        ),
        load=EndedLoad(plan=plan, end=end, windows=windows, readings=readings),
        failure=failure,
    )
