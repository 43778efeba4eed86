"""Queries and scenarios: the built-in ones, and those of files and tables. Chooses between none of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from govbench.config import values as v
from govbench.config.sources import read_text
from govbench.config.tables import THINK_TIME, pair, read_table
from govbench.config.values import Kind
from govbench.errors import ConfigError
from govbench.results.plan import Query, Scenario, ThinkTime

BUILT_IN_THINK_TIME = ThinkTime(low_s=0.1, high_s=0.3)
_BUILT_IN_TURNS = 3


def _mean_turns(raw: object) -> int:
    low, high = pair(raw, v.whole(1))
    return int(low + high + 1) // 2


FIELDS: dict[str, Kind] = {
    "name": v.TEXT,
    "queries": Kind(
        expected="a list of texts or of {query, category}",
        parse=lambda raw: tuple(_queries(raw)),
        schema={"type": ["array", "object"], "items": {"type": ["string", "object", "array"]}},
    ),
    "queries_file": v.PATH,
    "think_time_s": THINK_TIME,
    "turns": v.whole(1),
    "weight": v.number(above=True),
}
# the GovStack suite writes its scenario files with these
_SUITE_FIELDS: dict[str, tuple[str, Kind]] = {
    "think_time": ("think_time_s", THINK_TIME),
    "session_length": ("turns", Kind(expected="a whole number >= 1, or [low, high]", parse=_mean_turns)),
    "description": ("description", Kind(expected="anything", parse=lambda raw: raw)),
}


def built_in_queries() -> tuple[Query, ...]:
    """The queries that govbench brings along."""
    text = resources.files("govbench.config").joinpath("sample_queries.json").read_text(encoding="utf-8")
    return tuple(_queries(json.loads(text)))


def built_in_scenario(queries: tuple[Query, ...], *, pauses: bool = True) -> Scenario:
    """The kind of user that stands in where none is configured; without ``pauses`` it does not think."""
    think_time = BUILT_IN_THINK_TIME if pauses else ThinkTime()
    return Scenario(name="citizen", queries=queries, think_time=think_time, turns=_BUILT_IN_TURNS)


def _queries(raw: object, category: str = "general") -> Iterator[Query]:
    if isinstance(raw, str) and raw.strip():
        yield Query(text=raw.strip(), category=category)
    elif isinstance(raw, list):
        for item in raw:
            yield from _queries(item, category)
    elif isinstance(raw, dict) and "query" in raw:
        if set(raw) - {"query", "category"}:
            raise v.WrongValue("an entry has query and category")
        yield Query(text=v.TEXT.parse(raw["query"]), category=v.TEXT.parse(raw.get("category", category)))
    elif isinstance(raw, dict):
        for name, group in raw.items():
            yield from _queries(group, str(name))
    else:
        raise v.WrongValue


def _json(path: Path, label: str) -> Any:
    text = read_text(path, f"{label}: {path}")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{label}: {path}:{error.lineno}: {error.msg}", hint="this is not valid JSON"
        ) from error


def read_queries(path: Path, label: str) -> tuple[Query, ...]:
    """The queries of a file: ``.txt``, one per line; else JSON, a list or lists by category."""
    if path.suffix == ".txt":
        lines = (line.strip() for line in read_text(path, f"{label}: {path}").splitlines())
        found = tuple(Query(text=line) for line in lines if line and not line.startswith("#"))
    else:
        kind = Kind(
            expected="queries as texts, as {query, category}, or by category",
            parse=lambda raw: tuple(_queries(raw)),
        )
        try:
            found = kind.parse(_json(path, label))
        except v.WrongValue as error:
            raise ConfigError(
                f"{label}: {path}: expected {kind.expected}", hint=str(error) or None
            ) from error
    if not found:
        raise ConfigError(f"{label}: {path} holds no queries", hint="give at least one")
    return found


def read_scenarios(path: Path, label: str, default: tuple[Query, ...]) -> tuple[Scenario, ...]:
    """The scenarios of a JSON file: a list, an object of them by name, or either under ``scenarios``."""
    raw = _json(path, label)
    if isinstance(raw, dict) and "scenarios" in raw:
        raw = raw["scenarios"]
    if isinstance(raw, dict):
        raw = [{"name": name, **item} if isinstance(item, dict) else item for name, item in raw.items()]
    if not isinstance(raw, list) or not raw or not all(isinstance(item, dict) for item in raw):
        raise ConfigError(f"{label}: {path}: expected a list of scenarios, or an object of them by name")
    return parse_scenarios(
        raw, label=f"{label}: {path}", base=path.parent, default=default, suite_fields=True
    )


def parse_scenarios(
    tables: Sequence[Mapping[str, Any]],
    *,
    label: str,
    base: Path,
    default: tuple[Query, ...],
    suite_fields: bool = False,
) -> tuple[Scenario, ...]:
    """The scenarios of tables; one without queries asks the ``default`` ones."""
    found = []
    for number, table in enumerate(tables, start=1):
        name = table.get("name")
        where = f"{label} {number}" + (f" ({name})" if isinstance(name, str) else "")
        found.append(_scenario(table, where, base=base, default=default, suite_fields=suite_fields))
    names = [scenario.name for scenario in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"{label}: two scenarios are called {name!r}", hint="give each a name of its own"
            )
    return tuple(found)


def _scenario(
    table: Mapping[str, Any], where: str, *, base: Path, default: tuple[Query, ...], suite_fields: bool
) -> Scenario:
    known = {name: (name, kind) for name, kind in FIELDS.items()} | (_SUITE_FIELDS if suite_fields else {})
    fields = read_table(table, where, known, noun="scenario", listed=tuple(FIELDS))
    if "name" not in fields:
        raise ConfigError(f"{where}: has no name", hint='write name = "..."')
    if "queries" in fields and "queries_file" in fields:
        raise ConfigError(f"{where}: has both queries and queries_file", hint="keep one of them")
    if "queries_file" in fields:
        queries = read_queries(base / fields["queries_file"], f"{where} queries_file")
    else:
        queries = fields.get("queries", default)
    if not queries:
        raise ConfigError(f"{where} queries: expected at least one")
    return Scenario(
        name=fields["name"],
        queries=queries,
        think_time=fields.get("think_time_s", BUILT_IN_THINK_TIME),
        turns=fields.get("turns", 1),
        weight=fields.get("weight", 1.0),
    )
