"""The configured stack as it is at another commit: its own file, under this call's environment and options.

Reads the files of a commit where somebody else has put them; how the stack is asked, and how it is judged,
is never taken from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from govbench.config import sources
from govbench.config.keys import KEYS
from govbench.config.load import stack_config
from govbench.config.merge import merge, tree
from govbench.config.settings import Call, StackConfig
from govbench.config.sources import Layer, Value
from govbench.config.targets import Target, describe, parse_target
from govbench.errors import ConfigError

_FORM = "target.form"
_HINT = 'set [target] form = "command:CMD" there, and [stack] build if it has to be built'


@dataclass(frozen=True, slots=True, kw_only=True)
class StackAtCommit:
    """What is booted for ``git:REF``, and what a reader should know of how that was found."""

    target: Target
    config: StackConfig
    notes: tuple[str, ...] = ()


def stack_at_commit(
    ref: str, *, folder: Path, config_file: Path | None, call: Call, environ: Mapping[str, str]
) -> StackAtCommit:
    """The stack that is configured at a commit.

    The commit's file counts where it says which stack is meant; else the present file, and with it a form
    from anywhere in this call that is not ``git:`` itself. Over either go ``.env.test`` and the
    environment as they are now, and the options of this call, but for the form.

    Args:
        ref: the commit, for messages.
        folder: where its file is looked for, as in the working folder.
        config_file: the counterpart of the file that this call names; None where it names none.
        call: what this call was given.
        environ: the environment.

    Raises:
        ConfigError: a value is wrong, or no stack is named that could be booted.
    """
    try:
        file = _file_of(folder, config_file)
    except ConfigError as error:
        raise ConfigError(f"git:{ref}: at that commit: {error}", hint=error.hint) from error
    dotenv = sources.read_environment(sources.read_dotenv(call.cwd), Layer.DOTENV, call.cwd)
    process = sources.read_environment(environ, Layer.ENVIRONMENT, call.cwd)
    over = (*dotenv.values, *process.values, *sources.read_flags(call.flags))
    form = next((value for value in file if value.key == _FORM), None)
    notes: tuple[str, ...] = ()
    if form is None:
        file = _file_of(call.cwd, call.config_file)
        form = _present_form((*file, *over), ref)
        said = describe(parse_target(form.value))
        notes = (f"git:{ref}: no stack is configured at that commit; it is started as now: {said}",)
    return StackAtCommit(
        target=_bootable(form, ref),
        config=stack_config(_stack_values((*file, *over)), dict(dotenv.for_stack) | dict(process.for_stack)),
        notes=notes,
    )


def _file_of(folder: Path, config_file: Path | None) -> tuple[Value, ...]:
    if config_file is None:
        path, _ = sources.find_file(folder.absolute())
    else:
        path = folder.absolute() / config_file
    return sources.read_file(path, folder.absolute()) if path is not None and path.is_file() else ()


def _present_form(values: Iterable[Value], ref: str) -> Value:
    named = [value for value in values if value.key == _FORM and parse_target(value.value).at_ref is None]
    merged, _ = merge(named)
    if _FORM not in merged:
        raise ConfigError(f"git:{ref}: no stack is configured, at that commit or now", hint=_HINT)
    return merged[_FORM]


def _bootable(form: Value, ref: str) -> Target:
    target = parse_target(form.value)
    if target.starts_at_commit:
        return target
    raise ConfigError(
        f"git:{ref}: {form.label} is {describe(target)} there, which cannot be started at a commit",
        hint=_HINT,
    )


def _stack_values(values: Iterable[Value]) -> dict[str, object]:
    merged, _ = merge(value for value in values if value.key.startswith("stack."))
    nested: dict[str, object] = tree(merged, {name: key.field for name, key in KEYS.items()}).get("stack", {})
    return nested
