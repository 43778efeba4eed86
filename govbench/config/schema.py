"""The JSON Schema of ``govbench.toml``, from the declared keys: what editors complete and check by.

It says what each key takes by itself; what contradicts what, only reading the file says (``checks.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from govbench.config.keys import KEYS, Key
from govbench.config.phases import FIELDS as PHASE_FIELDS
from govbench.config.phases import LOADS
from govbench.config.queries import FIELDS as SCENARIO_FIELDS
from govbench.config.reference import default_of
from govbench.config.values import Kind

SCHEMA_URL = "https://raw.githubusercontent.com/govstack/govbench/main/docs/govbench.schema.json"
# Draft 7 is what the editors of TOML know best.
_DRAFT = "http://json-schema.org/draft-07/schema#"


def json_schema() -> dict[str, Any]:
    """The schema; docs/govbench.schema.json is this value."""
    root = _table()
    for key in KEYS.values():
        if not key.secret:  # refused in a file
            *tables, last = key.name.split(".")
            node = root
            for name in tables:
                node = node["properties"].setdefault(name, _table())
            node["properties"][last] = _entry(key)
    return {
        "$schema": _DRAFT,
        "$id": SCHEMA_URL,
        "title": "govbench.toml",
        "description": "Configuration of govbench, as docs/configuration.md describes it.",
        **root,
    }


def schema_text() -> str:
    """The schema as the file in docs/ holds it."""
    return json.dumps(json_schema(), indent=1) + "\n"


def _table() -> dict[str, Any]:
    return {"type": "object", "properties": {}, "additionalProperties": False}


def _entry(key: Key) -> dict[str, Any]:
    entry = {"description": key.effect, **_SCHEMAS.get(key.name, key.kind.schema)}
    default = default_of(key)
    return entry if default is None else {**entry, "default": default}


def _tables(fields: Mapping[str, Kind], **rules: Any) -> dict[str, Any]:
    """A list of tables that have these fields."""
    properties = {name: {"description": kind.expected, **kind.schema} for name, kind in fields.items()}
    one = {**_table(), "properties": properties, "required": ["name"], **rules}
    return {"type": "array", "minItems": 1, "items": one}


_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "phases": _tables(PHASE_FIELDS, oneOf=[{"required": [name]} for name in LOADS]),
    "scenarios": _tables(SCENARIO_FIELDS),
}
