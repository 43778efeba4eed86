"""The tables of docs/configuration.md as Markdown, made from the declared keys and variables."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

from govbench.config.keys import DECLARED, KEYS, Key
from govbench.config.profiles import PROFILES, described
from govbench.config.settings import Settings
from govbench.config.variables import OVERLAPS, VARIABLES, Variable


def default_of(key: Key) -> Any:
    """What a key comes to where nobody sets it, as JSON has it; None where there is nothing to say."""
    if key.field is None or key.name == "scenarios":
        return None
    value: Any = reduce(getattr, key.field.split("."), Settings())
    match value:
        case {} | ():
            return None
        case frozenset():
            return sorted(map(str, value))
        case Path() | str():
            return str(value)
        case _:
            return value


def _default(key: Key) -> str:
    if key.name == "scenarios":
        return "the built-in one"
    match default_of(key):
        case None:
            return ""
        case bool() as value:
            return f"`{str(value).lower()}`"
        case list() as value:
            return f"`{', '.join(value)}`"
        case float() as value:
            return f"`{value:g}`"
        case value:
            return f"`{value}`"


def profile_table() -> str:
    """One row for each profile: what it does, and how long it takes at its defaults."""
    rows = [
        _row("Profile", "Highest level", "Baseline", "Each level", "Ramp", "Together"),
        _row(*["---"] * 6),
    ]
    for name, profile in PROFILES.items():
        rows.append(
            _row(
                f"`{name}`",
                f"{profile.max_users} users",
                f"{profile.baseline_steady_s:g} s",
                f"{profile.level_steady_s:g} s",
                f"{profile.spawn_rate:g} users/s",
                described(name),
            )
        )
    return "\n".join(rows)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def key_table() -> str:
    """One row for each declared key: key, kind, default, option, variable, effect."""
    rows = [_row("Key", "Value", "Default", "Option", "Variable", "Effect"), _row(*["---"] * 6)]
    for key in DECLARED:
        flag = f"`{key.flag}`" if key.flag else ""
        rows.append(
            _row(f"`{key.name}`", key.kind.expected, _default(key), flag, f"`{key.variable}`", key.effect)
        )
    return "\n".join(rows)


def _wins(variable: Variable) -> str:
    if variable.name in ("SPAWN_RATE", "RAMP_UP_TIME"):
        return "SPAWN_RATE and RAMP_UP_TIME: the faster ramp wins"
    if variable.name == "API_KEY":
        return "OPENAI_API_KEY goes first with openai-chat"
    others = [other.name for other in VARIABLES if other.key == variable.key and other is not variable]
    if variable.key is None or not others:
        return ""
    return f"with {', '.join(others)}: {OVERLAPS[KEYS[variable.key].name].rule}"


def variable_table() -> str:
    """One row for each variable of the GovStack suite: variable, key, effect, which of two wins."""
    rows = [_row("Variable", "Key", "Effect", "Overlap"), _row(*["---"] * 4)]
    for variable in VARIABLES:
        key = variable.key or ("stack.environment" if variable.to_stack else None)
        effect = variable.effect
        if variable.unused and not effect.endswith(variable.unused):
            effect += f". Noted where not used: {variable.unused}"
        rows.append(_row(f"`{variable.name}`", f"`{key}`" if key else "", effect, _wins(variable)))
    return "\n".join(rows)
