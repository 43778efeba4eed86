"""Brings one stack up and takes it down again. What becomes of its requests is no business of this module."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shlex
import socket
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from govbench.config.settings import StackConfig
from govbench.config.targets import CommandTarget, EmbeddedSwitches, EmbeddedTarget, Target, UrlTarget
from govbench.errors import ConfigError, StackError
from govbench.stack.health import HealthReport, exit_text, wait_until_healthy, with_log
from govbench.stack.processes import MARK_VARIABLE, Process, kill_marked, terminate

HOST: Final = "127.0.0.1"
EMBEDDED_HEALTH_PATH: Final = "/health"
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
    ) -> None:
        self.name = name
        self.url = url
        self.log_path = log_path
        self.mark = mark
        self.health: HealthReport | None = None
        self.pid = None if process is None else process.pid
        self._process = process
        self._stop_timeout_s = stop_timeout_s

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

    def detach(self) -> None:
        """Let the stack run on; from now on ``stop`` does nothing."""
        if self._process is not None:
            self._process.detach()
            self._process = None


def boot(
    target: Target,
    config: StackConfig,
    *,
    name: str,
    log_folder: Path,
    environ: Mapping[str, str],
    seed: int | None = None,
) -> RunningStack:
    """Start ``target`` and wait until it is healthy; a URL is only waited for, and only briefly.

    Args:
        target: what to start.
        config: port, health path, times, and what is added to ``environ``.
        name: of the stack; its log is ``log_folder/NAME.log``, begun anew.
        log_folder: made if need be.
        environ: the environment that the process starts with.
        seed: for an embedded target that does not name one.

    Raises:
        ConfigError: the command cannot be understood, or its port is not known.
        StackError: the stack did not come up; nothing of it is left.
    """
    mark = uuid.uuid4().hex
    marked = {**environ, MARK_VARIABLE: mark}
    try:
        match target:
            case UrlTarget():
                return _foreign(target, config, name)
            case EmbeddedTarget():
                return _boot_embedded(target.switches, config, name, log_folder, marked, seed)
            case CommandTarget():
                return _boot_command(target.command, config, name, log_folder, marked)
    except BaseException:
        # Ctrl-C may come when the process runs and nobody knows its id yet.
        kill_marked(mark)
        raise


def free_port() -> int:
    """A port of the loopback interface that nobody listened on a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def split_command(command: str, port: int | None) -> tuple[str, ...]:
    """The words of ``command``, quotes as in a shell; no shell runs it.

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
    return tuple(word.replace("{port}", str(port)) for word in words)


def _foreign(target: UrlTarget, config: StackConfig, name: str) -> RunningStack:
    stack = RunningStack(name=name, url=target.url)
    wait_s = min(config.boot_timeout_s, FOREIGN_WAIT_S)
    stack.health = wait_until_healthy(
        target.url, config, alive=stack.exit_code, foreign=True, timeout_s=wait_s
    )
    return stack


def _boot_command(
    command: str, config: StackConfig, name: str, log_folder: Path, environ: Mapping[str, str]
) -> RunningStack:
    port = config.port
    if port is None:
        if "{port}" not in command:
            raise ConfigError(
                f"command {command!r}: the port that it listens on is not known",
                hint="write {port} where the command takes its port, or set port in section [stack]",
            )
        port = free_port()
    words = split_command(command, port)
    _check_free(port)
    stack = _start(words, config, name, log_folder, environ, url=f"http://{HOST}:{port}")
    return _ready_or_gone(stack, config)


def _boot_embedded(
    switches: EmbeddedSwitches,
    config: StackConfig,
    name: str,
    log_folder: Path,
    environ: Mapping[str, str],
    seed: int | None,
) -> RunningStack:
    if config.port is not None:
        _check_free(config.port)
    words = embedded_command(switches, config.port or 0, seed)
    stack = _start(words, config, name, log_folder, environ, url="")
    try:
        stack.url = _announced_url(stack, config)
    except BaseException:
        stack.stop()
        raise
    return _ready_or_gone(stack, dataclasses.replace(config, health_path=EMBEDDED_HEALTH_PATH))


def embedded_command(switches: EmbeddedSwitches, port: int, seed: int | None) -> tuple[str, ...]:
    """The command line of an embedded instance; a seed among the switches wins over ``seed``."""
    values = dataclasses.asdict(switches)
    if switches.seed is None:
        values["seed"] = _DEFAULT_SEED if seed is None else seed
    options = [part for key, value in values.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    return (sys.executable, "-m", "govbench.demo", "--host", HOST, "--port", str(port), *options)


def _start(
    words: Sequence[str],
    config: StackConfig,
    name: str,
    log_folder: Path,
    environ: Mapping[str, str],
    *,
    url: str,
) -> RunningStack:
    log_folder.mkdir(parents=True, exist_ok=True)
    log_path = log_folder / f"{file_name(name)}.log"
    mark = environ[MARK_VARIABLE]
    try:
        process = Process(words, environ={**environ, **config.environment}, mark=mark, log=log_path)
    except FileNotFoundError as error:
        raise StackError(
            f"cannot start the stack: no program {words[0]!r}",
            hint="check the spelling and PATH; no shell runs the command, so no pipes, cd or VAR=value",
        ) from error
    except OSError as error:
        raise StackError(f"cannot start the stack: {words[0]}: {error.strerror or error}") from error
    return RunningStack(
        name=name,
        url=url,
        stop_timeout_s=config.stop_timeout_s,
        process=process,
        mark=mark,
        log_path=log_path,
    )


def _ready_or_gone(stack: RunningStack, config: StackConfig) -> RunningStack:
    try:
        stack.health = wait_until_healthy(stack.url, config, alive=stack.exit_code, log_path=stack.log_path)
    except BaseException:
        stack.stop()
        raise
    return stack


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
