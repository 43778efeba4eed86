"""Ends what was booted when govbench itself was killed and can end nothing any more.

A small process that waits for the other end of its pipe to close, which the system sees to however govbench
ends. It is told what is booted and what has been stopped; whatever is left in the end, it ends. It costs
nothing while it waits. Boots nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from govbench.config.environment import environment
from govbench.stack.processes import MARK_VARIABLE, terminate

_END_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What is to be ended: known by its mark, and by its process once that has been started."""

    mark: str
    pid: int | None = None
    timeout_s: float = _END_S
    folder: str | None = None


class Keeper:
    """The keeper of this process, as this process speaks to it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._charges: dict[str, Charge] = {}
        self._lock = threading.RLock()

    def watch(self, charge: Charge) -> None:
        """End this when we cannot; called again where more of it is known."""
        with self._lock:
            self._charges[charge.mark] = charge
            self._tell([charge])

    def forget(self, mark: str) -> None:
        """It has ended, or is meant to run on."""
        with self._lock:
            if self._charges.pop(mark, None) is not None:
                self._tell([mark])

    def close(self) -> None:
        """Let the keeper go; with nothing in its charge it ends at once."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)

    def _tell(self, news: Iterable[Charge | str]) -> None:
        # Without a keeper everything works but for one thing: SIGKILL leaves what the next start clears away.
        with contextlib.suppress(OSError):
            if self._process is None or self._process.poll() is not None:
                self._start()
                news = self._charges.values()
            assert self._process is not None
            assert self._process.stdin is not None
            for each in news:
                self._process.stdin.write(_line(each))

    def _start(self) -> None:
        variables = {name: value for name, value in environment().items() if name != MARK_VARIABLE}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "govbench.stack.keeper"],
            bufsize=0,
            cwd="/",
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


@functools.cache
def keeper() -> Keeper:
    """The one of this process."""
    made = Keeper()
    atexit.register(made.close)
    return made


def _line(news: Charge | str) -> bytes:
    content = {"forget": news} if isinstance(news, str) else asdict(news)
    return json.dumps(content).encode() + b"\n"


def main() -> None:
    """Wait until the pipe is closed, then end what is left."""
    # It ends by itself with govbench, whoever signals to the two of them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    charges: dict[str, Charge] = {}
    for line in sys.stdin:
        told = json.loads(line)
        if "forget" in told:
            charges.pop(told["forget"], None)
        else:
            charges[told["mark"]] = Charge(**told)
    if charges:
        with ThreadPoolExecutor() as at_once:
            list(at_once.map(_end, charges.values()))


def _end(charge: Charge) -> None:
    terminate(
        charge.pid or 0,
        charge.mark,
        charge.timeout_s,
        reap=lambda: None,
        whole_group=charge.pid is not None,
    )
    if charge.folder is not None:
        shutil.rmtree(Path(charge.folder), ignore_errors=True)


if __name__ == "__main__":
    main()
