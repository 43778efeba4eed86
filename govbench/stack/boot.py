"""Brings one stack up and takes it down again. What becomes of its requests is no business of this module."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shlex
import shutil
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
from govbench.results.meters import Meter
from govbench.stack.health import HealthReport, exit_text, wait_until_healthy, with_log
from govbench.stack.processes import MARK_VARIABLE, Process, kill_marked, terminate
from govbench.stack.running import Footprint, ForeignStack, RunningStack

HOST: Final = "127.0.0.1"
DATA_VARIABLE: Final = "GOVBENCH_DATA"
_DEFAULT_SEED: Final = 1
_POLL_S: Final = 0.02


class BootedStack(RunningStack):
    """A process that leads a group, and all that it starts.

    Args:
        readiness: waits for it, and returns its address with how it became ready.
    """

    def __init__(
        self,
        *,
        name: str,
        process: Process,
        mark: str,
        log_path: Path,
        data_folder: Path | None,
        config: StackConfig,
        readiness: Callable[[BootedStack], tuple[str, HealthReport]],
    ) -> None:
        self.name = name
        self.health: HealthReport | None = None
        self._footprint = Footprint(pid=process.pid, mark=mark, log_path=log_path, data_folder=data_folder)
        self._url = ""
        self._process: Process | None = process
        self._config = config
        self._readiness = readiness

    @property
    def url(self) -> str:
        """Its base address, once it is healthy."""
        return self._url

    @property
    def footprint(self) -> Footprint:
        """Its process, log and data."""
        return self._footprint

    def wait(self) -> None:
        """Wait until it is healthy; one that does not become so is stopped.

        Raises:
            StackError: it did not come up.
        """
        if self.health is not None:
            return
        try:
            self._url, self.health = self._readiness(self)
        except BaseException:
            self.stop()
            raise

    def exit_code(self) -> int | None:
        """Exit code of the process; None while it runs, and once it was stopped."""
        return None if self._process is None else self._process.poll()

    def ending(self) -> str | None:
        """How the process ended by itself, with the end of its log; None while it runs."""
        code = self.exit_code()
        if code is None:
            return None
        return with_log(f"the stack {self.name} {exit_text(code)}", self._footprint.log_path, self._config)

    def meters(self, of_processes: Callable[[int], Meter]) -> Mapping[str, Meter]:
        """One meter: of the process and its descendants."""
        return {self.name: of_processes(self._footprint.pid)}

    def stop(self) -> None:
        """End the process and all it started; does nothing the second time.

        Raises:
            StackError: something of it lives on.
        """
        process, self._process = self._process, None
        if process is None:
            return
        try:
            left = terminate(
                process.pid, self._footprint.mark, self._config.stop_timeout_s, reap=process.poll
            )
        finally:
            # A process that even SIGKILL did not end (stuck in the kernel) is no reason to warn at exit.
            process.detach()
            remove_data(self._footprint.data_folder)
        check_ended(self.name, left)

    def detach(self) -> None:
        """Let the process run on; from now on ``stop`` does nothing."""
        if self._process is not None:
            self._process.detach()
            self._process = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """What a process is started in: its name and log, working folder, data folder and environment.

    ``seed`` is for what draws at random and names none itself.
    """

    name: str
    log_folder: Path
    folder: Path | None
    seed: int | None
    data_folder: Path
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
) -> RunningStack:
    """Start ``target`` and wait until it is healthy; arguments and errors are those of ``start``."""
    stack = start(target, config, name=name, log_folder=log_folder, environ=environ, seed=seed, folder=folder)
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

    Raises:
        ConfigError: the command cannot be understood, or its port is not known.
        StackError: it could not be started; nothing of it is left. From ``wait``: it did not come up.
    """
    if target.address is not None:
        return ForeignStack(name=name, url=base_address(target.address), config=config)
    config = dataclasses.replace(config, health_path=target.own_health_path or config.health_path)
    around = _Surroundings(
        name=name,
        log_folder=log_folder,
        folder=folder,
        seed=seed,
        data_folder=Path(tempfile.mkdtemp(prefix="govbench-data-")),
        environ={**environ, MARK_VARIABLE: uuid.uuid4().hex},
    )
    try:
        return _STARTS[target.kind](target, config, around)
    except BaseException:
        # Ctrl-C may come when the process runs and nobody knows its id yet.
        kill_marked(around.environ[MARK_VARIABLE])
        remove_data(around.data_folder)
        raise


