"""Every error that govbench raises on purpose, with its exit code and what to do about it.

A regression is a verdict, not an error; see ``compare/verdict.py``. The tree:

    GovbenchError
    ├── UsageError (2)             the call, the configuration or an input file is wrong
    │   ├── ConfigError            a key, a variable or an option
    │   └── ResultsError           a result, sample or baseline file that cannot be read or used
    ├── MeasurementError (3)       nothing could be measured, or not soundly
    │   ├── StackError             the system under test did not come up or went away
    │   ├── LoadError              the load process failed
    │   └── TooFewSamples          a statistic was asked of too little data
    ├── PublishError (4)           measured and judged, but not stored or published
    └── Interrupted (129, 130, 143) a signal ended the run; what was measured is on disk
"""

from __future__ import annotations

import errno
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """Exit codes of every govbench command (docs/exit-codes.md)."""

    OK = 0
    REGRESSION = 1
    USAGE = 2
    NOT_MEASURED = 3
    NOT_PUBLISHED = 4
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class GovbenchError(Exception):
    """What was wrong, and in ``hint`` what to do about it; both are shown to the user as they are."""

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


# What to do about what the system refuses, by the number of its error.
_HINTS_BY_ERRNO: Final = {
    errno.ENOSPC: "the disk is full: make room, or name another place",
    errno.EDQUOT: "the quota is used up: make room, or name another place",
    errno.EFBIG: "files may not become that large here (ulimit -f): raise the limit, or name another place",
    errno.EROFS: "the file system can only be read: name another place",
    errno.EACCES: "make it accessible, or name another place",
    errno.EPERM: "make it accessible, or name another place",
    errno.ENAMETOOLONG: "the name is too long: name another place",
    errno.ELOOP: "the links lead in a circle: name another place",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine",
    errno.ENOMEM: "this machine has no memory left",
    errno.EAGAIN: "no more processes may be started: raise the limit (ulimit -u)",
}


def hint_for(error: OSError) -> str | None:
    """What to do about what the system refused; None where that cannot be told."""
    return _HINTS_BY_ERRNO.get(error.errno or 0)


def in_words(error: Exception) -> str:
    """An error in a sentence: of one of the system where, why and what to do; of any other its message."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    where, hint = f"{error.filename}: " if error.filename else "", hint_for(error)
    return f"{where}{error.strerror}" + (f" ({hint})" if hint else "")


class UsageError(GovbenchError):
    """The call is wrong: options that exclude each other, a target that is none."""


class ConfigError(UsageError):
    """A configuration value is wrong: the message names the file (or variable, or option) and the key."""


class ResultsError(UsageError):
    """A result, sample or baseline file cannot be read, or cannot be used for what was asked."""


class MeasurementError(GovbenchError):
    """Nothing could be measured, or nothing that a verdict may rest on."""

    exit_code = ExitCode.NOT_MEASURED


class StackError(MeasurementError):
    """The system under test did not become healthy, or went away."""


class LoadError(MeasurementError):
    """The load process failed or could not be started."""


class TooFewSamples(MeasurementError):
    """A statistic was asked of fewer samples than it needs."""


class PublishError(GovbenchError):
    """Measured and judged, but the outcome could not be stored or published."""

    exit_code = ExitCode.NOT_PUBLISHED


class Interrupted(GovbenchError):
    """A signal ended the run after what was measured had been written."""

    exit_code = ExitCode.INTERRUPTED
