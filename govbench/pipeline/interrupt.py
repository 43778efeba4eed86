"""Ctrl-C and SIGTERM: once ends the load in order, twice ends it now. Writes nothing itself."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from govbench.errors import ExitCode, Interrupted

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class _Signalled(KeyboardInterrupt):
    """A signal has come.

    Not KeyboardInterrupt itself: of that one Python remembers, when it came while ``exec`` ran a text (as
    dataclasses do), that the process has to die of SIGINT, whatever becomes of it and of our exit code.
    """


class Stopper:
    """Catches the signals while its block runs.

    ``graceful`` is what the first signal calls, where something is set; without it, and at the second
    signal, the block is left so that every ``finally`` cleans up, with ``Interrupted`` in the end.
    """

    def __init__(self) -> None:
        self.graceful: Callable[[], None] | None = None
        self.signal_number: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in _NUMBERS:
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
        if self.signal_number == signal.SIGTERM:
            error.exit_code = ExitCode.TERMINATED
        return error

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        again = self.stopped
        self.signal_number = number
        if again or self.graceful is None:
            raise _Signalled
        self.graceful()
