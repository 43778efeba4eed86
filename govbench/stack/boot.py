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
from types import TracebackType
from typing import Final, Self

from govbench.config.settings import StackConfig
from govbench.config.targets import Bootable, CommandTarget, EmbeddedSwitches, EmbeddedTarget, UrlTarget
from govbench.errors import ConfigError, StackError
from govbench.results.meters import Meter
from govbench.stack.health import HealthReport, exit_text, wait_until_healthy, with_log
from govbench.stack.processes import MARK_VARIABLE, Process, kill_marked, terminate

HOST: Final = "127.0.0.1"
EMBEDDED_HEALTH_PATH: Final = "/health"
DATA_VARIABLE: Final = "GOVBENCH_DATA"
# A stack that somebody else starts is either there or not; waiting a whole boot time helps nobody.
FOREIGN_WAIT_S: Final = 5.0
_DEFAULT_SEED: Final = 1
_POLL_S: Final = 0.02


class RunningStack:
    """A stack that answers; as a context manager it is stopped at the end of the block.

    Attributes:
        name: what the stack is called in reports and log files.
        url: base address.
        pid: the booted process, which leads its process group; None where nothing was booted.
        log_path: where the booted process writes.
        data_folder: what only this instance writes to; goes with it. None where it was given none.
        health: how it became ready; None only while it boots.
    """

    def __init__(
        self,
        *,
        name: str,
        url: str,
        stop_timeout_s: float = 0.0,
        process: Process | None = None,
        mark: str = "",
        log_path: Path | None = None,
        data_folder: Path | None = None,
        readiness: Callable[[RunningStack], HealthReport] | None = None,
    ) -> None:
        self.name = name
        self.url = url
        self.log_path = log_path
        self.data_folder = data_folder
        self.mark = mark
        self.health: HealthReport | None = None
        self.pid = None if process is None else process.pid
        self._process = process
        self._stop_timeout_s = stop_timeout_s
        self._readiness = readiness

    def wait(self) -> None:
        """Wait until it is healthy; one that does not become so is stopped.

        Raises:
            StackError: it did not come up.
        """
        if self._readiness is None:
            return
        try:
            self.health = self._readiness(self)
        except BaseException:
            self.stop()
            raise
        self._readiness = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def exit_code(self) -> int | None:
        """Exit code of the booted process; None while it runs, and where nothing was booted."""
        return None if self._process is None else self._process.poll()

    def meters(self, of_processes: Callable[[int], Meter]) -> Mapping[str, Meter]:
        """The meter of each part that was booted, by its name; none where nothing was booted.

        ``of_processes`` makes the meter of a process and its descendants.
        """
        return {} if self.pid is None else {self.name: of_processes(self.pid)}

    def stop(self) -> None:
        """End the booted process and all it started; does nothing the second time."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            terminate(process.pid, self.mark, self._stop_timeout_s, reap=process.poll)
        finally:
            # A process that even SIGKILL did not end (stuck in the kernel) is no reason to warn at exit.
            process.detach()
            remove_data(self.data_folder)

    def detach(self) -> None:
        """Let the stack run on; from now on ``stop`` does nothing."""
        if self._process is not None:
            self._process.detach()
            self._process = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """What a process is started in: its name and log, working folder, data folder and environment."""

    name: str
    log_folder: Path
    folder: Path | None
    data_folder: Path | None
    environ: Mapping[str, str]


def boot(
    target: Bootable,
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
    target: Bootable,
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
    if isinstance(target, UrlTarget):
        return RunningStack(name=name, url=target.url, readiness=lambda stack: _foreign(stack, config))
    has_data = isinstance(target, CommandTarget)
    around = _Surroundings(
        name=name,
        log_folder=log_folder,
        folder=folder,
        data_folder=Path(tempfile.mkdtemp(prefix="govbench-data-")) if has_data else None,
        environ={**environ, MARK_VARIABLE: uuid.uuid4().hex},
    )
    try:
        if isinstance(target, EmbeddedTarget):
            return _start_embedded(target.switches, config, around, seed)
        return _start_command(target.command, config, around)
    except BaseException:
        # Ctrl-C may come when the process runs and nobody knows its id yet.
        kill_marked(around.environ[MARK_VARIABLE])
        remove_data(around.data_folder)
        raise


def own_port(target: Bootable, config: StackConfig) -> StackConfig:
    """The configuration of one of two instances that run at once: each gets a free port.

    Raises:
        ConfigError: the command always listens on the same port.
    """
    if isinstance(target, CommandTarget) and "{port}" not in target.command:
        raise ConfigError(
            f"command {target.command!r}: two instances of it cannot listen on the same port",
            hint="write {port} where the command takes its port, so that each gets one of its own",
        )
    return dataclasses.replace(config, port=None)


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


def _foreign(stack: RunningStack, config: StackConfig) -> HealthReport:
    """A URL is only waited for, and only briefly."""
    wait_s = min(config.boot_timeout_s, FOREIGN_WAIT_S)
    return wait_until_healthy(stack.url, config, alive=stack.exit_code, foreign=True, timeout_s=wait_s)


def _start_command(command: str, config: StackConfig, around: _Surroundings) -> RunningStack:
    port = config.port
    if port is None:
        if "{port}" not in command:
            raise ConfigError(
                f"command {command!r}: the port that it listens on is not known",
                hint="write {port} where the command takes its port, or set port in section [stack]",
            )
        port = free_port()
    words = split_command(command, port, around.data_folder)
    _check_free(port)
    return _start(words, config, around, url=f"http://{HOST}:{port}")


def _start_embedded(
    switches: EmbeddedSwitches, config: StackConfig, around: _Surroundings, seed: int | None
) -> RunningStack:
    if config.port is not None:
        _check_free(config.port)
    words = embedded_command(switches, config.port or 0, seed)
    return _start(words, dataclasses.replace(config, health_path=EMBEDDED_HEALTH_PATH), around, url="")


def embedded_command(switches: EmbeddedSwitches, port: int, seed: int | None) -> tuple[str, ...]:
    """The command line of an embedded instance; a seed among the switches wins over ``seed``."""
    values = dataclasses.asdict(switches)
    if switches.seed is None:
        values["seed"] = _DEFAULT_SEED if seed is None else seed
    options = [part for key, value in values.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    return (sys.executable, "-m", "govbench.demo", "--host", HOST, "--port", str(port), *options)


def _start(words: Sequence[str], config: StackConfig, around: _Surroundings, *, url: str) -> RunningStack:
    around.log_folder.mkdir(parents=True, exist_ok=True)
    log_path = around.log_folder / f"{file_name(around.name)}.log"
    mark = around.environ[MARK_VARIABLE]
    data = {} if around.data_folder is None else {DATA_VARIABLE: str(around.data_folder)}
    process = start_process(
        words,
        what="start the stack",
        environ={**around.environ, **data, **config.environment},
        mark=mark,
        log=log_path,
        folder=around.folder,
    )
    return RunningStack(
        name=around.name,
        url=url,
        stop_timeout_s=config.stop_timeout_s,
        process=process,
        mark=mark,
        log_path=log_path,
        data_folder=around.data_folder,
        readiness=lambda stack: _healthy(stack, config),
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


def _healthy(stack: RunningStack, config: StackConfig) -> HealthReport:
    if not stack.url:
        stack.url = _announced_url(stack, config)
    return wait_until_healthy(stack.url, config, alive=stack.exit_code, log_path=stack.log_path)


def _announced_url(stack: RunningStack, config: StackConfig) -> str:
    """The address that an embedded instance writes as its first line once it listens."""
    assert stack.log_path is not None
    deadline = time.monotonic() + config.boot_timeout_s
    while time.monotonic() < deadline:
        code = stack.exit_code()
        for line in stack.log_path.read_text(encoding="utf-8", errors="replace").splitlines():
            if (url := _url_of(line)) is not None:
                return url
        if code is not None:
            message = f"the embedded API {exit_text(code)} before it listened"
            raise StackError(with_log(message, stack.log_path, config))
        time.sleep(_POLL_S)
    message = f"the embedded API does not listen after {config.boot_timeout_s:g} s"
    raise StackError(
        with_log(message, stack.log_path, config), hint="raise boot_timeout_s in section [stack]"
    )


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
