"""Defaults < file < ``.env.test`` < environment < options, merged once into frozen ``Settings``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from govbench.config import checks, sources
from govbench.config.environment import environment
from govbench.config.gate import CommitFiles, with_gate_of
from govbench.config.keys import KEYS
from govbench.config.merge import (
    merge,
    settle_phases,
    settle_ramp,
    settle_typed_levels,
    settle_typed_request,
    settle_users,
    tree,
)
from govbench.config.phases import parse_phases
from govbench.config.queries import (
    built_in_queries,
    built_in_scenario,
    parse_scenarios,
    read_queries,
    read_scenarios,
)
from govbench.config.requests import api_of
from govbench.config.settings import (
    DEFAULT_ERROR_RATE,
    AbConfig,
    BaselineConfig,
    Call,
    CompareConfig,
    Gate,
    LoadConfig,
    MetricRule,
    OnNotMeasured,
    OutputConfig,
    PhaseConfig,
    Settings,
    StackConfig,
    TargetConfig,
    Threshold,
)
from govbench.config.sources import Layer, Value
from govbench.config.targets import Target, parse_target
from govbench.errors import ConfigError
from govbench.results.metrics import MetricName
from govbench.results.plan import Deadlines, HttpTemplate, Query, Scenario, TestType

__all__ = ["environment", "load_settings"]

ON_NOT_MEASURED = "thresholds.on_not_measured"


def load_settings(
    *,
    flags: Mapping[str, object],
    config_file: Path | None,
    environ: Mapping[str, str],
    cwd: Path,
    gate_files: CommitFiles | None = None,
) -> Settings:
    """The settings of one call.

    Args:
        flags: options by dotted key (``load.max_users``); None is not given.
        config_file: a TOML file to read; without it ``govbench.toml`` or ``[tool.govbench]`` of
            ``pyproject.toml`` is looked for in ``cwd`` and its parents.
        environ: the environment, as ``environment()`` gives it.
        cwd: where ``.env.test`` lies and relative paths of variables and options start.
        gate_files: the files of the commit that the gate is read from; None: those of the work tree.

    Raises:
        ConfigError: a value, key, variable or option is wrong, or two contradict each other.
    """
    cwd = cwd.absolute()
    path, notes = (cwd / config_file, ()) if config_file is not None else sources.find_file(cwd)
    from_file = sources.read_file(path, cwd) if path is not None else ()
    dotenv = sources.read_environment(sources.read_dotenv(cwd), Layer.DOTENV, cwd)
    process = sources.read_environment(environ, Layer.ENVIRONMENT, cwd)
    over = (*process.values, *sources.read_flags(flags))
    gate, from_files = Gate(), (*from_file, *dotenv.values)
    if gate_files is not None:
        gate, from_files = with_gate_of(gate_files, from_files, over, cwd=cwd, config_file=config_file)
    merged, merge_notes = merge([*from_files, *over])
    settle_typed_request(merged)
    ramp_notes = settle_ramp(merged)
    load_notes = [*settle_users(merged), *settle_typed_levels(merged), *settle_phases(merged)]
    target = _target(merged)
    scenarios, scenario_notes = _scenarios(merged, cwd)
    tables = merged.get("phases")
    settings = _build(
        merged,
        for_stack=dict(dotenv.for_stack) | dict(process.for_stack),
        scenarios=scenarios,
        phases=parse_phases(tables.value, label=tables.label) if tables else (),
        notes=(
            *notes,
            *dotenv.notes,
            *process.notes,
            *merge_notes,
            *ramp_notes,
            *scenario_notes,
            *load_notes,
        ),
    )
    checks.check(settings, target, merged)
    unused = checks.unused_variables(
        (*dotenv.variables, *process.variables), target, api_of(settings.target, target)
    )
    settings = replace(settings, gate=gate, call=Call(flags=dict(flags), config_file=config_file, cwd=cwd))
    return _with_notes(settings, [*checks.notes(settings, target, merged), *unused])


def _with_notes(settings: Settings, notes: list[str]) -> Settings:
    return replace(settings, notes=tuple(dict.fromkeys((*settings.notes, *notes))))


def _target(merged: Mapping[str, Value]) -> Target:
    value = merged.get("target.form")
    if value is None:
        return parse_target(TargetConfig().form)
    try:
        return parse_target(value.value)
    except ConfigError as error:
        raise ConfigError(f"{value.label}: {error}", hint=error.hint) from error


def _scenarios(merged: Mapping[str, Value], cwd: Path) -> tuple[tuple[Scenario, ...], list[str]]:
    file = merged.get("load.queries_file")
    queries = built_in_queries() if file is None else read_queries(cwd / file.base / file.value, file.label)
    chosen, notes = _chosen_scenarios(merged)
    scenarios = _read(chosen, cwd, queries, pauses="load.users" not in merged)
    if file is not None and not any(scenario.queries is queries for scenario in scenarios):
        notes.append(f"{file.label}: not used, for every scenario has queries of its own")
    return scenarios, notes


def _chosen_scenarios(merged: Mapping[str, Value]) -> tuple[Value | None, list[str]]:
    found = [merged[key] for key in ("scenarios", "load.scenarios_file") if key in merged]
    if len(found) < 2:
        return (found[0] if found else None), []
    loser, winner = sorted(found, key=lambda value: value.layer)
    if loser.layer is winner.layer:
        raise ConfigError(f"{winner.label}: contradicts {loser.label}", hint="keep one of them")
    return winner, [f"{loser.label}: not used, for {winner.label} goes first"]


def _read(
    chosen: Value | None, cwd: Path, queries: tuple[Query, ...], *, pauses: bool
) -> tuple[Scenario, ...]:
    if chosen is None:
        return (built_in_scenario(queries, pauses=pauses),)
    if chosen.key == "scenarios":
        return parse_scenarios(chosen.value, label=chosen.label, base=cwd / chosen.base, default=queries)
    return read_scenarios(cwd / chosen.base / chosen.value, chosen.label, queries)


def _build(
    merged: Mapping[str, Value],
    *,
    for_stack: Mapping[str, str],
    scenarios: tuple[Scenario, ...],
    phases: tuple[PhaseConfig, ...],
    notes: tuple[str, ...],
) -> Settings:
    placed = {
        name: replace(value, value=value.base / value.value) if isinstance(value.value, Path) else value
        for name, value in merged.items()
    }
    values = tree(placed, {name: key.field for name, key in KEYS.items()})
    return Settings(
        **({"suite": values["suite"]} if "suite" in values else {}),
        target=_target_config(values.get("target", {})),
        stack=stack_config(values.get("stack", {}), for_stack),
        load=LoadConfig(**(values.get("load", {}) | {"scenarios": scenarios, "phases": phases})),
        ab=AbConfig(**values.get("ab", {})),
        compare=_compare_config(values.get("compare", {}), merged),
        thresholds=_thresholds(merged),
        baselines=BaselineConfig(**values.get("baselines", {})),
        output=OutputConfig(**values.get("output", {})),
        notes=notes,
    )


def stack_config(values: Mapping[str, Any], for_stack: Mapping[str, str]) -> StackConfig:
    """Section ``[stack]``, whose environment goes before what the suite's variables hand to a stack."""
    return StackConfig(**{**values, "environment": {**for_stack, **values.get("environment", {})}})


