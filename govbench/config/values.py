"""How a value is written: each kind says what it expects and turns text or TOML into it. Knows no keys.

Each also says in JSON Schema what a TOML file may hold, for editors; ``schema.py`` puts these together.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_BYTES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
}
_WITH_UNIT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", re.IGNORECASE)
ANSWERS_KEPT_BY_TRUE = 100
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class WrongValue(ValueError):
    """A value that is not of its kind; the text is a hint where there is one to give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A way to write a value.

    ``parse`` takes what TOML, a variable or an option holds and raises ``ValueError`` when that is not
    ``expected``. Where ``text_in_file`` is false, a TOML file must not put the value in quotes. ``schema`` is
    what it may hold, as a fragment of JSON Schema.
    """

    expected: str
    parse: Callable[[Any], Any]
    schema: Mapping[str, Any] = field(default_factory=dict, hash=False)
    text_in_file: bool = True


def closest(word: str, words: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The word most like ``word``, or None where nothing is as like it as ``cutoff`` asks."""
    folded = {known.lower(): known for known in words}
    found = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=cutoff)
    return folded[found[0]] if found else None


def whole(low: int = 0, high: int | None = None) -> Kind:
    """A whole number within bounds, both included."""

    def parse(raw: object) -> int:
        if isinstance(raw, str) and re.fullmatch(r"[+-]?\d+", raw.strip()):
            raw = int(raw)
        if not isinstance(raw, int) or isinstance(raw, bool):
            raise WrongValue
        if raw < low or (high is not None and raw > high):
            raise WrongValue
        return raw

    expected = f"a whole number >= {low}" if high is None else f"a whole number from {low} to {high}"
    schema: dict[str, Any] = {"type": "integer", "minimum": low}
    if high is not None:
        schema["maximum"] = high
    return Kind(expected=expected, parse=parse, schema=schema, text_in_file=False)


