"""The tables of docs/configuration.md as Markdown, made from the declared keys and variables."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

from govbench.config.keys import DECLARED, KEYS, Key
from govbench.config.settings import Settings
from govbench.config.variables import OVERLAPS, VARIABLES, Variable


def _default(key: Key) -> str:
    if key.field is None or key.name == "scenarios":
        return "the built-in one" if key.name == "scenarios" else ""
    value: Any = reduce(getattr, key.field.split("."), Settings())
    match value:
        case None | {} | ():
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case frozenset():
            return f"`{', '.join(sorted(value))}`"
        case Path() | str() | int():
            return f"`{value}`"
        case _:
            return f"`{value:g}`"


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
