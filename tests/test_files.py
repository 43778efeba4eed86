"""Files, pipes, devices and links: what is read, what is written, and that nobody waits for ever."""

from __future__ import annotations

import errno
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from govbench import files
from govbench.files import read_bytes, read_text, require_regular, write_where_named, write_whole


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PATIENCE_S", 0.2)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture
def heard(pipe: Path) -> Iterator[list[bytes]]:
    """What a reader takes out of the pipe, whole once the pipe was closed."""
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()), daemon=True)
    reader.start()
    yield found
    reader.join(timeout=10)


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes("größer\r\nals\rzuvor".encode("utf-8-sig"))
    assert read_bytes(tmp_path / "file") == "größer\r\nals\rzuvor".encode("utf-8-sig")
    assert read_text(tmp_path / "file", encoding="utf-8-sig") == "größer\nals\nzuvor"
    with pytest.raises(UnicodeDecodeError):
        read_text(tmp_path / "file", encoding="ascii")


def test_a_link_is_read_and_one_into_nothing_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "astray").symlink_to("nothing")
    (tmp_path / "circle").symlink_to("circle")
    assert read_bytes(tmp_path / "link") == b"text"
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "astray")
    with pytest.raises(OSError, match="symbolic links"):
        read_bytes(tmp_path / "circle")


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(1 << 21))
    with pytest.raises(OSError, match="larger than 1 MiB"):
        read_bytes(tmp_path / "file", most_bytes=1 << 20)
    with pytest.raises(OSError, match="larger than 1 MiB"):
        read_bytes(Path("/dev/zero"), most_bytes=1 << 20)
    assert read_bytes(Path("/dev/null")) == b""


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for act in (
        read_bytes,
        lambda path: write_where_named(path, "text"),
        lambda path: write_whole(path, "text"),
    ):
        with pytest.raises(IsADirectoryError):
            act(tmp_path)


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(pipe: Path) -> None:
    with pytest.raises(TimeoutError, match="says nothing"):
        read_bytes(pipe)


def test_a_pipe_whose_writer_says_nothing_is_not_waited_for(pipe: Path) -> None:
    descriptor = os.open(pipe, os.O_RDWR)
    try:
        with pytest.raises(TimeoutError, match="says nothing"):
            read_bytes(pipe)
    finally:
        os.close(descriptor)


def test_a_pipe_is_read_until_it_is_closed(pipe: Path) -> None:
    content = b"suite = 'piped'\n" * 10_000
    writer = threading.Thread(target=lambda: pipe.write_bytes(content), daemon=True)
    writer.start()
    assert read_bytes(pipe) == content
    writer.join(timeout=10)


def test_what_a_shell_substitutes_for_a_process_is_read(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"text")
    os.close(writing)
    assert read_bytes(Path(f"/dev/fd/{reading}")) == b"text"
    os.close(reading)


def test_only_a_regular_file_waits_for_nobody(pipe: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    require_regular(tmp_path / "file")
    for path in (pipe, tmp_path, Path("/dev/null")):
        with pytest.raises(OSError, match="no regular file"):
            require_regular(path)


def test_a_link_is_replaced_where_a_file_is_ours(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "ours").symlink_to("theirs")
    write_whole(tmp_path / "ours", "ours")
    assert not (tmp_path / "ours").is_symlink()
    assert (tmp_path / "theirs").read_text() == "theirs"


def test_a_link_is_followed_where_a_user_named_it(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("the old one")
    (tmp_path / "link").symlink_to("elsewhere/file")
    (tmp_path / "new").symlink_to("elsewhere/new")
    for name in ("link", "new"):
        write_where_named(tmp_path / name, f"text of {name}")
        assert (tmp_path / name).is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_text() == "text of link"
    assert (tmp_path / "elsewhere" / "new").read_text() == "text of new"
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} == {"file", "new"}


def test_a_pipe_is_written_into(pipe: Path, heard: list[bytes]) -> None:
    text = "größer\n" * 50_000
    write_where_named(pipe, text)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    deadline = threading.Event()
    while not heard:
        deadline.wait(0.01)
    assert heard == [text.encode()]


def test_a_pipe_that_nobody_reads_is_not_waited_for(pipe: Path) -> None:
    with pytest.raises(OSError, match="nobody reads from it"):
        write_where_named(pipe, "text")
    descriptor = os.open(pipe, os.O_RDWR)
    try:
        with pytest.raises(TimeoutError, match="nobody reads from it"):
            write_where_named(pipe, "x" * 10_000_000)
    finally:
        os.close(descriptor)


def test_a_device_is_written_into_and_stays(tmp_path: Path) -> None:
    """Behind links of our own: whatever went wrong here, no device of this machine would be replaced."""
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "full").symlink_to("/dev/full")
    write_where_named(tmp_path / "null", "text")
    with pytest.raises(OSError, match="No space left") as caught:
        write_where_named(tmp_path / "full", "text")
    assert caught.value.errno == errno.ENOSPC
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_socket_takes_no_text(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match="neither a file"):
            write_where_named(tmp_path / "socket", "text")
        with pytest.raises(OSError):
            read_bytes(tmp_path / "socket")


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    for path in (tmp_path / "missing" / "x", tmp_path / "file" / "x", tmp_path / ("x" * 300)):
        with pytest.raises(OSError):
            write_whole(path, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_name_as_long_as_it_may_be(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write_whole(path, "text")
    assert path.read_text() == "text"
