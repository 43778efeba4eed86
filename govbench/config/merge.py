"""Which of several values of one key wins, and what to tell of the losers. Reads and parses nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from govbench.config.keys import VARIABLE_PREFIX
from govbench.config.sources import JOINED, Layer, Value
from govbench.config.variables import OVERLAPS, VARIABLES
from govbench.errors import ConfigError

_ORDER = {variable.name: place for place, variable in enumerate(VARIABLES)}


def merge(values: Iterable[Value]) -> tuple[dict[str, Value], list[str]]:
    """The winning value of each key, and a note for each variable that another variable beats.

    The higher layer wins; within one, govbench's own variable goes before those of the suite, and these
    follow ``OVERLAPS``. Tables in ``JOINED`` are joined instead, the higher layer winning by name.
    """
    by_key: dict[str, list[Value]] = {}
    for value in values:
        by_key.setdefault(value.key, []).append(value)
    merged: dict[str, Value] = {}
    notes: list[str] = []
    for key, found in by_key.items():
        if key in JOINED:
            merged[key] = _join(found)
            continue
        merged[key] = min(found, key=_precedence)
        notes += [_beaten(value, merged[key]) for value in found if _worth_a_note(value, merged[key])]
    return merged, notes


def _precedence(value: Value) -> tuple[float, bool, float, int]:
    overlap = OVERLAPS.get(value.key)
    return (
        -value.layer,
        not _is_own(value),
        overlap.rank(value.value) if overlap else 0,
        _ORDER.get(value.variable or "", 0),
    )


def _is_own(value: Value) -> bool:
    return (value.variable or "").startswith(VARIABLE_PREFIX)


def _worth_a_note(value: Value, winner: Value) -> bool:
    if value.variable is None or winner.variable is None or value.variable == winner.variable:
        return False
    return bool(value.value != winner.value)


def _beaten(value: Value, winner: Value) -> str:
    if value.layer is not winner.layer:
        rule = "the environment goes before .env.test"
    elif _is_own(winner):
        rule = "govbench's own variable goes first"
    else:
        rule = OVERLAPS[value.key].rule
    return f"{value.label}: {winner.label} wins: {rule}"


def _join(found: list[Value]) -> Value:
    ordered = sorted(found, key=lambda value: value.layer)
    joined: dict[str, tuple[str, str]] = {}
    for value in ordered:
        folded = value.key == "target.headers"  # names of headers are the same in any case
        joined |= {(name.lower() if folded else name): (name, text) for name, text in value.value.items()}
    return replace(ordered[-1], value=dict(joined.values()))


def settle_ramp(merged: dict[str, Value]) -> list[str]:
    """Of spawn rate and ramp-up time, drop the one of a lower layer; the same layer keeps both."""
    pair = [merged[key] for key in ("load.spawn_rate", "load.ramp_up_s") if key in merged]
    if len({value.layer for value in pair}) < 2:
        return []
    loser, winner = sorted(pair, key=lambda value: value.layer)
    del merged[loser.key]
    return [f"{loser.label}: {winner.label} wins: {_LAYER_NAMES[winner.layer]} goes first"]


def settle_phases(merged: dict[str, Value]) -> list[str]:
    """Of ``[[phases]]`` and an arrival rate, which is a phase of its own, drop the one of a lower layer.

    Raises:
        ConfigError: both are of the same layer.
    """
    pair = [merged[key] for key in ("phases", "load.arrival_rate_rps") if key in merged]
    if len(pair) < 2:
        return []
    loser, winner = sorted(pair, key=lambda value: value.layer)
    if loser.layer is winner.layer:
        raise ConfigError(f"{winner.label}: contradicts {loser.label}", hint="keep one of them")
    del merged[loser.key]
    return [f"{loser.label}: not used, for {winner.label} goes first"]


_LAYER_NAMES = {
    Layer.FILE: "the file",
    Layer.DOTENV: ".env.test",
    Layer.ENVIRONMENT: "the environment",
    Layer.FLAGS: "an option",
}


def tree(merged: Mapping[str, Value], fields: Mapping[str, str | None]) -> dict[str, Any]:
    """The values nested by the dotted place that ``fields`` gives each key; keys without one are left out."""
    root: dict[str, Any] = {}
    for name, value in merged.items():
        place = fields[name]
        if place is None:
            continue
        *parents, last = place.split(".")
        node = root
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value.value
    return root
