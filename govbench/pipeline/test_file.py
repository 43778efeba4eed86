"""Looks at a custom test file before a run: compiled here, imported in the load process."""

from __future__ import annotations

from pathlib import Path

from govbench.errors import ConfigError


def checked_test_file(file: Path | None) -> str | None:
    """The test file as the load process is to find it.

    Raises:
        ConfigError: it cannot be read, or is no Python.
    """
    if file is None:
        return None
    try:
        compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except OSError as error:
        raise ConfigError(
            f"test file {file}: {error.strerror}", hint="paths count from the current folder"
        ) from error
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise ConfigError(f"{file}{line}: {getattr(error, 'msg', error)}") from error
    return str(file.resolve())


def content_of(file: Path | None) -> bytes | None:
    """What the test file holds; None where there is none.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return None if file is None else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"test file {file}: {error.strerror}") from error
