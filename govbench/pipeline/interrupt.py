"""Ctrl-C, SIGTERM and SIGHUP: once ends the load in order, twice ends it now. Writes nothing itself."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from govbench.errors import ExitCode, Interrupted

_CODES = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGHUP: ExitCode.HUNG_UP,
}


class _Signalled(KeyboardInterrupt):
    """A signal has come.

    Not KeyboardInterrupt itself: of that one Python remembers, when it came while ``exec`` ran a text (as
    dataclasses do), that the process has to die of SIGINT, whatever becomes of it and of our exit code.
    """


class Stopper:
    """Catches the signals while its block runs.

    ``graceful`` is what the first signal calls, where something is set; without it, and at the second
    signal, the block is left so that every ``finally`` cleans up, with ``Interrupted`` in the end.

    A hang-up that is ignored, as under ``nohup``, stays ignored.
    """

    def __init__(self) -> None:
        self.graceful: Callable[[], None] | None = None
        self.signal_number: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in _CODES:
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            raise self.interrupted("interrupted before the end; what was written before stays") from error

    @property
    def stopped(self) -> bool:
        """Whether a signal has come."""
        return self.signal_number is not None

    def interrupted(self, message: str) -> Interrupted:
        """The error that ends an interrupted command, with the exit code that the signal asks for."""
        error = Interrupted(message)
        if self.signal_number is not None:
            error.exit_code = _CODES[signal.Signals(self.signal_number)]
        return error

    def ending(self, message: str) -> Interrupted | None:
        """The same where a signal has come; None where none has."""
        return self.interrupted(message) if self.stopped else None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        again = self.stopped
        self.signal_number = number
        if number == signal.SIGHUP:
            _silence_closed_terminal()
        if again or self.graceful is None:
            raise _Signalled
        self.graceful()


def _silence_closed_terminal() -> None:
    """Let what is still told go nowhere: a write to a terminal that was closed is an error."""
    for descriptor in (1, 2):
        watched = select.poll()
        watched.register(descriptor, 0)
        if any(event & select.POLLHUP for _, event in watched.poll(0)):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
