"""A stack that is a process: how it is started, what may be asked of it, how it ends. Chooses no command."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from govbench.config.settings import StackConfig
from govbench.errors import StackError
from govbench.results.meters import Meter
from govbench.stack.health import HealthReport, exit_text, log_end
from govbench.stack.home import Home
from govbench.stack.processes import Process, terminate
from govbench.stack.running import Footprint, RunningStack


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
        home: Home,
        config: StackConfig,
        readiness: Callable[[BootedStack], tuple[str, HealthReport]],
    ) -> None:
        self.name = name
        self.health: HealthReport | None = None
        self._footprint = Footprint(pid=process.pid, mark=mark, log_path=log_path, home=home.root)
        self._home = home
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

    def ending(self, when: str) -> str | None:
        """How the process ended by itself, with the end of its log; None while it runs."""
        code = self.exit_code()
        if code is None:
            return None
        said = log_end(self._footprint.log_path, self._config)
        how = f"the stack {self.name} {exit_text(code)} {when}"
        return f"{how}; its log ends: {said}" if said else f"{how}; its log is empty"

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
            self._home.remove()
        check_ended(self.name, left)

    def detach(self) -> None:
        """Let the process run on; from now on ``stop`` does nothing."""
        if self._process is not None:
            self._process.detach()
            self._process = None
            self._home.leave()


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
    _check_log(log)
    # A shell and some build tools believe PWD rather than ask where they are.
    place = {} if folder is None else {"PWD": str(folder)}
    try:
        return Process(words, environ={**environ, **place}, mark=mark, log=log, folder=folder)
    except FileNotFoundError as error:
        raise _missing(words[0], what, environ, folder) from error
    except NotADirectoryError as error:
        raise StackError(f"cannot {what}: {error.filename} is no folder") from error
    except OSError as error:
        raise StackError(f"cannot {what}: {words[0]}: {error.strerror or error}") from error


def _check_log(log: Path) -> None:
    """Find out, before anything is started, whether its log can be written.

    Raises:
        StackError: it cannot.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.open("wb").close()
    except OSError as error:
        raise StackError(
            f"the log {log} cannot be written: {error.strerror or error}",
            hint="make room, make its folder writable, or name another one",
        ) from error


def _missing(program: str, what: str, environ: Mapping[str, str], folder: Path | None) -> StackError:
    """What is missing: the folder, the program, or what its first line names."""
    place = _there(folder)
    if place is None:
        return StackError(
            f"cannot {what}: its folder {folder or Path()} does not exist (any more)",
            hint="call govbench in a folder that exists",
        )
    found = shutil.which(program, path=environ.get("PATH")) if "/" not in program else place / program
    if found is not None and Path(found).exists():
        return StackError(
            f"cannot {what}: {program} is there, but not the interpreter that its first line names",
            hint="check the line that begins with #!, and its line end",
        )
    only = "" if folder is None else "; a checkout holds committed files only"
    return StackError(
        f"cannot {what}: no program {program!r}",
        hint="check the spelling and PATH; no shell runs the command, so no pipes, cd or VAR=value" + only,
    )


def _there(folder: Path | None) -> Path | None:
    """The folder that a process starts in, where it exists."""
    try:
        place = Path.cwd() if folder is None else folder
    except FileNotFoundError:
        return None
    return place if place.is_dir() else None