def _finite(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise WrongValue
    value = float(raw)
    if not math.isfinite(value):
        raise WrongValue
    return value


def number(low: float = 0.0, high: float = math.inf, *, above: bool = False, below: bool = False) -> Kind:
    """A finite number within bounds; ``above`` and ``below`` leave the bounds themselves out."""

    def parse(raw: object) -> float:
        value = _finite(raw)
        if value < low or value > high or (above and value == low) or (below and value == high):
            raise WrongValue
        return value

    expected = f"a number {'>' if above else '>='} {low:g}"
    if math.isfinite(high):
        expected += f" and {'<' if below else '<='} {high:g}"
    schema = _bounds(low, high, above=above, below=below)
    return Kind(expected=expected, parse=parse, schema=schema, text_in_file=False)


def _bounds(
    low: float, high: float = math.inf, *, above: bool = False, below: bool = False
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "number", "exclusiveMinimum" if above else "minimum": low}
    if math.isfinite(high):
        schema["exclusiveMaximum" if below else "maximum"] = high
    return schema


def _or_text_with(number: Mapping[str, Any], units: Iterable[str]) -> dict[str, Any]:
    """A number, or a text of a number with one of these units in any case."""
    words = "|".join(_in_any_case(unit) for unit in units if unit)
    text = {"type": "string", "pattern": rf"^\s*(\d+(\.\d*)?|\.\d+)\s*({words})?\s*$"}
    return {"anyOf": [dict(number), text]}


def _in_any_case(word: str) -> str:
    return "".join(f"[{letter.lower()}{letter.upper()}]" for letter in word)


def _scaled(raw: object, units: Mapping[str, float]) -> float:
    if not isinstance(raw, str):
        return _finite(raw)
    found = _WITH_UNIT.fullmatch(raw.strip())
    if found is None or found[2].lower() not in units:
        raise WrongValue
    return float(found[1]) * units[found[2].lower()]


def duration(*, above: bool = True) -> Kind:
    """A stretch of time in seconds: a number, or text such as ``500ms`` and ``2m``."""

    def parse(raw: object) -> float:
        value = _scaled(raw, _SECONDS)
        if value < 0 or (above and value == 0):
            raise WrongValue
        return value

    return Kind(
        expected=f'seconds {">" if above else ">="} 0, or text such as "500ms" or "2m"',
        parse=parse,
        schema=_or_text_with(_bounds(0, above=above), _SECONDS),
    )


def _size(raw: object) -> int:
    value = _scaled(raw, _BYTES)
    if value < 0 or value != int(value):
        raise WrongValue
    return int(value)


def _switch(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.strip().lower() in _TRUE | _FALSE:
        return raw.strip().lower() in _TRUE
    raise WrongValue


def _text(raw: object) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise WrongValue
    return raw.strip()


def _path(raw: object) -> Path:
    return raw if isinstance(raw, Path) else Path(_text(raw))


def matching(pattern: str, expected: str) -> Kind:
    """Text of a certain form."""

    def parse(raw: object) -> str:
        text = _text(raw)
        if re.fullmatch(pattern, text) is None:
            raise WrongValue
        return text

    return Kind(expected=expected, parse=parse, schema={"type": "string", "pattern": f"^({pattern})$"})


def choice(words: type[StrEnum] | Iterable[str], *, any_case: bool = False) -> Kind:
    """One of a few words; a member, for an enumeration. ``any_case``: of words in capitals."""
    known: dict[str, Any] = {str(word): word for word in words}

    def parse(raw: object) -> Any:
        text = _text(raw).upper() if any_case else _text(raw)
        if text not in known:
            like = closest(text, known)
            raise WrongValue(f"did you mean {like!r}?" if like else "")
        return known[text]

    pattern = "|".join(map(_in_any_case, known))
    schema = {"type": "string", "pattern": f"^({pattern})$"} if any_case else {"enum": list(known)}
    return Kind(expected=f"one of {', '.join(known)}", parse=parse, schema=schema)


def choices(words: type[StrEnum] | Iterable[str], *, or_none: bool = False) -> Kind:
    """Several of a few words, as a list or separated by commas; ``or_none`` also takes none of them."""
    one = choice(words)

    def parse(raw: object) -> tuple[Any, ...]:
        parts = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(parts, list | tuple):
            raise WrongValue
        # an option that may be repeated gives a list whose items may hold commas themselves
        flat = [piece for part in parts for piece in (part.split(",") if isinstance(part, str) else [part])]
        if or_none and flat in ([], ["none"]):
            return ()
        if not flat:
            raise WrongValue
        return tuple(dict.fromkeys(one.parse(part) for part in flat))

    expected = one.expected.replace("one of", "a list of") + (" (or none)" if or_none else "")
    known = [str(word) for word in words]
    each = "|".join(known)
    some: dict[str, Any] = {"type": "array", "items": {"enum": known}, "minItems": 1}
    text = {"type": "string", "pattern": rf"^\s*({each})(\s*,\s*({each}))*\s*$"}
    none: list[dict[str, Any]] = [{"enum": [[], "none", ["none"]]}] if or_none else []
    return Kind(expected=expected, parse=parse, schema={"anyOf": [some, text, *none]})


def rising(low: int, high: int) -> Kind:
    """Whole numbers within bounds, as a list or separated by commas; in rising order, each once."""
    one = whole(low, high)

    def parse(raw: object) -> tuple[int, ...]:
        parts = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(parts, list) or not parts:
            raise WrongValue
        return tuple(sorted({one.parse(part) for part in parts}))

    schema = {"type": "array", "items": dict(one.schema), "minItems": 1}
    return Kind(expected=f"a list of whole numbers from {low} to {high}", parse=parse, schema=schema)


def _log_level(raw: object) -> str:
    text = _text(raw).upper()
    text = "WARNING" if text == "WARN" else text
    if text not in LOG_LEVELS:
        raise WrongValue
    return text


def _answers(raw: object) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return int(whole().parse(raw))
    if isinstance(raw, str) and raw.strip().isdigit():
        return int(raw)
    return ANSWERS_KEPT_BY_TRUE if _switch(raw) else 0


def _strings(raw: object) -> dict[str, str]:
    if isinstance(raw, str):
        raw = json.loads(raw)
    if not isinstance(raw, dict) or any(
        isinstance(item, dict | list) or item is None for item in raw.values()
    ):
        raise WrongValue
    return {str(key): item if isinstance(item, str) else json.dumps(item) for key, item in raw.items()}


def _headers(raw: object) -> dict[str, str]:
    lines = raw.splitlines() if isinstance(raw, str) and not raw.lstrip().startswith("{") else raw
    if not isinstance(lines, list | tuple):
        found = _strings(lines)
    else:
        pairs = [str(line).partition(":") for line in lines]
        if any(not colon for _, colon, _ in pairs):
            raise WrongValue("write it as Name: value, with a colon")
        found = {name.strip(): value.strip() for name, _, value in pairs}
    if any(not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) for name in found):
        raise WrongValue("a header's name is made of letters, digits and dashes")
    if any("\r" in value or "\n" in value for value in found.values()):
        raise WrongValue("a header's value is a single line")
    return found


def _body(raw: object) -> str:
    return json.dumps(raw) if isinstance(raw, dict | list) else _text(raw)


def _tables(raw: object) -> list[dict[str, Any]]:
    if isinstance(raw, str):
        raw = json.loads(raw)
    if not isinstance(raw, list) or not raw or not all(isinstance(item, dict) for item in raw):
        raise WrongValue
    return raw


_TEXT_SCHEMA: Mapping[str, Any] = {"type": "string", "pattern": r"\S"}
_SCALAR: Mapping[str, Any] = {"type": ["string", "number", "boolean"]}

SWITCH = Kind(
    expected="true or false (text: true, 1, yes, on, false, 0, no, off)",
    parse=_switch,
    schema={"type": "boolean"},
    text_in_file=False,
)
TEXT = Kind(expected="a text that is not empty", parse=_text, schema=_TEXT_SCHEMA)
PATH = Kind(expected="a path", parse=_path, schema=_TEXT_SCHEMA)
SIZE = Kind(
    expected='bytes >= 0, or text such as "10KiB" or "1MB"',
    parse=_size,
    schema=_or_text_with({"type": "integer", "minimum": 0}, _BYTES),
)
LOG_LEVEL = Kind(
    expected=f"one of {', '.join(LOG_LEVELS)}",
    parse=_log_level,
    schema={"type": "string", "pattern": f"^({'|'.join(map(_in_any_case, (*LOG_LEVELS, 'WARN')))})$"},
)
ANSWERS = Kind(
    expected=f"a whole number >= 0, or true for {ANSWERS_KEPT_BY_TRUE}",
    parse=_answers,
    schema={"anyOf": [{"type": "integer", "minimum": 0}, {"type": "boolean"}]},
)
STRINGS = Kind(
    expected="a table of texts (as a variable: a JSON object)",
    parse=_strings,
    schema={"type": "object", "additionalProperties": _SCALAR},
)
HEADERS = Kind(
    expected='"Name: value" lines, a JSON object, or in the file a table',
    parse=_headers,
    schema={
        "anyOf": [
            {"type": "object", "additionalProperties": _SCALAR},
            {"type": "array", "items": {"type": "string", "pattern": ":"}},
            {"type": "string"},
        ]
    },
)
BODY = Kind(
    expected="a text, or a table that becomes JSON",
    parse=_body,
    schema={"anyOf": [{"type": "object"}, {"type": "array"}, _TEXT_SCHEMA]},
)
_TABLES_SCHEMA: Mapping[str, Any] = {"type": "array", "items": {"type": "object"}, "minItems": 1}
SCENARIOS = Kind(
    expected="tables [[scenarios]] (as a variable: a JSON list of objects)",
    parse=_tables,
    schema=_TABLES_SCHEMA,
)
PHASES = Kind(
    expected="tables [[phases]] (as a variable: a JSON list of objects)", parse=_tables, schema=_TABLES_SCHEMA
)
URL_PATH = matching(r"/\S*", 'a path that starts with "/"')
