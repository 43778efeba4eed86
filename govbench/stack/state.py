"""Stacks that run on after the command that booted them: ``govbench stack up·status·logs·down``.

What is known of each lies in ``FOLDER/NAME.json``, readable by its owner only. Nothing watches the stacks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from govbench.config.settings import Call, StackConfig
from govbench.config.targets import Target, describe
from govbench.errors import StackError, UsageError
from govbench.stack.boot import boot, file_name
from govbench.stack.booted import check_ended
from govbench.stack.checkout import keep_checked_out, remove_kept, resolve
from govbench.stack.health import Look, log_tail, look_once, secrets_of
from govbench.stack.prepare import Prepared, Workshop, prepare_checkout, prepared
from govbench.stack.processes import reap_child, start_token, terminate
from govbench.stack.running import RunningStack

STATE_FOLDER: Final = Path(".govbench/stacks")


class Condition(StrEnum):
    """What has become of a stack that was brought up."""

    RUNNING = "running"
    GONE = "gone"  # it ended by itself; what was known of it has now been removed
    NEVER_UP = "never_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """A stack that was brought up. ``token`` tells its process from a later one with the same id.

    ``checkout`` and ``data_folder`` go with the stack; ``commit`` and ``repository`` are of a ``git:REF``.
    """

    name: str
    form: str
    url: str
    pid: int
    token: str | None
    mark: str
    log_path: str
    health_path: str
    data_folder: str | None = None
    commit: str | None = None
    checkout: str | None = None
    repository: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackStatus:
    """How a stack is now; ``look`` is one look at its health address while it runs."""

    condition: Condition
    state: StackState | None = None
    look: Look | None = None


def up(
    target: Target,
    config: StackConfig,
    *,
    name: str,
    environ: Mapping[str, str],
    folder: Path = STATE_FOLDER,
    seed: int | None = None,
    call: Call | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> tuple[StackState, bool]:
    """Bring a stack up to stay; the flag tells whether it was running already, and then nothing was done.

    Args:
        target: what is booted.
        config: how.
        name: of the stack.
        environ: the environment that its process starts with.
        folder: where what is known of it, and its log, lie.
        seed: for an embedded target that does not name one.
        call: what this call was given, to read the file of another commit alike.
        step: is told each step.

    Raises:
        UsageError: the target is a URL, names no commit, or another target runs under this name.
        StackError: it did not come up, or another call is bringing it up.
    """
    if not target.is_started:
        raise UsageError(
            f"{describe(target)} is not started by govbench: a URL names a stack that runs already",
            hint="bring up embedded, command:CMD or git:REF",
        )
    call = call or Call()
    with _only_one(folder, name):
        known = _settled(name, folder)
        if known.condition is Condition.RUNNING and known.state is not None:
            return _same(known.state, target, call), True
        workshop = Workshop(name=name, call=call, log_folder=folder, environ=environ, step=step)
        return _brought_up(target, config, workshop, seed), False


def _brought_up(target: Target, config: StackConfig, workshop: Workshop, seed: int | None) -> StackState:
    state_file = _file(workshop.log_folder, workshop.name)
    with contextlib.ExitStack() as held, contextlib.ExitStack() as undo:
        ready = _prepared_to_stay(target, config, workshop, undo, held)
        workshop.step(f"booting {describe(target)}")
        stack = undo.enter_context(
            boot(
                ready.target,
                ready.config,
                name=workshop.name,
                log_folder=workshop.log_folder,
                environ=workshop.environ,
                seed=seed,
                folder=ready.folder,
                kept_by=state_file,
                tell=workshop.step,
            )
        )
        state = _state_of(stack, target, ready)
        _write(workshop.log_folder, state)
        undo.pop_all()
        stack.detach()
    return state


def _prepared_to_stay(
    target: Target,
    config: StackConfig,
    workshop: Workshop,
    undo: contextlib.ExitStack,
    held: contextlib.ExitStack,
) -> Prepared:
    """``undo`` takes back what was made, ``held`` keeps a later govbench from taking it for a leftover."""
    if target.at_ref is None:
        return undo.enter_context(prepared(target, config, workshop))
    workshop.step(f"checking out {describe(target)}")
    checkout, lock = keep_checked_out(
        target.at_ref, repository=workshop.call.cwd, kept_by=_file(workshop.log_folder, workshop.name)
    )
    held.enter_context(lock)
    undo.callback(remove_kept, checkout.root, repository=checkout.repository)
    return prepare_checkout(checkout, workshop)


def status(name: str, *, folder: Path = STATE_FOLDER, ask: bool = True) -> StackStatus:
    """What has become of a stack; the rest of one that ended by itself is cleared away.

    Unless another call is bringing it up or down: that one does it.
    """
    found = _seen(name, folder)
    if found.condition is Condition.GONE:
        with contextlib.suppress(_Busy), _only_one(folder, name):
            found = _settled(name, folder)
    if found.condition is Condition.RUNNING and found.state is not None and ask:
        found = dataclasses.replace(found, look=look_once(found.state.url, found.state.health_path))
    return found


def _seen(name: str, folder: Path) -> StackStatus:
    state = _read(folder, name)
    if state is None:
        return StackStatus(condition=Condition.NEVER_UP)
    return StackStatus(condition=Condition.RUNNING if _runs(state) else Condition.GONE, state=state)


def _settled(name: str, folder: Path) -> StackStatus:
    """What has become of it, with what is left of one that has gone cleared away; for who holds the lock."""
    found = _seen(name, folder)
    if found.condition is Condition.GONE and found.state is not None:
        _clear(found.state, folder, timeout_s=0.0)
    return found


def names(folder: Path = STATE_FOLDER) -> tuple[str, ...]:
    """The names of the stacks that were brought up and not taken down, sorted."""
    return tuple(sorted(_name_in(path) for path in folder.glob("*.json")))


def _name_in(file: Path) -> str:
    """The name of the stack that a state file is of; a damaged one goes by its file's."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        name = str(json.loads(file.read_text(encoding="utf-8"))["name"])
        if file_name(name) == file.stem:
            return name
    return file.stem


