"""Files that are committed, in the work tree: read, written whole, and the repository that must hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from govbench import files
from govbench.baselines.git import NO_TEXT_HINT, Repository
from govbench.errors import PublishError, ResultsError, hint_for
from govbench.git import GitFailed

# An entry has some 20 KB.
MOST_BYTES: Final = 16 * 1024 * 1024


def require(found: Repository | None, folder: Path) -> Repository:
    """The repository that ``repository(folder)`` found.

    Raises:
        ResultsError: it found none, or one that git cannot read.
    """
    if found is None:
        raise ResultsError(
            f"{folder} is not in a git repository, so no commit can be looked up",
            hint="run govbench inside the repository that holds the baselines",
        )
    try:
        found.run("rev-parse", "--git-dir")
    except GitFailed as error:
        raise ResultsError(f"the git repository {found.root} cannot be read: {error}") from error
    return found


def require_to_store(found: Repository | None, folder: Path) -> Repository:
    """As ``require``, for a file that is to be committed.

    Raises:
        PublishError: there is none, or one that git cannot read.
    """
    if found is None:
        raise PublishError(
            f"{folder} is not in a git repository: baselines are committed beside the code they measured",
            hint="run govbench in the repository, or make one with git init",
        )
    try:
        return require(found, folder)
    except ResultsError as error:
        raise PublishError(str(error), hint=error.hint) from error


def read_text(file: Path) -> str:
    """What a file holds.

    Raises:
        FileNotFoundError: there is none.
        ResultsError: it cannot be read, or is no text.
    """
    return text_of(read_bytes(file), source=str(file))


def read_bytes(file: Path) -> bytes:
    """What a file holds, whatever it is.

    Raises:
        FileNotFoundError: there is none.
        ResultsError: it cannot be read.
    """
    try:
        return files.read_bytes(file, most_bytes=MOST_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ResultsError(f"{file}: cannot be read: {error.strerror or error}") from error


def text_of(content: bytes, *, source: str) -> str:
    """What a file holds, as text.

    Raises:
        ResultsError: it is none; the message names ``source``.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ResultsError(f"{source}: is no text", hint=NO_TEXT_HINT) from error


def write_whole(path: Path, text: str) -> None:
    """Written beside and renamed: a reader, or another process that stores, sees the file whole or not.

    Raises:
        PublishError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(path, text)
    except OSError as error:
        raise PublishError(
            f"{path}: cannot be written: {error.strerror or error}",
            hint=hint_for(error)
            or "the folder must be writable, and no file may stand where a folder belongs",
        ) from error
