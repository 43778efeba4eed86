"""Which of several values of one key wins, and what to tell of the losers. Reads and parses nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from govbench.config.keys import VARIABLE_PREFIX
from govbench.config.sources import JOINED, Layer, Value
from govbench.config.targets import CommandTarget, parse_target
from govbench.config.variables import OVERLAPS, VARIABLES
from govbench.errors import ConfigError
from govbench.results.plan import Api, TestType
from govbench.results.redact import excerpt

_SHOWN_CHARS = 80
_ORDER = {variable.name: place for place, variable in enumerate(VARIABLES)}


def merge(values: Iterable[Value]) -> tuple[dict[str, Value], list[str]]:
    """The winning value of each key, and a note for each of the file or of a variable that a variable beats.

    What an option beats needs no note: whoever typed it knows.

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
            merged[key], beaten = _join(found)
            notes += beaten
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
    if winner.variable is None or value.variable == winner.variable:
        return False
    return bool(value.value != winner.value)


def _beaten(value: Value, winner: Value) -> str:
    if value.layer is Layer.FILE:
        return f"{value.label}: {_text(value)}: {winner.label} wins, which says {_text(winner)}"
    if value.layer is not winner.layer:
        rule = "the environment goes before .env.test"
    elif _is_own(winner):
        rule = "govbench's own variable goes first"
    else:
        rule = OVERLAPS[value.key].rule
    return f"{value.label}: {winner.label} wins: {rule}"


def _text(value: Value) -> str:
    """A value as a note shows it: short, on one line, and nothing in it that looks like a secret."""
    match value.value:
        case bool():
            return str(value.value).lower()
        case float():
            return f"{value.value:.12g}"
        case tuple() | list() as several if all(isinstance(each, str | int) for each in several):
            return ", ".join(map(str, several)) or "none"
        case tuple() | list() as several:
            return f"{len(several)} of them"
        case other:
            return excerpt(_target_or_text(value.key, str(other)), chars=_SHOWN_CHARS)


def _target_or_text(key: str, text: str) -> str:
    """A target as reports name it, without what looks like a credential; any other text as it is."""
    if key == "stack.build":
        return CommandTarget(command=text).form.removeprefix("command:")
    if key != "target.form":
        return text
    try:
        return parse_target(text).form
    except ConfigError:  # it was beaten, so nobody will be told what is wrong with it
        return text


def _join(found: list[Value]) -> tuple[Value, list[str]]:
    """The tables in one, and a note for each name of the file that a variable beats; values are not shown."""
    ordered = sorted(found, key=lambda value: value.layer)
    folded = ordered[0].key == "target.headers"  # names of headers are the same in any case
    joined: dict[str, tuple[str, str, Value]] = {}
    notes = []
    for value in ordered:
        for name, text in value.value.items():
            place = name.lower() if folded else name
            before = joined.get(place)
            joined[place] = (name, text, value)
            if before and before[2].layer is Layer.FILE and value.variable and before[1] != text:
                notes.append(f"{before[2].label}: {before[0]}: {value.label} wins")
    pairs = {name: text for name, text, _ in joined.values()}
    return replace(ordered[-1], value=pairs), notes


def settle_ramp(merged: dict[str, Value]) -> list[str]:
    """Of spawn rate and ramp-up time, drop the one of a lower layer; the same layer keeps both."""
    pair = [merged[key] for key in ("load.spawn_rate", "load.ramp_up_s") if key in merged]
    if len({value.layer for value in pair}) < 2:
        return []
    loser, winner = sorted(pair, key=lambda value: value.layer)
    del merged[loser.key]
    return [f"{loser.label}: {winner.label} wins: {_LAYER_NAMES[winner.layer]} goes first"]


def settle_users(merged: dict[str, Value]) -> list[str]:
    """Of one fixed number of users and another load, drop the one of a lower layer.

    Raises:
        ConfigError: both are of the same layer.
    """
    notes: list[str] = []
    for key in _against_users(merged):
        users = merged.get("load.users")
        if users is None:
            break
        loser, winner = sorted((users, merged[key]), key=lambda value: value.layer)
        if loser.layer is winner.layer:
            raise ConfigError(f"{users.label}: contradicts {merged[key].label}", hint="keep one of them")
        if loser.key != "load.profile":  # it still says how long users settle
            del merged[loser.key]
            notes.append(f"{loser.label}: not used, for {winner.label} goes first")
    return notes


def _against_users(merged: Mapping[str, Value]) -> list[str]:
    """What asks for another load than one fixed number of users, as far as it is there."""
    users, chosen = merged.get("load.users"), merged.get("load.test_types")
    against = ["load.profile", "load.max_users"]
    if users is not None and chosen is not None and TestType.CONCURRENT not in chosen.value:
        against.append("load.test_types")
    elif chosen is None:
        against += ["phases", "load.arrival_rate_rps"]
    return [key for key in against if key in merged]


def settle_typed_levels(merged: dict[str, Value]) -> list[str]:
    """Drop the phases that a typed number of users of a paired comparison takes the place of."""
    typed = [
        merged[key] for key in ("ab.users", "ab.levels") if key in merged and merged[key].layer is Layer.FLAGS
    ]
    if not typed or "load.test_types" in merged:
        return []
    losers = [merged.pop(key) for key in ("phases", "load.arrival_rate_rps") if key in merged]
    return [f"{loser.label}: not used, for {typed[0].label} goes first" for loser in losers]


def settle_typed_request(merged: dict[str, Value]) -> None:
    """Who types a method or a body means api ``http``, and with a body alone POST, as with curl."""
    body = merged.get("target.http.body")
    given = (merged.get("target.http.method"), body)
    typed = [value for value in given if value is not None and value.layer is Layer.FLAGS]
    if typed and "target.api" not in merged:
        merged["target.api"] = replace(typed[0], key="target.api", value=Api.HTTP)
    if body is not None and body in typed and "target.http.method" not in merged:
        merged["target.http.method"] = replace(body, key="target.http.method", value="POST")


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
