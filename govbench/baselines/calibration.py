"""The calibration of a suite and machine class: where it lies beside the baselines, read and stored.

Judges nothing, not even whether it is too old; and pushes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from govbench.baselines.entries import CALIBRATION_NAME
from govbench.baselines.git import Change, Repository, repository
from govbench.baselines.work_tree import read_text, require, require_to_store, write_whole
from govbench.results.calibration import Calibration, from_json, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCalibration:
    """What storing did: the file written, and the commit made if any."""

    path: Path
    commit_sha: str | None = None


def calibration_path(suite: str, machine_class: str) -> PurePosixPath:
    """Where the calibration lies, from the baselines folder."""
    return PurePosixPath(suite, machine_class, CALIBRATION_NAME)


def read_calibration(
    folder: Path, baselines_folder: Path, suite: str, machine_class: str, *, ref: str | None
) -> Calibration | None:
    """The stored calibration, or None where there is none.

    Args:
        folder: any folder of the work tree.
        baselines_folder: absolute, or relative to ``folder``.
        suite: of what is measured.
        machine_class: of this machine.
        ref: read the tree of that commit, branch or tag; None reads the work tree, which needs no git.

    Raises:
        OtherVersion: it is of another schema version.
        ResultsError: it cannot be used, or ``ref`` is unknown here; the message names file and key.
    """
    path = calibration_path(suite, machine_class)
    if ref is None:
        try:
            text = read_text(folder / baselines_folder / path)
        except FileNotFoundError:
            return None
        return from_json(text, source=str(baselines_folder / path))
    found = repository(folder)
    repo = require(found, folder)
    commit, place = repo.resolve(ref), repo.relative(folder / baselines_folder) / path
    if place not in repo.files(commit, place):
        return None
    return from_json(repo.text(commit, place), source=f"{ref}:{place}")


def check_committable(folder: Path, baselines_folder: Path) -> None:
    """Find out before anything is measured that the calibration could not be committed afterwards.

    Raises:
        PublishError: there is no repository, or git has no author.
        ResultsError: the baselines lie outside the repository.
    """
    found = repository(folder)
    _ready(require_to_store(found, folder), folder / baselines_folder)


def store_calibration(
    made: Calibration, *, folder: Path, baselines_folder: Path, run_id: str, commit: bool
) -> StoredCalibration:
    """Write a calibration in place of the one before, and with ``commit`` commit exactly this file.

    Raises:
        PublishError: the file cannot be written, or the commit cannot be made.
        ResultsError: to be committed, but outside the repository.
    """
    path = calibration_path(made.suite, made.machine_class)
    file = folder / baselines_folder / path
    if not commit:
        write_whole(file, to_json(made))
        return StoredCalibration(path=file)
    found = repository(folder)
    repo = require_to_store(found, folder)
    place = _ready(repo, folder / baselines_folder) / path
    write_whole(file, to_json(made))
    message = f"chore(govbench): calibration {made.suite} on {made.machine_class}\n\nGovbench-Run: {run_id}"
    sha = repo.commit(Change(added=(place,), removed=(), message=message))
    return StoredCalibration(path=file, commit_sha=sha)


def _ready(repo: Repository, base: Path) -> PurePosixPath:
    repo.author()
    return repo.relative(base)
