"""Where values come from: the TOML file, ``.env.test``, the environment and the options, each value labelled.

Decides nothing about which source wins; that is ``load.py``.
"""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from govbench import files
from govbench.config.keys import BY_VARIABLE, KEYS, TABLES, VARIABLE_PREFIX, Key, unknown_hint
from govbench.config.values import Kind, WrongValue, closest
from govbench.config.variables import Variable, find_variable
from govbench.errors import ConfigError, hint_for
from govbench.results.redact import excerpt, is_secret

MOST_BYTES = 16 * 1024 * 1024
FILE_NAME = "govbench.toml"
SHARED_NAME = "pyproject.toml"
JOINED = ("target.headers", "stack.environment")  # tables that several sources add to
DOTENV_NAME = ".env.test"
# The processes of a booted stack have these; they set nothing where govbench itself is what is booted.
_OF_A_STACK = frozenset({"GOVBENCH_STACK", "GOVBENCH_DATA"})
# Where a file that is no TOML speaks of our table all the same: as a header, or as a key of [tool].
_OWN_TABLE = re.compile(
    r"""^\s*(?:\[{1,2}\s*tool\s*\.\s*["']?govbench["']?\s*[.\]]|govbench\s*[.=])""", re.MULTILINE
)
# So like one of ours is a variable that is meant for us; another project's GOVBENCH_IMAGE is not.
_NEARLY = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """What was given without an option, by the name that the help calls it."""

    name: str
    text: str = field(repr=False)


class Layer(IntEnum):
    """Sources by rising precedence."""

    FILE = 1
    DOTENV = 2
    ENVIRONMENT = 3
    FLAGS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of one key: parsed, with its source as ``label`` and the folder that paths start from."""

    key: str
    value: Any = field(repr=False)  # that of a secret, too
    layer: Layer
    label: str
    base: Path
    variable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What one environment layer said: values, variables for a booted stack, the suite's variables, notes."""

    values: tuple[Value, ...] = ()
    for_stack: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, Variable], ...] = ()
    notes: tuple[str, ...] = ()


def parsed(kind: Kind, raw: object, label: str, *, secret: bool = False) -> Any:
    """``raw`` as its kind, or a ConfigError that begins with ``label``."""
    try:
        return kind.parse(raw)
    except (ValueError, OverflowError) as error:
        got = "" if secret else f", got {_said(raw)}"  # a secret is not repeated
        hint = str(error) if isinstance(error, WrongValue) else ""
        raise ConfigError(f"{label}: expected {kind.expected}{got}", hint=hint or None) from error


def _said(raw: object) -> str:
    """A wrong value as a message repeats it: what stands in the wrong place may be a secret."""
    return excerpt(repr(raw))


def _is_hidden(key: Key) -> bool:
    # headers and variables of the stack may hold secrets, so no message repeats them
    return key.secret or key.name in JOINED


def shown(path: Path, cwd: Path) -> str:
    """A path as messages show it: relative to ``cwd`` where it lies below."""
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)


def find_file(cwd: Path) -> tuple[Path | None, tuple[str, ...]]:
    """The nearest configuration file from ``cwd`` up to the root of its git repository, and notes on it.

    Outside a repository only ``cwd`` itself is searched: a stray file further up is none of this project.
    """
    root = next((folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists()), cwd)
    for folder in (cwd, *cwd.parents):
        own, shared = folder / FILE_NAME, folder / SHARED_NAME
        has_table = shared.is_file() and has_own_table(shared, shown(shared, cwd))
        if own.exists() or own.is_symlink():  # one that cannot be read is told, not passed over
            note = f"{shown(shared, cwd)}: [tool.govbench] is not read, for {FILE_NAME} lies beside it"
            return own, (note,) if has_table else ()
        if has_table:
            return shared, ()
        if folder == root:
            break
    return None, ()


def has_own_table(path: Path, label: str) -> bool:
    """Whether a ``pyproject.toml`` configures govbench; whatever else is in it is no business of ours.

    Where it cannot be parsed, it does if it names the table: then reading it says what is wrong.

    Raises:
        ConfigError: it cannot be read at all.
    """
    try:
        return says_own_table(path.read_bytes().decode(encoding="utf-8-sig", errors="replace"))
    except OSError as error:
        raise ConfigError(f"{label}: cannot be read: {error.strerror}", hint="check the path") from error


def says_own_table(text: str) -> bool:
    """The same of its text."""
    try:
        tools = tomllib.loads(text).get("tool")
    except tomllib.TOMLDecodeError:
        return _OWN_TABLE.search(text) is not None
    return isinstance(tools, dict) and "govbench" in tools


