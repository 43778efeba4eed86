"""The phases of one round of a paired comparison, and how long a round is. Starts nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass

from govbench.config.profiles import custom_phases, suite_version
from govbench.config.settings import AbConfig, LoadConfig, PhaseConfig, Settings
from govbench.config.targets import Target
from govbench.config.versions import plan_versions
from govbench.errors import ConfigError
from govbench.results.plan import (
    BASE,
    DEFAULT_MAX_IN_FLIGHT,
    HEAD,
    MOST_PHASES,
    ArrivalProcess,
    Arrivals,
    LoadModel,
    Phase,
    RatePoint,
    Slice,
    TestType,
    ThinkTime,
)
from govbench.results.versions import PlanVersion

# Rounds are the unit of replication, and two instances differ by about as much as the error of 2 s of pairs:
# longer rounds would buy less than more of them, unless a boot takes longer than the load.
SHORTEST_ROUND_S = 1.6
LONGEST_ROUND_S = 60.0
WARMUP_S = 0.2
SPAWN_RATE = 200.0
# Of fewer pairs the error is known badly: of twenty it is overstated by up to two fifths. Where time is
# short, more rounds of twenty tell more than fewer of forty.
PAIRS_PER_ROUND, FEWEST_PAIRS = 40, 20
MOST_THROUGHPUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundLoad:
    """What one round asks of both sides; ``load_s`` is how long each of its paired phases lasts."""

    test_types: tuple[TestType, ...]
    load: LoadConfig
    ab: AbConfig

    def phases(self, *, load_s: float, number: int) -> tuple[Phase, ...]:
        """The phases of round ``number``: those in pairs, then those in turns, whose order alternates.

        They are numbered alike in every round; when each happens is said by ``order``.
        """
        paired = [phase for test_type in self.test_types for phase in self._paired(test_type, load_s)]
        return (*paired, *self._in_turns(load_s, number))

    def order(self, number: int) -> tuple[int, ...]:
        """The phases of round ``number`` in the order in which they happen: those in pairs at random.

        Whatever a level leaves behind, a cache or a queue, then is no property of the one after it.
        """
        phases = self.phases(load_s=1.0, number=number)
        paired = [index for index, phase in enumerate(phases) if phase.paired]
        random.Random(f"{self.load.seed}/{number}/order").shuffle(paired)
        return (*paired, *(index for index, phase in enumerate(phases) if not phase.paired))

    @property
    def levels(self) -> tuple[int, ...]:
        """The numbers of users of test type ``concurrent``, rising."""
        return self.ab.levels or (self.ab.users,)

    @property
    def fewest_users(self) -> int:
        """Those of the paired phase with the fewest, who need the longest for as many pairs."""
        paired = [phase.users or 1 for phase in self.phases(load_s=1.0, number=0) if phase.paired]
        return min(paired, default=self.ab.users)

    @property
    def version(self) -> str:
        """The suite version of these rounds, whatever their length."""
        return suite_version(self.phases(load_s=1.0, number=0), self.load.scenarios)

    def versions(self, settings: Settings, target: Target) -> dict[str, PlanVersion]:
        """The version of each test type of these rounds, whatever their length and what is measured."""
        return plan_versions(settings, self.phases(load_s=1.0, number=0), target=target, of_target=False)

    def _paired(self, test_type: TestType, load_s: float) -> list[Phase]:
        match test_type:
            case TestType.BASELINE:
                return [_pairs("baseline", test_type, users=1, load_s=load_s, think_time=ThinkTime())]
            case TestType.CONCURRENT:
                return [
                    _pairs(
                        f"concurrent_{users}", test_type, users=users, load_s=load_s, think_time=ThinkTime()
                    )
                    for users in self.levels
                ]
            case _:
                closed = [each for each in custom_phases(self.load) if each.arrivals is None]
                return [
                    _pairs(
                        each.name,
                        test_type,
                        users=each.users or 1,
                        load_s=load_s,
                        think_time=each.think_time_s,
                    )
                    for each in closed
                ]

    def _in_turns(self, load_s: float, number: int) -> list[Phase]:
        """Open loops: throughput cannot be told by pairs, which give both sides the same count."""
        found = []
        if self.ab.throughput_rps is not None and TestType.CONCURRENT in self.test_types:
            arrivals = Arrivals(
                points=(RatePoint(at_s=0.0, rate_rps=self.ab.throughput_rps),),
                process=ArrivalProcess.CONSTANT,
                max_in_flight=DEFAULT_MAX_IN_FLIGHT,
            )
            config = PhaseConfig(name=f"rate_{self.ab.throughput_rps:g}", arrivals=arrivals)
            found.append(_turns(config, TestType.CONCURRENT, load_s, number))
        if TestType.CUSTOM in self.test_types:
            opened = [each for each in custom_phases(self.load) if each.arrivals is not None]
            found += [_turns(each, TestType.CUSTOM, load_s, number) for each in opened]
        return found


def round_load(load: LoadConfig, ab: AbConfig) -> RoundLoad:
    """The load of the rounds: the configured test types, ``concurrent`` where none are.

    Raises:
        ConfigError: a test type or a test file that cannot be asked in pairs, or too many phases.
    """
    if load.test_file is not None:
        raise ConfigError(
            "users of a test file cannot be asked in pairs: what they send is theirs to decide",
            hint="leave out load.test_file for govbench ab, or compare two runs with govbench compare",
        )
    test_types = load.test_types or ((TestType.CUSTOM,) if custom_phases(load) else (TestType.CONCURRENT,))
    rounds = RoundLoad(test_types=test_types, load=load, ab=ab)
    names = [phase.name for phase in rounds.phases(load_s=1.0, number=0)]
    if len(names) > MOST_PHASES:
        raise ConfigError(
            f"[ab] levels and [[phases]] come to {len(names)} phases, and a round has at most {MOST_PHASES}",
            hint="leave some of them out",
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"[[phases]] ({twice}) name: the phase of [ab] throughput_rps is called so, too",
            hint="choose another name",
        )
    return rounds


def round_s(
    ab: AbConfig,
    *,
    boot_s: float,
    answer_s: float,
    phases: int,
    users: int,
    pairs: int = PAIRS_PER_ROUND,
) -> float:
    """How long each phase of a round lasts: as long as the boot took, but as many pairs as a round needs.

    Args:
        ab: with the length that was asked for, if any.
        boot_s: what the first boot of both sides took.
        answer_s: what one answer takes, as far as known.
        phases: how many phases a round has.
        users: of the phase with the fewest (``RoundLoad.fewest_users``).
        pairs: how many that phase needs.
    """
    if ab.round_s is not None:
        return ab.round_s / phases
    for_pairs = pairs * 2 * answer_s / users + WARMUP_S
    shared = max(SHORTEST_ROUND_S, min(boot_s, LONGEST_ROUND_S)) / phases
    return max(shared, SHORTEST_ROUND_S / 2, min(for_pairs, LONGEST_ROUND_S))


def _pairs(
    name: str, test_type: TestType, *, users: int, load_s: float, think_time: ThinkTime | None
) -> Phase:
    warmup_s = min(load_s / 4, WARMUP_S + users / SPAWN_RATE)
    return Phase(
        name=name,
        test_type=test_type,
        users=users,
        warmup_s=warmup_s,
        steady_s=load_s - warmup_s,
        spawn_rate=max(SPAWN_RATE, users / warmup_s),
        think_time=think_time,
        paired=True,
    )


def _turns(config: PhaseConfig, test_type: TestType, load_s: float, number: int) -> Phase:
    assert config.arrivals is not None
    slice_s = min(load_s, MOST_THROUGHPUT_S)
    order = (BASE, HEAD) if number % 2 == 0 else (HEAD, BASE)
    slices = tuple(
        Slice(side=side, start_s=place * slice_s, duration_s=slice_s, pair=number)
        for place, side in enumerate(order)
    )
    return Phase(
        name=config.name,
        test_type=test_type,
        users=None,
        steady_s=2 * slice_s,
        model=LoadModel.OPEN,
        arrivals=config.arrivals,
        slices=slices,
    )