def _target_config(values: dict[str, Any]) -> TargetConfig:
    nested: dict[str, Any] = {
        "http": HttpTemplate(**values.pop("http", {})),
        "deadlines": Deadlines(**values.pop("deadlines", {})),
    }
    return TargetConfig(**values, **nested)


def _compare_config(values: dict[str, Any], merged: Mapping[str, Value]) -> CompareConfig:
    if "fail_on" in values:
        values["fail_on"] = frozenset(values["fail_on"])
    rules: dict[MetricName, dict[str, Any]] = {}
    for name, value in merged.items():
        if name.startswith("compare.metrics."):
            metric, field = name.removeprefix("compare.metrics.").split(".")
            rules.setdefault(MetricName(metric), {})[field] = value.value
    return CompareConfig(**values, metrics={metric: MetricRule(**rule) for metric, rule in rules.items()})


def _thresholds(merged: Mapping[str, Value]) -> tuple[Threshold, ...]:
    """The bounds that were set, and the one on the error rate that holds where none is.

    A bound that only a variable of the GovStack suite set is not demanded: its examples name what this target
    may not have.
    """
    chosen = merged.get(ON_NOT_MEASURED)
    fails = chosen is None or chosen.value is OnNotMeasured.FAIL
    found = []
    for name in KEYS:
        if name in merged and name.startswith("thresholds.") and name != ON_NOT_MEASURED:
            *types, metric = name.removeprefix("thresholds.").split(".")
            value = merged[name]
            found.append(
                Threshold(
                    metric=MetricName(metric),
                    bound=float(value.value),
                    source=value.label,
                    test_type=TestType(types[0]) if types else None,
                    demanded=fails and value.variable in {None, KEYS[name].variable},
                )
            )
    if not any(t.metric is MetricName.ERROR_RATE and t.test_type is None for t in found):
        found.append(replace(DEFAULT_ERROR_RATE, demanded=fails))
    return tuple(found)