def logs(name: str, *, config: StackConfig, lines: int = 100, folder: Path = STATE_FOLDER) -> str:
    """The last lines that a stack wrote, redacted; also of one that is down by now.

    Raises:
        UsageError: no stack of that name was ever brought up here.
    """
    log_path = folder / f"{file_name(name)}.log"
    if not log_path.exists():
        raise UsageError(f"no log of a stack {name!r}", hint="bring it up first: govbench stack up TARGET")
    return log_tail(log_path, lines=lines, secrets=secrets_of(config))


def down(name: str, *, stop_timeout_s: float, folder: Path = STATE_FOLDER) -> StackStatus:
    """Take a stack down; what it was before is returned, and being down already is no error."""
    with _only_one(folder, name):
        before = _settled(name, folder)
        if before.condition is Condition.RUNNING and before.state is not None:
            _clear(before.state, folder, timeout_s=stop_timeout_s)
    return before


def _same(state: StackState, target: Target, call: Call) -> StackState:
    if state.form != describe(target):
        raise UsageError(
            f"stack {state.name!r} is running with another target: {state.form}",
            hint="take it down first (govbench stack down), or use another name",
        )
    if target.at_ref is not None and resolve(target.at_ref, repository=call.cwd) != state.commit:
        raise UsageError(
            f"stack {state.name!r} is running, but {describe(target)} has moved on since",
            hint="take it down first (govbench stack down), or use another name",
        )
    return state


def _state_of(stack: RunningStack, target: Target, ready: Prepared) -> StackState:
    found, checkout = stack.footprint, ready.checkout
    assert found is not None, "a stack that was started leaves a footprint"
    return StackState(
        name=stack.name,
        form=describe(target),
        url=stack.url,
        pid=found.pid,
        token=start_token(found.pid),
        mark=found.mark,
        log_path=str(found.log_path),
        health_path=ready.target.own_health_path or ready.config.health_path,
        data_folder=str(found.home),
        commit=checkout.commit if checkout else None,
        checkout=str(checkout.root) if checkout else None,
        repository=str(checkout.repository) if checkout else None,
    )


def _runs(state: StackState) -> bool:
    reap_child(state.pid)
    token = start_token(state.pid)
    return token is not None and token == state.token


def _clear(state: StackState, folder: Path, *, timeout_s: float) -> None:
    """End what is left of a stack and forget it; children may outlive the process that led them."""
    # The id of the leader may be somebody else's by now: then only what carries the mark is ours.
    left = terminate(
        state.pid, state.mark, timeout_s, reap=lambda: reap_child(state.pid), whole_group=_runs(state)
    )
    check_ended(state.name, left)
    if state.checkout is not None and state.repository is not None:
        remove_kept(Path(state.checkout), repository=Path(state.repository))
    if state.data_folder is not None:
        shutil.rmtree(state.data_folder, ignore_errors=True)
    _file(folder, state.name).unlink(missing_ok=True)


def _file(folder: Path, name: str) -> Path:
    return folder / f"{file_name(name)}.json"


def _write(folder: Path, state: StackState) -> None:
    file = _file(folder, state.name)
    beside = file.with_suffix(".part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(dataclasses.asdict(state), out, indent=1, ensure_ascii=False)
    beside.replace(file)


def _read(folder: Path, name: str) -> StackState | None:
    file = _file(folder, name)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        # What a later version has added is its own business: this one must still be able to take it down.
        known = {field.name for field in dataclasses.fields(StackState)}
        return StackState(**{key: value for key, value in found.items() if key in known})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StackError(
            f"{file}: cannot be read: {error}", hint="end the stack by hand and delete this file"
        ) from error


class _Busy(StackError):
    """Another call is at the same stack."""


@contextlib.contextmanager
def _only_one(folder: Path, name: str) -> Iterator[None]:
    """Keep two calls from bringing the same stack up, or one up and one down, at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with _file(folder, name).with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _Busy(f"another govbench is bringing stack {name!r} up or down") from error
        yield
