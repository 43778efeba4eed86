from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from git import Repo

from govbench.baselines.calibration import (
    calibration_path,
    check_committable,
    read_calibration,
    store_calibration,
)
from govbench.baselines.entries import list_entries
from govbench.errors import PublishError, ResultsError
from govbench.results.calibration import Calibration, OtherVersion
from tests.results.test_calibration import CALIBRATION

BASELINES = Path("baselines")
CLASS = CALIBRATION.machine_class


def store(folder: Path, made: Calibration = CALIBRATION, *, commit: bool = False) -> str | None:
    stored = store_calibration(
        made, folder=folder, baselines_folder=BASELINES, run_id="20260131T093000Z-1a2b3c", commit=commit
    )
    assert stored.path == folder / BASELINES / calibration_path(made.suite, made.machine_class)
    return stored.commit_sha


def read(folder: Path, *, ref: str | None = None) -> Calibration | None:
    return read_calibration(folder, BASELINES, "default", CLASS, ref=ref)


def test_it_is_read_back_and_needs_no_git(tmp_path: Path) -> None:
    assert read(tmp_path) is None

    store(tmp_path)

    assert read(tmp_path) == CALIBRATION
    assert read_calibration(tmp_path, BASELINES, "other", CLASS, ref=None) is None
    assert [path.name for path in tmp_path.rglob("*.*")] == ["calibration.json"]  # nothing left beside it


def test_the_next_one_takes_its_place(tmp_path: Path) -> None:
    store(tmp_path)
    store(tmp_path, replace(CALIBRATION, rounds=40))

    found = read(tmp_path)
    assert found is not None
    assert found.rounds == 40


def test_it_is_no_baseline(tmp_path: Path) -> None:
    store(tmp_path)

    assert list_entries(tmp_path, BASELINES) == ()


def test_a_commit_holds_this_file_and_nothing_else(repo: Repo, folder: Path) -> None:
    (folder / "staged.txt").write_text("mine")
    repo.git.add("staged.txt")

    sha = store(folder, commit=True)

    assert sha == repo.head.commit.hexsha
    assert repo.git.show("--format=", "--name-only", "HEAD") == f"baselines/default/{CLASS}/calibration.json"
    assert repo.head.commit.message == (
        f"chore(govbench): calibration default on {CLASS}\n\nGovbench-Run: 20260131T093000Z-1a2b3c\n"
    )
    assert repo.git.diff("--cached", "--name-only") == "staged.txt"


def test_a_commit_can_be_read(repo: Repo, folder: Path) -> None:
    store(folder, commit=True)
    store(folder, replace(CALIBRATION, rounds=40))

    assert read(folder, ref="HEAD") == CALIBRATION
    assert read(folder, ref="HEAD~1") is None
    with pytest.raises(ResultsError, match="no such commit"):
        read(folder, ref="nowhere")


def test_a_damaged_file_is_named(folder: Path) -> None:
    store(folder, commit=True)
    file = folder / BASELINES / "default" / CLASS / "calibration.json"

    file.write_bytes(b"\xff")
    with pytest.raises(ResultsError, match=r"calibration\.json: is no text"):
        read(folder)
    file.write_text('{"schema": "govbench/calibration", "schema_version": 99}')
    with pytest.raises(OtherVersion, match=rf"^baselines/default/{CLASS}/calibration\.json: schema version"):
        read(folder)


def test_what_cannot_be_committed_is_found_out_before(tmp_path: Path, folder: Path, repo: Repo) -> None:
    check_committable(folder, BASELINES)
    with pytest.raises(PublishError, match="not in a git repository"):
        check_committable(tmp_path, BASELINES)
    with pytest.raises(ResultsError, match="outside the git repository"):
        check_committable(folder, Path("..") / "baselines")
    with repo.config_writer() as config:
        config.remove_section("user")
    with pytest.raises(PublishError, match="no author"):
        check_committable(folder, BASELINES)
    with pytest.raises(PublishError, match="no author"):
        store(folder, commit=True)
    assert read(folder) is None


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "baselines").write_text("a file")

    with pytest.raises(PublishError, match="cannot be written"):
        store(tmp_path)
