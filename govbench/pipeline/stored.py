"""What a run will be held against, read before its load: what is wrong with it costs no measurement then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from govbench.baselines.calibration import read_calibration
from govbench.baselines.entries import not_checked_out, other_classes, read_readable
from govbench.config.settings import Settings
from govbench.errors import ResultsError
from govbench.results.baseline import BaselineEntry
from govbench.results.calibration import Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRuns:
    """The stored runs and the calibration of a suite on a machine class, as far as they can be used.

    Attributes:
        entries: newest first.
        ref: where they were read; None: the work tree.
        other_classes: the other machine classes that have stored runs.
        not_checked_out: how many more there are that a sparse checkout leaves out of the work tree.
        calibration: the stored one, if any, whether or not it fits.
        unusable: why the stored calibration cannot be read.
        notes: what was left out, each a sentence that names file and key.
    """

    entries: tuple[BaselineEntry, ...]
    ref: str | None = None
    other_classes: tuple[str, ...] = ()
    not_checked_out: int = 0
    calibration: Calibration | None = None
    unusable: str | None = None
    notes: tuple[str, ...] = ()


def read_everything(
    settings: Settings, cwd: Path, suite: str, machine_class: str, *, ref: str | None = None
) -> StoredRuns:
    """Read what is stored; a damaged entry or calibration is left out and told, and stops nothing.

    Raises:
        ResultsError: ``ref`` is unknown here, or git cannot read the repository for it.
    """
    folder = settings.baselines.folder
    found = read_readable(cwd, folder, suite, machine_class, ref=ref)
    others = () if found.entries else other_classes(cwd, folder, suite, machine_class, ref=ref)
    is_empty = not found.entries and ref is None
    hidden = not_checked_out(cwd, folder, suite, machine_class) if is_empty else 0
    calibration, unusable = None, None
    try:
        calibration = read_calibration(cwd, folder, suite, machine_class, ref=ref)
    except ResultsError as error:
        unusable = str(error)
    return StoredRuns(
        entries=found.entries,
        ref=ref,
        other_classes=others,
        not_checked_out=hidden,
        calibration=calibration,
        unusable=unusable,
        notes=found.notes,
    )
