"""The resources file: what is appended is read back, whatever cut it off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from govbench.errors import ResultsError
from govbench.record.series import FILE_NAME, Reading, SeriesWriter, read_resources
from govbench.results.meters import Source, Use
from govbench.results.resources import RECORD_BYTES, pack_header

FULL = Use(
    cpu_s=1.25, rss_bytes=2**33, own_bytes=2**32, handles=7, threads=3, unread=1, source=Source.CONTAINER
)
BARE = Use(cpu_s=0.5, rss_bytes=10)


def written(folder: Path) -> Path:
    """A file of three looks at two roles."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = SeriesWriter(folder, ["generator", "target:0"])
    writer.append("target:0", 100.25, FULL)
    writer.append("generator", 100.5, BARE)
    writer.append("target:0", 101.0, BARE)
    writer.close()
    return folder / FILE_NAME


def test_readings_come_back_as_they_were(tmp_path: Path) -> None:
    written(tmp_path)
    first, second, third = read_resources(tmp_path)
    assert first == Reading(
        role="target:0", at_s=100.25, cpu_s=1.25, rss_bytes=2**33, own_bytes=2**32, handles=7, threads=3,
        unread=1, source=Source.CONTAINER,
    )  # fmt: skip
    assert second == Reading(role="generator", at_s=100.5, cpu_s=0.5, rss_bytes=10)
    assert third.role == "target:0"
    assert RECORD_BYTES == 40


@pytest.mark.parametrize("cut", range(1, RECORD_BYTES))
def test_a_record_that_was_cut_off_is_left_out(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    assert [r.at_s for r in read_resources(tmp_path)] == [100.25, 100.5]


def test_a_kill_takes_nothing_that_was_appended(tmp_path: Path) -> None:
    code = """
import os, pathlib, signal, sys
from govbench.record.series import SeriesWriter
from govbench.results.meters import Use
writer = SeriesWriter(pathlib.Path(sys.argv[1]), ["generator"])
for at in range(50):
    writer.append("generator", float(at), Use(cpu_s=at / 2, rss_bytes=at))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [(r.at_s, r.cpu_s, r.rss_bytes) for r in read_resources(tmp_path)] == [
        (at, at / 2, at) for at in range(50)
    ]


def test_rounds_follow_each_other_and_older_folders_have_none(tmp_path: Path) -> None:
    assert read_resources(tmp_path) == ()
    for number in range(2):
        written(tmp_path / f"round-{number:03d}")
    assert len(read_resources(tmp_path)) == 6


def test_fields_are_found_by_name(tmp_path: Path) -> None:
    """A file of a later version: another field in front, the handles gone."""
    path = written(tmp_path)
    data = path.read_bytes()
    header = pack_header(("generator", "target:0"), tuple(Source))
    table = json.loads(header[32:])
    kept = [{**f, "offset": f["offset"] + 4} for f in table["fields"] if f["name"] != "handles"]
    table["fields"] = [{"name": "mood", "type": "<u4", "offset": 0, "unit": ""}, *kept]
    text = json.dumps(table).encode()
    head = data[:12] + b"".join(n.to_bytes(4, "little") for n in (44, 32 + len(text), len(text))) + bytes(8)
    records = data[len(header) :]
    path.write_bytes(
        head + text + b"".join(b"mood" + records[at : at + 40] for at in range(0, len(records), 40))
    )
    first = read_resources(tmp_path)[0]
    assert (first.role, first.cpu_s, first.threads, first.handles) == ("target:0", 1.25, 3, None)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "shorter than its header"),
        (b"something else altogether, long enough", "not a govbench resources file"),
        (pack_header((), ())[:8] + b"\x07\0\0\0" + bytes(20), "layout 7 is not the layout 1"),
        (pack_header((), ())[:40], "table of fields in the header is damaged"),
        (pack_header((), ()) + bytes(RECORD_BYTES), "resources"),
    ],
)
def test_what_is_no_resources_file_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(ResultsError, match=says):
        read_resources(tmp_path)
