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

from enum import IntEnum


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
