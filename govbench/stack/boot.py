"""Brings one stack up and takes it down again. What becomes of its requests is no business of this module."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import re
import shlex
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from govbench.config.settings import StackConfig
from govbench.config.targets import (
    CommandTarget,
    EmbeddedSwitches,
    EmbeddedTarget,
    Target,
    TargetKind,
    base_address,
)
from govbench.errors import ConfigError, StackError
from govbench.results.redact import shown_command
from govbench.stack.booted import BootedStack, start_process
from govbench.stack.health import HealthReport, exit_text, wait_until_healthy, with_log
from govbench.stack.home import Home, clear_leftovers, make_home
from govbench.stack.processes import MARK_VARIABLE, kill_marked
from govbench.stack.running import ForeignStack, RunningStack

HOST: Final = "127.0.0.1"
DATA_VARIABLE: Final = "GOVBENCH_DATA"
_DEFAULT_SEED: Final = 1
_POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a stack is started in: its name and log, working folder, home and environment.

    The home is the stack's from then on, which removes it when it stops.

    ``seed`` is for what draws at random and names none itself.
    """

    name: str
    log_folder: Path
    folder: Path | None
    seed: int | None
    home: Home
    tell: Callable[[str], None]
    environ: Mapping[str, str]


def boot(
    target: Target,
    config: StackConfig,
    *,
    name: str,
    log_folder: Path,
    environ: Mapping[str, str],
    seed: int | None = None,
    folder: Path | None = None,
    kept_by: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> RunningStack:
    """Start ``target`` and wait until it is healthy; arguments and errors are those of ``start``."""
    stack = start(
        target,
        config,
        name=name,
        log_folder=log_folder,
        environ=environ,
        seed=seed,
        folder=folder,
        kept_by=kept_by,
        tell=tell,
    )
    stack.wait()
    return stack


def start(
    target: Target,
    config: StackConfig,
    *,
    name: str,
    log_folder: Path,
    environ: Mapping[str, str],
    seed: int | None = None,
    folder: Path | None = None,
    kept_by: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> RunningStack:
    """Start ``target``, which is healthy only after ``wait``; several can so come up at the same time.

    Args:
        target: what to start.
        config: port, health path, times, and what is added to ``environ``.
        name: of the stack; its log is ``log_folder/NAME.log``, begun anew.
        log_folder: made if need be.
        environ: the environment that the process starts with.
        seed: for an embedded target that does not name one.
        folder: where the process starts; None: here.
        kept_by: the file that will name its home where it is to stay up; None: it ends with us.
        tell: is told, while it boots, what is seen of it.

    Raises:
        ConfigError: the command cannot be understood, or its port is not known.
        StackError: it could not be started; nothing of it is left. From ``wait``: it did not come up.
    """
    if target.address is not None:
        return ForeignStack(name=name, url=base_address(target.address), config=config, tell=tell)
    config = dataclasses.replace(config, health_path=target.own_health_path or config.health_path)
    _clear_leftovers_once()
    mark = uuid.uuid4().hex
    home = make_home(mark, stop_timeout_s=config.stop_timeout_s, kept_by=kept_by)
    around = Surroundings(
        name=name,
        log_folder=log_folder,
        folder=folder,
        seed=seed,
        home=home,
        tell=tell,
        environ={**environ, MARK_VARIABLE: mark},
    )
    try:
        return STARTS[target.kind](target, config, around)
    except BaseException:
        # Ctrl-C may come when the process runs and nobody knows its id yet.
        kill_marked(mark)
        home.remove()
        raise


@functools.cache
def _clear_leftovers_once() -> None:
    clear_leftovers(Path(tempfile.gettempdir()))


def own_port(target: Target, config: StackConfig) -> StackConfig:
    """The configuration of one of two instances that run at once: each gets a free port.

    Raises:
        ConfigError: it always listens on the same port.
    """
    target.check_two_at_once()
    return dataclasses.replace(config, port=None)


def free_port() -> int:
    """A port of the loopback interface that nobody listened on a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def split_command(command: str, port: int | None, data: Path | None = None) -> tuple[str, ...]:
    """The words of ``command``, quotes as in a shell, with its port and data folder; no shell runs it.

    Raises:
        ConfigError: unbalanced quotes, or nothing to run.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError(
            f"command {shown_command(command)!r}: {error}", hint="quote as in a shell, and balance the quotes"
        ) from error
    if not words:
        raise ConfigError("the command is empty", hint='for example "command:python app.py --port {port}"')
    given = {"{port}": port, "{data}": data}
    for name, value in given.items():
        if value is not None:
            words = [word.replace(name, str(value)) for word in words]
    return tuple(words)


def _start_command(target: CommandTarget, config: StackConfig, around: Surroundings) -> BootedStack:
    command, port = target.command, config.port
    if port is None:
        if "{port}" not in command:
            raise ConfigError(
                f"command {shown_command(command)!r}: the port that it listens on is not known",
                hint="write {port} where the command takes its port, or set port in section [stack]",
            )
        port = free_port()
    words = split_command(command, port, around.home.data)
    _check_free(port)
    url = f"http://{HOST}:{port}"
    return _start(words, config, around, find=lambda _: url)


def _start_embedded(target: EmbeddedTarget, config: StackConfig, around: Surroundings) -> BootedStack:
    if config.port is not None:
        _check_free(config.port)
    words = embedded_command(target.switches, config.port or 0, around.seed)
    return _start(words, config, around, find=lambda stack: _announced_url(stack, config))


# How each kind of target is started; ``git:REF`` has become one of these by then.
STARTS: Final[Mapping[TargetKind, Callable[[Any, StackConfig, Surroundings], RunningStack]]] = {
    TargetKind.COMMAND: _start_command,
    TargetKind.EMBEDDED: _start_embedded,
}


def embedded_command(switches: EmbeddedSwitches, port: int, seed: int | None) -> tuple[str, ...]:
    """The command line of an embedded instance; a seed among the switches wins over ``seed``."""
    values = dataclasses.asdict(switches)
    if switches.seed is None:
        values["seed"] = _DEFAULT_SEED if seed is None else seed
    options = [part for key, value in values.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    return (sys.executable, "-m", "govbench.demo", "--host", HOST, "--port", str(port), *options)


def _start(
    words: Sequence[str], config: StackConfig, around: Surroundings, *, find: Callable[[BootedStack], str]
) -> BootedStack:
    """Start a process; ``find`` is called, while it boots, for its address."""
    log_path = around.log_folder / f"{file_name(around.name)}.log"
    mark = around.environ[MARK_VARIABLE]
    process = start_process(
        words,
        what="start the stack",
        environ={**around.environ, DATA_VARIABLE: str(around.home.data), **config.environment},
        mark=mark,
        log=log_path,
        folder=around.folder,
    )
    around.home.note(process.pid)

    def readiness(stack: BootedStack) -> tuple[str, HealthReport]:
        url = find(stack)
        report = wait_until_healthy(url, config, alive=stack.exit_code, log_path=log_path, tell=around.tell)
        return url, report

    return BootedStack(
        name=around.name,
        process=process,
        mark=mark,
        log_path=log_path,
        home=around.home,
        config=config,
        readiness=readiness,
    )


def _announced_url(stack: BootedStack, config: StackConfig) -> str:
    """The address that an embedded instance writes as its first line once it listens."""
    log_path = stack.footprint.log_path
    deadline = time.monotonic() + config.boot_timeout_s
    while time.monotonic() < deadline:
        code = stack.exit_code()
        for line in log_path.read_text(encoding="utf-8", errors="replace").splitlines():
            if (url := _url_of(line)) is not None:
                return url
        if code is not None:
            message = f"the embedded API {exit_text(code)} before it listened"
            raise StackError(with_log(message, log_path, config))
        time.sleep(_POLL_S)
    message = f"the embedded API does not listen after {config.boot_timeout_s:g} s"
    raise StackError(with_log(message, log_path, config), hint="raise boot_timeout_s in section [stack]")


def _url_of(line: str) -> str | None:
    with contextlib.suppress(ValueError):
        event = json.loads(line)
        if isinstance(event, dict) and event.get("event") == "listening":
            return f"http://{event['host']}:{event['port']}"
    return None


def _check_free(port: int) -> None:
    for host in (HOST, "::1"):
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0):
            raise StackError(
                f"port {port} is taken: something listens on it already",
                hint="stop it, or set another port in section [stack] (without one, a free port is chosen)",
            )


def file_name(name: str) -> str:
    """``name`` as a file name: nothing in it leads out of the folder, and two names have two files."""
    safe = re.sub(r"[^\w.-]", "-", name).lstrip(".") or "stack"
    if safe == name:
        return safe
    return f"{safe}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"
