"""Looks at a custom test file before a run: compiled here, imported in processes of their own."""

from __future__ import annotations

from pathlib import Path

from govbench.config.settings import LoadConfig
from govbench.errors import ConfigError
from govbench.files import read_bytes
from govbench.load.launch import problem_with

MOST_BYTES = 16 * 1024 * 1024


def checked_test_file(file: Path | None) -> str | None:
    """The test file as the load process is to find it.

    Raises:
        ConfigError: it cannot be read, or is no Python.
    """
    if file is None:
        return None
    try:
        compile(read_bytes(file, most_bytes=MOST_BYTES), str(file), "exec", dont_inherit=True)
    except OSError as error:
        raise ConfigError(
            f"test file {file}: {error.strerror or error}", hint="paths count from the current folder"
        ) from error
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise ConfigError(f"{file}{line}: {getattr(error, 'msg', error)}") from error
    return str(file.resolve())


def user_classes_of(load: LoadConfig) -> tuple[str, ...]:
    """The names of the users of the test file that run; none: all of them."""
    return tuple(name.strip() for name in (load.user_class or "").split(",") if name.strip())


def require_users(load: LoadConfig) -> None:
    """Find out before anything is booted that the test file has the users that are to run.

    Raises:
        ConfigError: it cannot be read or imported, has no users, or none of such a name.
        LoadError: no process can be started for it.
    """
    file = checked_test_file(load.test_file)
    problem = None if file is None else problem_with(file, user_classes_of(load))
    if problem is not None:
        message, hint = problem
        raise ConfigError(message, hint=hint or None)


def content_of(file: Path | None) -> bytes | None:
    """What the test file holds; None where there is none.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return None if file is None else read_bytes(file, most_bytes=MOST_BYTES)
    except OSError as error:
        raise ConfigError(f"test file {file}: {error.strerror}") from error
