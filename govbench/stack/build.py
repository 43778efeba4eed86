"""Runs the build command of a stack, once before its first boot. Looks at nothing that it makes."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from govbench.config.settings import StackConfig
from govbench.errors import ConfigError, StackError
from govbench.stack.boot import file_name, split_command
from govbench.stack.booted import start_process
from govbench.stack.health import exit_text, with_log
from govbench.stack.keeper import Charge, keeper
from govbench.stack.processes import kill_marked, terminate


def build(
    config: StackConfig, *, name: str, log_folder: Path, environ: Mapping[str, str], folder: Path | None
) -> None:
    """Run ``config.build`` to its end; nothing where there is none.

    Args:
        config: the command, its time limit and the variables it is given.
        name: of the stack; the log is ``log_folder/NAME-build.log``, begun anew.
        log_folder: made if need be.
        environ: the environment that the command starts with.
        folder: where it runs; None: here.

    Raises:
        ConfigError: the command cannot be understood.
        StackError: it failed or took too long; nothing of it runs on.
    """
    if config.build is None:
        return
    log = log_folder / f"{file_name(name)}-build.log"
    code = _run(_words(config.build), config, log=log, environ=environ, folder=folder)
    if code is None:
        message = f"the build of {name} was not done after {config.build_timeout_s:g} s"
        raise StackError(
            with_log(message, log, config), hint="raise build_timeout_s in section [stack], or build less"
        )
    if code != 0:
        message = f"the build of {name} {exit_text(code)}"
        raise StackError(with_log(message, log, config), hint="it ran what [stack] build says")


def _words(command: str) -> tuple[str, ...]:
    try:
        return split_command(command, None)
    except ConfigError as error:
        raise ConfigError(f"[stack] build: {error}", hint="quote as in a shell") from error


def _run(
    words: Sequence[str],
    config: StackConfig,
    *,
    log: Path,
    environ: Mapping[str, str],
    folder: Path | None,
) -> int | None:
    """Its exit code; None where its time was up. Whatever it left running is ended."""
    mark = uuid.uuid4().hex
    variables = {**environ, **config.environment}
    try:
        keeper().watch(Charge(mark=mark))
        process = start_process(
            words, what="build the stack", environ=variables, mark=mark, log=log, folder=folder
        )
        try:
            keeper().watch(Charge(mark=mark, pid=process.pid))
            return process.wait(timeout=config.build_timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            terminate(process.pid, mark, config.stop_timeout_s, reap=process.poll)
            process.detach()
    except BaseException:
        # Ctrl-C may come when the process runs and nobody knows its id yet.
        kill_marked(mark)
        raise
    finally:
        keeper().forget(mark)
