from __future__ import annotations

import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from govbench.errors import PublishError, UsageError
from govbench.pipeline.folder import (
    latest_run,
    make_run_folder,
    new_run_id,
    point_latest,
    write_where_named,
    write_whole,
)

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def test_ids_sort_by_time_in_any_time_zone_and_differ_within_a_second() -> None:
    first, second = new_run_id(NOW), new_run_id(NOW)
    later = new_run_id(NOW.astimezone(timezone(timedelta(hours=-8))) + timedelta(seconds=1))

    assert first.startswith("20260131T093000Z-")
    assert first != second
    assert later > max(first, second)


def test_latest_points_to_the_newest_folder(tmp_path: Path) -> None:
    for run_id in ("20260131T093000Z-aaaaaa", "20260131T093001Z-bbbbbb"):
        folder = make_run_folder(tmp_path / "results", run_id)
        point_latest(folder)

        assert (tmp_path / "results" / "latest").resolve() == folder
        assert list(folder.iterdir()) == []
    assert not [path for path in (tmp_path / "results").iterdir() if path.name.startswith(".")]


def test_a_folder_named_latest_stays(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "mine").touch()

    folder = make_run_folder(tmp_path, "20260131T093000Z-aaaaaa")
    point_latest(folder)

    assert folder.is_dir()
    assert (tmp_path / "latest" / "mine").exists()


def test_a_place_that_cannot_be_written_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")

    with pytest.raises(UsageError, match="results: cannot be written") as caught:
        make_run_folder(tmp_path / "results", "20260131T093000Z-aaaaaa")

    assert caught.value.hint is not None


def test_the_latest_run_is_the_newest_with_results(tmp_path: Path) -> None:
    for run_id in ("20260131T093000Z-aaaaaa", "20260131T093001Z-bbbbbb", "20260131T093002Z-cccccc"):
        make_run_folder(tmp_path, run_id)
    with pytest.raises(UsageError, match="no run here yet"):
        latest_run(tmp_path)
    for run_id in ("20260131T093000Z-aaaaaa", "20260131T093001Z-bbbbbb"):
        (tmp_path / run_id / "results.json").touch()

    assert latest_run(tmp_path).name == "20260131T093001Z-bbbbbb"


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    for text in ("the old one", "größer\n"):
        write_whole(path, text)

    assert path.read_bytes() == "größer\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_sees_the_old_file_until_the_new_one_is_there(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("the old one")
    with path.open() as reader:
        write_whole(path, "the new one")

        assert reader.read() == "the old one"
    assert path.read_text() == "the new one"


@pytest.mark.parametrize("name", ["missing/report.md", "folder"])
def test_what_cannot_be_written_leaves_nothing_half(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(PublishError, match="cannot be written"):
        write_whole(tmp_path / name, "text")

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("the old one")
    script = (
        "import sys, pathlib\n"
        "from govbench.errors import PublishError\n"
        "from govbench.pipeline.folder import write_whole\n"
        "try:\n    write_whole(pathlib.Path(sys.argv[1]), 'x' * 100_000)\n"
        "except PublishError as error:\n    sys.exit(str(error))\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )

    assert ended.returncode == 1
    assert "File too large" in ended.stderr
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_names_the_option_that_was_used(tmp_path: Path) -> None:
    with pytest.raises(PublishError) as failed:
        write_where_named(tmp_path / "missing" / "x.html", "text", option="--to")
    assert failed.value.hint is not None
    assert "--to;" in failed.value.hint
    assert "--output" not in failed.value.hint
