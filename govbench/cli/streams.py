"""Standard output and error, whatever they are: what was measured keeps its exit code. Says nothing itself.

A reader that has gone (``| head``) wanted no more, and changes nothing. An output that is full or closed is
told on stderr, and makes 4 of an exit code 0: a gate whose report nobody can read is not green. Characters
that an encoding lacks are written otherwise.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import stat
import sys
from typing import Final, TextIO

from govbench.errors import ExitCode

_OTHERWISE: Final = {
    "✓": "ok", "✗": "x", "▲": "^", "○": "o", "≠": "!=", "→": "->", "…": "...", "−": "-", "–": "-", "±": "+-",
    "│": "|", "─": "-", "━": "=", "░": ".", "█": "#", "µ": "u", "\u202f": " ", "’": "'",
    "╭": "+", "╮": "+", "╰": "+", "╯": "+", "·": "-", "●": "o", "◀": "<", "▶": ">", "≥": ">=", "≤": "<=",
    **dict(zip("▁▂▃▄▅▆▇", "_..-=+*", strict=True)), **dict.fromkeys("▏▎▍▌▋▊▉", "|"),
}  # fmt: skip
_HANDLER: Final = "govbench.otherwise"


def _otherwise(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that cannot be encoded: others that look alike, or their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_OTHERWISE.get(char, f"\\u{ord(char):04x}") for char in lacking), error.end


codecs.register_error(_HANDLER, _otherwise)


class _Descriptor(io.RawIOBase):
    """Writes to a file descriptor and never fails: ``lost`` is why what was written last went nowhere."""

    def __init__(self, descriptor: int, *, closed: bool) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._is_gone = False
        self.lost: str | None = None
        self._why_closed = "it is closed" if closed else None

    def writable(self) -> bool:
        """It is written to, and nothing else."""
        return True

    def fileno(self) -> int:
        """The descriptor, for those who ask how wide a terminal is."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether a terminal is there."""
        return os.isatty(self._descriptor)

    def write(self, data: object) -> int:
        """Write what can be written, and take all of it for written where nothing can."""
        content = memoryview(data).cast("B")  # type: ignore[arg-type]
        if self._why_closed is not None and len(content):
            self.lost = self._why_closed
        while not (self._is_gone or self.lost):
            try:
                return os.write(self._descriptor, content)
            except BlockingIOError:  # somebody else made it so; it is waited for as if nobody had
                select.select([], [self._descriptor], [])
            except BrokenPipeError:
                self._is_gone = True
            except OSError as error:
                # a terminal that was closed is a reader that has gone
                self._is_gone = error.errno == errno.EIO and stat.S_ISCHR(os.fstat(self._descriptor).st_mode)
                self.lost = None if self._is_gone else error.strerror or str(error)
        return len(content)


class Streams:
    """Standard output and error of this command; nothing is changed where they were replaced already."""

    def __init__(self) -> None:
        closed = _occupy_closed()
        self._out = _Descriptor(1, closed=1 in closed)
        error = _Descriptor(2, closed=False)
        if sys.stdout is sys.__stdout__:
            sys.stdout = _text(self._out, sys.stdout)
        if sys.stderr is sys.__stderr__:
            sys.stderr = _text(error, sys.stderr)

    def end(self, code: int) -> int:
        """The exit code, once everything that was said has been written or could not be."""
        sys.stdout.flush()
        if self._out.lost is not None:
            print(f"govbench: stdout cannot be written: {self._out.lost}", file=sys.stderr)  # noqa: T201
            hint = "what was measured is on disk: govbench report shows a run again, with --to in a file"
            print(f"  hint: {hint}", file=sys.stderr)  # noqa: T201
            code = code or ExitCode.NOT_PUBLISHED
        sys.stderr.flush()
        return code


def _text(raw: _Descriptor, before: TextIO | None) -> TextIO:
    """Text on a descriptor, encoded as the stream before it."""
    encoding = getattr(before, "encoding", None) or "utf-8"
    by_lines = raw.isatty() or raw.fileno() == 2  # as Python has it
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors=_HANDLER, line_buffering=by_lines
    )


def _occupy_closed() -> frozenset[int]:
    """Which of the first three descriptors are closed; nothing that is opened later may take their place."""
    closed = set()
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
            closed.add(descriptor)
    return frozenset(closed)
