"""Calibrations in the course of a command: which one applies here, and storing a new one."""

from __future__ import annotations

from pathlib import Path

from govbench.config.rounds import RoundLoad
from govbench.config.settings import Settings
from govbench.pipeline.progress import Progress
from govbench.results.calibration import Calibration


def calibration_for(
    settings: Settings, machine_class: str, load: RoundLoad, cwd: Path, progress: Progress
) -> Calibration | None:
    """Tbd"""
    return None