def read_text(path: Path, label: str) -> str:
    """The text of a file, or a ConfigError that begins with ``label``."""
    try:
        return files.read_text(path, encoding="utf-8-sig", most_bytes=MOST_BYTES)
    except OSError as error:
        hint = hint_for(error) or "check the path"
        raise ConfigError(f"{label}: cannot be read: {error.strerror or error}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{label}: is not UTF-8 text", hint="save it as UTF-8") from error


def read_file(path: Path, cwd: Path) -> tuple[Value, ...]:
    """All values of a TOML file; unknown keys and tables are errors."""
    file = shown(path, cwd)
    # paths stay short where the file lies in the working folder
    base = Path() if path.parent == cwd else path.parent
    return values_of(read_text(path, file), file=file, base=base)


def values_of(text: str, *, file: str, base: Path, only: Collection[str] | None = None) -> tuple[Value, ...]:
    """All values of the text of a TOML file; ``only`` those of these tables and keys of the top level.

    ``file`` is how messages name it, and ends in its name; paths in it start at ``base``.

    Raises:
        ConfigError: it is no TOML, or a key or table is unknown.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)|\(at end of document\)", str(error))
        line = found[1] if found and found[1] else text.count("\n") + 1
        raise ConfigError(f"{file}:{line}: {error}", hint="this is not valid TOML") from error
    prefix = ""
    if file.endswith(SHARED_NAME):
        data, prefix = _own_table(data, file), "tool.govbench"
    if only is not None:
        data = {name: raw for name, raw in data.items() if name in only}
    return tuple(_walk(data, "", file=file, prefix=prefix, base=base))


def _own_table(data: Mapping[str, Any], file: str) -> dict[str, Any]:
    tools = data.get("tool")
    table = tools.get("govbench") if isinstance(tools, dict) else None
    if table is None:
        raise ConfigError(f"{file}: has no table [tool.govbench]", hint=f"or put the keys into {FILE_NAME}")
    if not isinstance(table, dict):
        raise ConfigError(
            f"{file}: [tool] govbench: expected a table, got {table!r}", hint="write [tool.govbench]"
        )
    return table


def _label(file: str, prefix: str, name: str) -> str:
    table, _, last = name.rpartition(".")
    full = ".".join(part for part in (prefix, table) if part)
    if name in {"scenarios", "phases"}:
        return f"{file}: [[{prefix + '.' if prefix else ''}{name}]]"
    return f"{file}: [{full}] {last}" if full else f"{file}: {last}"


def _walk(data: Mapping[str, Any], table: str, *, file: str, prefix: str, base: Path) -> Iterator[Value]:
    for last, raw in data.items():
        name = f"{table}.{last}" if table else last
        if name in KEYS:
            label = _label(file, prefix, name)
            value = _from_file(KEYS[name], raw, label)
            yield Value(key=name, value=value, layer=Layer.FILE, label=label, base=base)
        elif name in TABLES:
            if not isinstance(raw, dict):
                raise ConfigError(
                    f"{_label(file, prefix, name)}: expected a table, got {_said(raw)}",
                    hint=f"write [{name}]",
                )
            yield from _walk(raw, name, file=file, prefix=prefix, base=base)
        else:
            what = "unknown table" if isinstance(raw, dict) else "unknown key"
            raise ConfigError(f"{_label(file, prefix, name)}: {what}", hint=unknown_hint(name))


def _from_file(key: Key, raw: object, label: str) -> Any:
    if key.secret:
        variables = _variables_for(key)
        raise ConfigError(
            f"{label}: a secret does not belong in a file",
            hint=f"set {variables} in the environment or {DOTENV_NAME}",
        )
    if isinstance(raw, str) and not key.kind.text_in_file:
        raise ConfigError(
            f"{label}: expected {key.kind.expected}, got {_said(raw)}", hint="write it without quotes"
        )
    value = parsed(key.kind, raw, label, secret=_is_hidden(key))
    if key.name in JOINED:
        _refuse_secrets(value, label, key)
    return value


def _variables_for(key: Key) -> str:
    suite = {"target.api_key": "API_KEY", "target.openai_api_key": "OPENAI_API_KEY"}
    return suite.get(key.name, key.variable)


def _refuse_secrets(items: Mapping[str, str], label: str, key: Key) -> None:
    for name, text in items.items():
        if is_secret(name, text):
            own = "API_KEY" if name.lower() == "x-api-key" else key.variable
            hint = f"set {own} in the environment or {DOTENV_NAME}"
            if own == key.variable:
                hint += f""": {own}='{{"{name}": "..."}}'"""
            raise ConfigError(f"{label}: {name}: a secret does not belong in a file", hint=hint)


def read_dotenv(cwd: Path) -> dict[str, str]:
    """The variables of ``.env.test`` in ``cwd``, none without such a file; the environment stays as it is."""
    path = cwd / DOTENV_NAME
    if not path.exists():
        return {}
    return variables_of(read_text(path, DOTENV_NAME), file=DOTENV_NAME)


def variables_of(text: str, *, file: str) -> dict[str, str]:
    """The variables in the text of such a file, which messages call ``file``.

    Raises:
        ConfigError: a line is none.
    """
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            raise ConfigError(
                f"{file}:{binding.original.line}: not a variable", hint="write it as NAME=value"
            )
    found = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in found.items() if value is not None}


def read_environment(
    variables: Mapping[str, str], layer: Layer, cwd: Path, *, file: str = DOTENV_NAME
) -> Environment:
    """What an environment says; an empty variable counts as not set.

    ``file`` is how messages name ``.env.test``.

    In ``.env.test`` a variable of neither govbench nor the suite is noted; elsewhere it is ignored. One that
    is nearly ours is an error in either.
    """
    values: list[Value] = []
    suite: list[tuple[str, Variable]] = []
    notes: list[str] = []
    prefix = f"{file}: " if layer is Layer.DOTENV else ""
    for name, text in variables.items():
        label = prefix + name
        if not text.strip() or name in _OF_A_STACK:
            continue
        if name in BY_VARIABLE:
            values.append(_from_own(name, text, label, layer))
        elif (like := _nearly_own(name)) is not None:
            raise ConfigError(f"{label}: unknown variable", hint=f"did you mean {like}?")
        elif (variable := find_variable(name)) is not None:
            suite.append((name, variable))
            value, note = _from_suite(name, variable, text, label, layer, cwd)
            values += value
            notes += note
        elif layer is Layer.DOTENV:
            notes.append(f"{label}: not a variable of govbench or of the GovStack suite; ignored")
    for_stack = tuple((name, variables[name]) for name, variable in suite if variable.to_stack)
    return Environment(values=tuple(values), for_stack=for_stack, variables=tuple(suite), notes=tuple(notes))


def _nearly_own(name: str) -> str | None:
    """The variable that one of another name must mean: it is very like it, or lacks only its section."""
    word = name.removeprefix(VARIABLE_PREFIX)
    if word == name:
        return None
    ours = [known.removeprefix(VARIABLE_PREFIX) for known in BY_VARIABLE]
    like = next((known for known in ours if "_" in word and known.endswith(f"_{word}")), None)
    like = like or closest(word, ours, cutoff=_NEARLY)
    return like and VARIABLE_PREFIX + like


def _from_own(name: str, text: str, label: str, layer: Layer) -> Value:
    key = BY_VARIABLE[name]
    value = parsed(key.kind, text, label, secret=_is_hidden(key))
    return Value(key=key.name, value=value, layer=layer, label=label, base=Path(), variable=name)


def _from_suite(
    name: str, variable: Variable, text: str, label: str, layer: Layer, cwd: Path
) -> tuple[list[Value], list[str]]:
    if variable.key is None:
        return [], []
    key = KEYS[variable.key]
    try:
        value = parsed(variable.kind or key.kind, text, label, secret=_is_hidden(key))
    except ConfigError as error:
        if variable.shared and layer is Layer.ENVIRONMENT:
            return [], [f"{error}; ignored, as other programs use this variable too"]
        raise
    if variable.optional_file and text == variable.example and not (cwd / text).exists():
        # the suite's example names this file whether or not there is one
        return [], [f"{label}: {text} does not exist; the built-in ones are used"]
    if value is None:
        return [], []
    return [Value(key=key.name, value=value, layer=layer, label=label, base=Path(), variable=name)], []


def read_flags(flags: Mapping[str, object]) -> tuple[Value, ...]:
    """The options of the command line by dotted key; None and empty lists count as not given."""
    values = []
    for name, given in flags.items():
        if given is None or given in ((), []):
            continue
        if name not in KEYS:
            raise ConfigError(f"option for {name}: unknown key", hint=unknown_hint(name))
        key = KEYS[name]
        label, raw = key.flag or f"option for {name}", given
        if isinstance(given, Argument):
            label, raw = given.name, given.text
        value = parsed(key.kind, raw, label, secret=_is_hidden(key))
        values.append(Value(key=name, value=value, layer=Layer.FLAGS, label=label, base=Path()))
    return tuple(values)
