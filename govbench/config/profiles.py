"""Profiles and the phases they stand for; also the paired phases of the demo. Starts nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from govbench.config.settings import LoadConfig, PhaseConfig
from govbench.config.versions import default_of, with_cap
from govbench.results.plan import Arrivals, LoadModel, Phase, RatePoint, Scenario, TestType, ThinkTime

LEVELS = (10, 25, 50, 100, 250, 500, 1000)
# A fixed load that ends after so many requests ends after this time at the latest.
LONGEST_COUNTED_S = 3600.0
_VERSION_FORMAT = 1
_FIRST_FIELDS = frozenset({
    "name", "test_type", "users", "steady_s", "warmup_s", "cooldown_s", "spawn_rate", "model", "think_time",
    "arrivals", "slices", "paired", "queries", "turns", "weight", "text", "category", "low_s", "high_s",
    "pause", "points", "process", "max_in_flight", "at_s", "rate_rps", "side", "start_s", "duration_s",
    "pair",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A ready-made set of phases; seconds are those of each phase, before any ramp."""

    max_users: int
    spawn_rate: float
    baseline_warmup_s: float
    baseline_steady_s: float
    settle_s: float
    level_steady_s: float
    cooldown_s: float
    test_types: tuple[TestType, ...] = (TestType.BASELINE, TestType.CONCURRENT)


PROFILES: dict[str, Profile] = {
    # 50 users per second: the ramp to 50 users may not eat the minute that this profile has
    "quick": Profile(
        max_users=50,
        spawn_rate=50.0,
        baseline_warmup_s=2.0,
        baseline_steady_s=12.0,
        settle_s=2.0,
        level_steady_s=12.0,
        cooldown_s=2.0,
    ),
    "standard": Profile(
        max_users=1000,
        spawn_rate=10.0,
        baseline_warmup_s=5.0,
        baseline_steady_s=60.0,
        settle_s=5.0,
        level_steady_s=50.0,
        cooldown_s=5.0,
    ),
    "full": Profile(
        max_users=1000,
        spawn_rate=10.0,
        baseline_warmup_s=10.0,
        baseline_steady_s=180.0,
        settle_s=10.0,
        level_steady_s=180.0,
        cooldown_s=10.0,
    ),
}


def described(profile: str) -> str:
    """How long a profile takes at its defaults, as help and docs say it."""
    seconds = sum(phase.duration_s for phase in build_phases(LoadConfig(profile=profile)))
    minutes = round(seconds / 60)
    return "about a minute" if minutes == 1 else f"about {minutes} minutes"


def max_users(load: LoadConfig) -> int:
    """The highest level: the configured one, or that of the profile."""
    if load.users is not None:
        return load.users
    return load.max_users if load.max_users is not None else PROFILES[load.profile].max_users


def spawn_rate(load: LoadConfig) -> float:
    """Users started per second: the faster of what was configured, or the profile's own rate.

    A fixed load is not climbed to: without a configured rate all its users come at once.
    """
    configured = [] if load.spawn_rate is None else [load.spawn_rate]
    if load.ramp_up_s is not None:
        configured.append(max_users(load) / load.ramp_up_s)
    own = PROFILES[load.profile].spawn_rate
    return max(configured, default=own if load.users is None else max(own, load.users))


def levels(highest: int) -> tuple[int, ...]:
    """The user counts of the concurrent phases, rising; the last one is ``highest``."""
    return (*(level for level in LEVELS if level < highest), highest)


def test_types(load: LoadConfig) -> tuple[TestType, ...]:
    """What runs: the configured test types; or what was configured of one of them; or the profile's."""
    if load.test_types:
        return load.test_types
    if load.users is not None:
        return (TestType.CONCURRENT,)
    return (TestType.CUSTOM,) if custom_phases(load) else PROFILES[load.profile].test_types


def custom_phases(load: LoadConfig) -> tuple[PhaseConfig, ...]:
    """The configured phases; an arrival rate is one phase, and goes before others."""
    if load.arrival_rate_rps is None:
        return load.phases
    arrivals = Arrivals(
        points=(RatePoint(at_s=0.0, rate_rps=load.arrival_rate_rps),),
        process=load.arrivals,
        max_in_flight=load.max_in_flight,
    )
    return (PhaseConfig(name=f"rate_{load.arrival_rate_rps:g}", arrivals=arrivals),)