def own_port(target: Target, config: StackConfig) -> StackConfig:
    """The configuration of one of two instances that run at once: each gets a free port.

    Raises:
        ConfigError: it always listens on the same port.
    """
    target.check_two_at_once()
    return dataclasses.replace(config, port=None)


def check_ended(name: str, left: Sequence[int]) -> None:
    """Find out whether a stack has ended.

    Raises:
        StackError: these processes of it live on.
    """
    if left:
        raise StackError(
            f"the stack {name} cannot be ended: still there: process {', '.join(map(str, left))}",
            hint="it is another user's, or stuck in the kernel; end it by hand",
        )


def remove_data(folder: Path | None) -> None:
    """Remove the data folder of an instance that has ended; what cannot be removed stays."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


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
            f"command {command!r}: {error}", hint="quote as in a shell, and balance the quotes"
        ) from error
    if not words:
        raise ConfigError("the command is empty", hint='for example "command:python app.py --port {port}"')
    given = {"{port}": port, "{data}": data}
    for name, value in given.items():
        if value is not None:
            words = [word.replace(name, str(value)) for word in words]
    return tuple(words)


def _start_command(target: CommandTarget, config: StackConfig, around: _Surroundings) -> BootedStack:
    command, port = target.command, config.port
    if port is None:
        if "{port}" not in command:
            raise ConfigError(
                f"command {command!r}: the port that it listens on is not known",
                hint="write {port} where the command takes its port, or set port in section [stack]",
            )
        port = free_port()
    words = split_command(command, port, around.data_folder)
    _check_free(port)
    url = f"http://{HOST}:{port}"
    return _start(words, config, around, find=lambda _: url)


def _start_embedded(target: EmbeddedTarget, config: StackConfig, around: _Surroundings) -> BootedStack:
    if config.port is not None:
        _check_free(config.port)
    words = embedded_command(target.switches, config.port or 0, around.seed)
    return _start(words, config, around, find=lambda stack: _announced_url(stack, config))


# How each kind of target is started; ``git:REF`` has become one of these by then.
_STARTS: Final[Mapping[TargetKind, Callable[[Any, StackConfig, _Surroundings], RunningStack]]] = {
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
    words: Sequence[str], config: StackConfig, around: _Surroundings, *, find: Callable[[BootedStack], str]
) -> BootedStack:
    """Start a process; ``find`` is called, while it boots, for its address."""
    around.log_folder.mkdir(parents=True, exist_ok=True)
    log_path = around.log_folder / f"{file_name(around.name)}.log"
    mark = around.environ[MARK_VARIABLE]
    process = start_process(
        words,
        what="start the stack",
        environ={**around.environ, DATA_VARIABLE: str(around.data_folder), **config.environment},
        mark=mark,
        log=log_path,
        folder=around.folder,
    )

    def readiness(stack: BootedStack) -> tuple[str, HealthReport]:
        url = find(stack)
        return url, wait_until_healthy(url, config, alive=stack.exit_code, log_path=log_path)

    return BootedStack(
        name=around.name,
        process=process,
        mark=mark,
        log_path=log_path,
        data_folder=around.data_folder,
        config=config,
        readiness=readiness,
    )


def start_process(
    words: Sequence[str],
    *,
    what: str,
    environ: Mapping[str, str],
    mark: str,
    log: Path,
    folder: Path | None,
) -> Process:
    """A process of a stack, in ``folder``; ``what`` says in messages what it was to do.

    Raises:
        StackError: there is no such program, or it cannot be run.
    """
    # A shell and some build tools believe PWD rather than ask where they are.
    place = {} if folder is None else {"PWD": str(folder)}
    try:
        return Process(words, environ={**environ, **place}, mark=mark, log=log, folder=folder)
    except FileNotFoundError as error:
        only = "" if folder is None else "; a checkout holds committed files only"
        raise StackError(
            f"cannot {what}: no program {words[0]!r}",
            hint="check the spelling and PATH; no shell runs the command, so no pipes, cd or VAR=value"
            + only,
        ) from error
    except OSError as error:
        raise StackError(f"cannot {what}: {words[0]}: {error.strerror or error}") from error


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
    """``name`` as a file name: nothing in it leads out of the folder."""
    return re.sub(r"[^\w.-]", "-", name).lstrip(".") or "stack"
