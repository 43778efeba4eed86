"""The gate as it is configured at another commit, in place of the work tree's, and what differs between them.

The gate is what judges a measurement: the suite, ``[compare]``, ``[thresholds]`` and ``[baselines]``.
Reads no git: which files it wants, it says; what they hold there, it is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from pathlib import Path
from typing import Any, Final

from govbench.config import sources
from govbench.config.keys import KEYS
from govbench.config.merge import merge
from govbench.config.settings import Gate, Settings
from govbench.config.sources import DOTENV_NAME, FILE_NAME, SHARED_NAME, Layer, Value

SECTIONS: Final = ("suite", "compare", "thresholds", "baselines")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFiles:
    """Files as they are at a commit: text by the path of the same file in the work tree.

    ``ref`` is how the commit was asked for, ``commit`` its full id.
    """

    ref: str
    commit: str
    texts: Mapping[Path, str]


def files_of_the_gate(cwd: Path, config_file: Path | None, *, root: Path) -> tuple[Path, ...]:
    """Where a gate may be configured, nearest first: as the work tree's own file is looked for."""
    if config_file is not None:
        return cwd / config_file, cwd / DOTENV_NAME
    above = [folder for folder in (cwd, *cwd.parents) if folder.is_relative_to(root)]
    return *(folder / name for folder in above for name in (FILE_NAME, SHARED_NAME)), cwd / DOTENV_NAME


def with_gate_of(
    there: CommitFiles, here: Sequence[Value], over: Sequence[Value], *, cwd: Path, config_file: Path | None
) -> tuple[Gate, tuple[Value, ...]]:
    """The gate of a commit, and the values of files with its own in place of the work tree's.

    Args:
        there: the files of the commit.
        here: the values of the work tree's files, ``.env.test`` too.
        over: those of the environment and the options, which go before either.
        cwd: the working folder.
        config_file: the one that this call names.

    Raises:
        ConfigError: a value there is wrong.
    """
    path = _configured(there, cwd, config_file)
    then = tuple(_values(there, path, cwd))
    typed = [value for value in over if _is_of_gate(value)]
    differences = _differences(there.ref, [*then, *typed], [*filter(_is_of_gate, here), *typed])
    what = f"The gate is that of {there.ref} ({there.commit[:9]})"
    where = (
        "no configuration file is there, so the defaults hold" if path is None else sources.shown(path, cwd)
    )
    known = "" if differences else "; nothing differs in the work tree"
    notes = (f"{what}: {where}{known}.", *differences)
    others = (value for value in here if not _is_of_gate(value))
    return Gate(ref=there.ref, commit=there.commit, notes=notes), (*others, *then)


def _is_of_gate(value: Value) -> bool:
    return value.key.partition(".")[0] in SECTIONS


def _configured(there: CommitFiles, cwd: Path, config_file: Path | None) -> Path | None:
    """The configuration file at the commit; None where there is none."""
    named = None if config_file is None else cwd / config_file
    for path, text in there.texts.items():
        if path == named or (named is None and path.name == FILE_NAME):
            return path
        if named is None and path.name == SHARED_NAME and sources.says_own_table(text):
            return path
    return None


def _values(there: CommitFiles, path: Path | None, cwd: Path) -> Iterator[Value]:
    """The gate's values of the file at ``path`` and of ``.env.test``, if these are there."""
    if path is not None:
        file = f"{there.ref}:{sources.shown(path, cwd)}"
        base = Path() if path.parent == cwd else path.parent
        yield from sources.values_of(there.texts[path], file=file, base=base, only=SECTIONS)
    text = there.texts.get(cwd / DOTENV_NAME)
    if text is not None:
        file = f"{there.ref}:{DOTENV_NAME}"
        variables = sources.variables_of(text, file=file)
        found = sources.read_environment(variables, Layer.DOTENV, cwd, file=file)
        yield from filter(_is_of_gate, found.values)


def _differences(ref: str, then: Collection[Value], now: Collection[Value]) -> list[str]:
    """A sentence for each key that is not the same, in the order of the keys."""
    (there, _), (here, _) = merge(then), merge(now)
    return [
        f"{name}: {_shown(name, there)} at {ref}, which counts; {_shown(name, here)} in the work tree."
        for name in KEYS
        if _meant(name, there) != _meant(name, here)
    ]


def _meant(name: str, merged: Mapping[str, Value]) -> Any:
    """What a key comes to; of several words the order says nothing."""
    if name not in merged:
        return _default(name)
    value = merged[name]
    if isinstance(value.value, Path):
        return value.base / value.value
    return frozenset(value.value) if isinstance(value.value, tuple) else value.value


def _default(name: str) -> Any:
    place = KEYS[name].field
    return None if place is None else reduce(getattr, place.split("."), Settings())


def _shown(name: str, merged: Mapping[str, Value]) -> str:
    text = _text(_meant(name, merged))
    return text if name in merged or text == _UNSET else f"{text} by default"


_UNSET: Final = "not set"


def _text(value: object) -> str:
    match value:
        case None:
            return _UNSET
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.12g}"
        case frozenset():
            return ", ".join(sorted(map(str, value))) or "none"
        case StrEnum() | Path():
            return str(value)
        case _:
            return f"{value}"
