"""The phases of ``[[phases]]`` as they are written. What they leave open, ``profiles.py`` fills in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from govbench.config import values as v
from govbench.config.settings import PhaseConfig
from govbench.config.tables import THINK_TIME, read_table
from govbench.config.values import Kind
from govbench.errors import ConfigError
from govbench.results.plan import (
    DEFAULT_MAX_IN_FLIGHT,
    MOST_PHASES,
    MOST_USERS,
    ArrivalProcess,
    Arrivals,
    RatePoint,
)


def _rates(raw: object) -> tuple[RatePoint, ...]:
    if not isinstance(raw, list) or not all(isinstance(item, list) and len(item) == 2 for item in raw):
        raise v.WrongValue
    at, rate = v.duration(above=False), v.number()
    points = tuple(RatePoint(at_s=at.parse(a), rate_rps=rate.parse(r)) for a, r in raw)
    Arrivals(points=points)  # says what is wrong with them as a whole
    return points


_RATE = v.number(above=True)
FIELDS: dict[str, Kind] = {
    "name": v.matching(r"[A-Za-z0-9][A-Za-z0-9_.-]*", "a name of letters, digits, dots, dashes, underscores"),
    "users": v.whole(1, MOST_USERS),
    "spawn_rate": _RATE,
    "think_time_s": THINK_TIME,
    "rate_rps": _RATE,
    "rates": Kind(
        expected="[[seconds, requests per second], ...], rising in time",
        parse=_rates,
        schema={
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "array",
                "items": dict(v.duration(above=False).schema),
                "minItems": 2,
                "maxItems": 2,
            },
        },
    ),
    "arrivals": v.choice(ArrivalProcess),
    "max_in_flight": v.whole(1, MOST_USERS),
    "warmup_s": v.duration(above=False),
    "steady_s": v.duration(),
    "cooldown_s": v.duration(above=False),
}
LOADS = ("users", "rate_rps", "rates")
# What the phases of the other test types are called.
_PLANNED = re.compile(r"baseline|concurrent_\d+")
_OF_USERS, _OF_RATES = ("spawn_rate", "think_time_s"), ("arrivals", "max_in_flight")


def parse_phases(tables: Sequence[Mapping[str, Any]], *, label: str) -> tuple[PhaseConfig, ...]:
    """The phases of tables, in the order in which they happen.

    Raises:
        ConfigError: a table lacks a key, has one too many, or two have one name.
    """
    if len(tables) > MOST_PHASES:
        raise ConfigError(f"{label}: {len(tables)} phases, and a run has at most {MOST_PHASES}")
    found = []
    for number, table in enumerate(tables, start=1):
        name = table.get("name")
        where = f"{label} {number}" + (f" ({name})" if isinstance(name, str) else "")
        found.append(_phase(table, where))
    names = [phase.name for phase in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{label}: two phases are called {name!r}", hint="give each a name of its own")
    return tuple(found)


def _phase(table: Mapping[str, Any], where: str) -> PhaseConfig:
    known = {name: (name, kind) for name, kind in FIELDS.items()}
    fields = read_table(table, where, known, noun="phase", listed=tuple(FIELDS))
    if "name" not in fields:
        raise ConfigError(f"{where}: has no name", hint='write name = "..."')
    if _PLANNED.fullmatch(fields["name"]):
        raise ConfigError(
            f"{where} name: a phase of another test type is called {fields['name']}",
            hint="choose another name",
        )
    loads = [name for name in LOADS if name in fields]
    if len(loads) != 1:
        said = " and ".join(loads) if loads else f"none of {', '.join(LOADS)}"
        raise ConfigError(f"{where}: has {said}", hint="a phase has users, or rate_rps, or rates")
    for name in _OF_RATES if loads == ["users"] else _OF_USERS:
        if name in fields:
            raise ConfigError(f"{where} {name}: does not go with {loads[0]}", hint="leave one of them out")
    rate, points = fields.pop("rate_rps", None), fields.pop("rates", None)
    process = fields.pop("arrivals", ArrivalProcess.POISSON)
    most = fields.pop("max_in_flight", DEFAULT_MAX_IN_FLIGHT)
    if rate is not None:
        points = (RatePoint(at_s=0.0, rate_rps=rate),)
    arrivals = Arrivals(points=points, process=process, max_in_flight=most) if points else None
    return PhaseConfig(**fields, arrivals=arrivals)