def build_phases(load: LoadConfig) -> tuple[Phase, ...]:
    """The phases of a run, in the order in which they happen.

    Only the last has a cool-down, but for those of ``[[phases]]`` that ask for one.
    """
    profile = PROFILES[load.profile]
    phases: list[Phase] = []
    for test_type in test_types(load):
        before = _users_of(phases[-1]) if phases else 0
        match test_type:
            case TestType.BASELINE:
                phases.append(_baseline(load, profile))
            case TestType.CONCURRENT:
                phases.extend(_concurrent(load, profile, before))
            case TestType.CUSTOM:
                phases.extend(_custom(load, profile, before))
    last = phases[-1]
    asked = test_types(load)[-1] is TestType.CUSTOM and custom_phases(load)[-1].cooldown_s is not None
    return (*phases[:-1], last if asked else replace(last, cooldown_s=profile.cooldown_s))


def _users_of(phase: Phase) -> int:
    return phase.users or 0


def _custom(load: LoadConfig, profile: Profile, before: int) -> list[Phase]:
    phases: list[Phase] = []
    for config in custom_phases(load):
        rate = config.spawn_rate or spawn_rate(load)
        ramp_s = max(0, (config.users or 0) - before) / rate
        phase = Phase(
            name=config.name,
            test_type=TestType.CUSTOM,
            users=None if config.arrivals else config.users or 1,
            warmup_s=ramp_s + profile.settle_s if config.warmup_s is None else config.warmup_s,
            steady_s=config.steady_s or load.test_duration_s or profile.level_steady_s,
            cooldown_s=config.cooldown_s or 0.0,
            spawn_rate=rate,
            model=LoadModel.OPEN if config.arrivals else LoadModel.CLOSED,
            think_time=config.think_time_s,
            arrivals=config.arrivals,
        )
        phases.append(phase)
        before = _users_of(phase)
    return phases


def _baseline(load: LoadConfig, profile: Profile) -> Phase:
    return Phase(
        name="baseline",
        test_type=TestType.BASELINE,
        users=1,
        warmup_s=profile.baseline_warmup_s,
        steady_s=load.test_duration_s or profile.baseline_steady_s,
        spawn_rate=spawn_rate(load),
        think_time=ThinkTime(),
    )


def _concurrent(load: LoadConfig, profile: Profile, before: int) -> list[Phase]:
    rate = spawn_rate(load)
    counted = load.users is not None and load.max_requests is not None
    phases = []
    for users in levels(max_users(load)) if load.users is None else (load.users,):
        ramp_s = max(0, users - before) / rate
        phases.append(
            Phase(
                name=f"concurrent_{users}",
                test_type=TestType.CONCURRENT,
                users=users,
                # of a fixed load of so many requests each one counts
                warmup_s=0.0 if counted else ramp_s + profile.settle_s,
                steady_s=load.test_duration_s or (LONGEST_COUNTED_S if counted else profile.level_steady_s),
                spawn_rate=rate,
            )
        )
        before = users
    return phases


def suite_version(phases: Sequence[Phase], scenarios: Sequence[Scenario]) -> str:
    """Twelve hex digits over the load of all test types: what stored runs without ``versions`` go by.

    Neither the seed nor the target nor a path is part of it. The fields of the first version are hashed
    whatever their values, so that it stays what it was; later ones where they are not at their defaults.
    """
    content = [
        _VERSION_FORMAT,
        [with_cap(phase, _as_first(phase)) for phase in phases],
        [_as_first(each) for each in scenarios],
    ]
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _as_first(value: object) -> Any:
    if is_dataclass(value):
        items = ((each, getattr(value, each.name)) for each in fields(value))
        return {
            each.name: _as_first(item)
            for each, item in items
            if each.name in _FIRST_FIELDS or item != default_of(each)
        }
    return [_as_first(item) for item in value] if isinstance(value, tuple) else value
