"""The folder of a run: made before anything is measured, every document written whole."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from govbench import files
from govbench.errors import PublishError, UsageError, hint_for

LATEST = "latest"


def new_run_id(now: datetime) -> str:
    """``20260131T093000Z-1a2b3c``: sorts by time, and two runs of one second still differ."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def make_run_folder(output: Path, run_id: str) -> Path:
    """Make the folder of a run; ``point_latest`` makes it the latest once it holds results.

    Raises:
        UsageError: the output folder cannot be made or written: told before anything is measured.
    """
    folder = output / run_id
    try:
        folder.mkdir(parents=True)
        (folder / ".probe").write_bytes(b"x")
        (folder / ".probe").unlink()
    except OSError as error:
        raise UsageError(
            f"{output}: cannot be written: {error.strerror or error}",
            hint=f"{hint_for(error) or 'make this one a folder that can be written'} (--output)",
        ) from error
    return folder


@contextlib.contextmanager
def kept_unless_empty(folder: Path) -> Iterator[None]:
    """Remove the folder of a run that was left without a file in it, such as one that was never begun."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # it holds something
            folder.rmdir()


def write_whole(path: Path, text: str) -> None:
    """Write a document of a run folder: readers see the old one or the new one, never half.

    Raises:
        PublishError: it cannot be written; what was measured so far stays where it is.
    """
    _written(files.write_whole, path, text, option="--output")


def write_where_named(path: Path, text: str, *, option: str) -> None:
    """Write a document where ``option`` says: into a file, whole, or into a pipe or a device.

    Raises:
        PublishError: it cannot be written.
    """
    _written(files.write_where_named, path, text, option=option)


def _written(write: Callable[[Path, str], None], path: Path, text: str, *, option: str) -> None:
    try:
        write(path, text)
    except OSError as error:
        todo = hint_for(error) or "name another place"
        raise PublishError(
            f"{path}: cannot be written: {error.strerror or error}",
            hint=f"{todo}{f' with {option}' if 'place' in todo else ''}; govbench report renders a run again",
        ) from error


def point_latest(folder: Path) -> None:
    """Let ``latest`` beside a run folder point to it."""
    # A file system without links has no ``latest``; the run folders' names sort by time all the same.
    run_id = folder.name
    link, beside = folder.with_name(LATEST), folder.with_name(f".{LATEST}-{run_id}")
    with contextlib.suppress(OSError):
        beside.symlink_to(run_id, target_is_directory=True)
        beside.replace(link)


def latest_run(output: Path) -> Path:
    """The folder of the newest run.

    Raises:
        UsageError: there is none.
    """
    runs = sorted(p for p in output.glob("*Z-*") if (p / "results.json").is_file())
    if not runs:
        raise UsageError(f"{output}: no run here yet", hint="measure one with: govbench run TARGET")
    return runs[-1]
