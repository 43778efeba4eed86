"""One table of ``[[scenarios]]`` or ``[[phases]]``: its keys and values. What they are for, others know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from govbench.config import values as v
from govbench.config.sources import parsed
from govbench.config.values import Kind, closest
from govbench.errors import ConfigError
from govbench.results.plan import Pause, ThinkTime


def read_table(
    table: Mapping[str, Any],
    where: str,
    known: Mapping[str, tuple[str, Kind]],
    *,
    noun: str,
    listed: tuple[str, ...],
) -> dict[str, Any]:
    """The values of a table by field.

    Args:
        table: as it was written.
        where: how messages name the table.
        known: key -> (field, kind); of two keys of one field the later one stands.
        noun: what the table describes, for the hint of an unknown key.
        listed: the keys that such a hint names.

    Raises:
        ConfigError: a key is unknown, or its value not of its kind.
    """
    found: dict[str, Any] = {}
    for name, raw in table.items():
        if name not in known:
            like = closest(name, listed)
            hint = f"did you mean {like}?" if like else f"a {noun} has {', '.join(listed)}"
            raise ConfigError(f"{where} {name}: unknown key", hint=hint)
        field, kind = known[name]
        found[field] = parsed(kind, raw, f"{where} {name}")
    return found


def pair(raw: object, one: Kind) -> tuple[Any, Any]:
    """Two values in order from ``[low, high]``, or twice the same from one."""
    if isinstance(raw, list):
        if len(raw) != 2:
            raise v.WrongValue
        low, high = (one.parse(item) for item in raw)
    else:
        low = high = one.parse(raw)
    if low > high:
        raise v.WrongValue("the lower one comes first")
    return low, high


def _one_or_pair(one: Kind) -> list[dict[str, Any]]:
    """In JSON Schema: a value, or two of them."""
    return [dict(one.schema), {"type": "array", "items": dict(one.schema), "minItems": 2, "maxItems": 2}]


def _think_time(raw: object) -> ThinkTime:
    if not isinstance(raw, dict):
        low, high = pair(raw, v.duration(above=False))
        return ThinkTime(low_s=low, high_s=high)
    if len(raw) != 1:
        raise v.WrongValue
    ((word, bounds),) = raw.items()
    pause = v.choice(Pause).parse(word)
    low, high = pair(bounds, v.duration(above=pause is not Pause.UNIFORM))
    return ThinkTime(low_s=low, high_s=high, pause=pause)


THINK_TIME = Kind(
    expected="seconds >= 0, [low, high], { exponential = mean } or { pacing = seconds }",
    parse=_think_time,
    schema={
        "anyOf": [
            *_one_or_pair(v.duration(above=False)),
            {
                "type": "object",
                "properties": {
                    word: {"anyOf": _one_or_pair(v.duration(above=word is not Pause.UNIFORM))}
                    for word in Pause
                },
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    },
)
