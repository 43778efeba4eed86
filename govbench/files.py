"""Reads and writes whole files, and looks first at what they are: a pipe, a device, a link or a folder.

Nothing here waits for ever, follows a link that somebody left beside a file, or puts a file where a device
is. Knows no formats.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

MOST_BYTES: Final = 512 * 1024 * 1024
# How long a pipe may say nothing, or a reader take nothing.
PATIENCE_S: Final = 5.0
_CHUNK: Final = 1 << 16
_LONGEST_PART: Final = 100
_POLL_S: Final = 0.05


def read_bytes(path: Path, *, most_bytes: int = MOST_BYTES) -> bytes:
    """All that a file holds; of a pipe, what is written to it until it is closed.

    Raises:
        OSError: it cannot be read, is a folder, is larger than ``most_bytes``, or is a pipe or a device
            that says nothing.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        waits = not stat.S_ISREG(kind)
        found = bytearray()
        while chunk := _next(descriptor, path, waits=waits):
            found += chunk
            if len(found) > most_bytes:
                raise OSError(errno.EFBIG, f"larger than {most_bytes >> 20} MiB", str(path))
        return bytes(found)
    finally:
        os.close(descriptor)


def read_text(path: Path, *, encoding: str = "utf-8", most_bytes: int = MOST_BYTES) -> str:
    """The same as text, its line ends as Python has them.

    Raises:
        OSError: as ``read_bytes``.
        UnicodeDecodeError: it is no text of that encoding.
    """
    return io.TextIOWrapper(io.BytesIO(read_bytes(path, most_bytes=most_bytes)), encoding=encoding).read()


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the system name the file that it is about, where it does not."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def require_regular(path: Path) -> None:
    """Find out that opening a file will wait for nobody.

    Raises:
        OSError: there is none, or it is a pipe, a device or a folder.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "no regular file", str(path))


def write_whole(path: Path, text: str) -> None:
    """Write a file beside, then rename it: readers see the old one or the new one, never half.

    A link that is there is replaced, and what it leads to stays as it is.

    Raises:
        OSError: it cannot be written; what was there before is whole.
    """
    beside = path.with_name(f".{path.name[:_LONGEST_PART]}.{uuid4().hex}")
    try:
        with beside.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with contextlib.suppress(OSError):  # renamed, or never made
            beside.unlink()


def write_where_named(path: Path, text: str) -> None:
    """Write what a user named: a file, whole, behind links if need be; or into a pipe or a device.

    Raises:
        OSError: it cannot be written, or is a folder, a disk or a socket.
    """
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        kind = stat.S_IFREG
    if stat.S_ISREG(kind):
        write_whole(Path(os.path.realpath(path)), text)
    elif stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
        _write_into(path, text.encode())
    elif stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    else:
        raise OSError(errno.EINVAL, "neither a file, a pipe nor a device that takes text", str(path))


def _next(descriptor: int, path: Path, *, waits: bool) -> bytes:
    """The next bytes; none at the end."""
    if waits:
        ready = select.poll()
        ready.register(descriptor, select.POLLIN)
        if not ready.poll(PATIENCE_S * 1e3):
            raise TimeoutError(errno.ETIMEDOUT, f"a pipe or a device that says nothing for {PATIENCE_S:g} s")
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError as error:
        raise TimeoutError(errno.ETIMEDOUT, "a device that says nothing", str(path)) from error


def _write_into(path: Path, content: bytes) -> None:
    descriptor = _opened(path)
    try:
        ready = select.poll()
        ready.register(descriptor, select.POLLOUT)
        rest = memoryview(content)
        while rest:
            if not ready.poll(PATIENCE_S * 1e3):
                raise TimeoutError(errno.ETIMEDOUT, f"nobody reads from it for {PATIENCE_S:g} s", str(path))
            rest = rest[os.write(descriptor, rest[:_CHUNK]) :]
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    """A pipe or a device to write to; of a pipe, once there is a reader."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > deadline:
                raise OSError(errno.ENXIO, "nobody reads from it", str(path)) from error
        time.sleep(_POLL_S)
