"""What is told before a load, and what is left to it, by an embedded instance and a wrong API."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from govbench.config.load import load_settings
from govbench.config.requests import build_sides
from govbench.config.settings import Settings
from govbench.config.targets import GitTarget, parse_target
from govbench.errors import StackError
from govbench.pipeline.quick_check import Checked, preflight, quick_check
from govbench.results.plan import Api
from govbench.stack.boot import boot
from tests.pipeline.conftest import ToldProgress


def settings_for(form: str, cwd: Path) -> Settings:
    return load_settings(flags={"target.form": form}, config_file=None, environ={}, cwd=cwd)


def look(form: str, folder: Path, api: Api | None = None) -> ToldProgress:
    settings, target, progress = settings_for(form, folder), parse_target(form), ToldProgress()
    assert not isinstance(target, GitTarget)
    settings = replace(settings, target=replace(settings.target, api=api))
    with boot(target, settings.stack, name="candidate", log_folder=folder, environ=os.environ) as stack:
        (side,) = build_sides(settings, [("candidate", stack.url)])
        preflight(side, settings, target, progress)
    return progress


def test_a_target_that_works_needs_no_word(tmp_path: Path) -> None:
    assert look("embedded", tmp_path).notes == []


def test_a_fault_that_may_pass_is_a_note_and_left_to_the_load(tmp_path: Path) -> None:
    (note,) = look("embedded:errors=1", tmp_path).notes

    assert "answers 500" in note


def test_a_wrong_api_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="GET / answers 404") as caught:
        look("embedded", tmp_path, Api.HTTP)

    assert "--api" in (caught.value.hint or "")


def test_a_check_of_nothing_does_not_work() -> None:
    assert not Checked(target="embedded", checks=()).works


def test_a_booted_target_leaves_no_file(tmp_path: Path) -> None:
    progress = ToldProgress()

    checked = quick_check(settings_for("embedded", tmp_path), environ=os.environ, progress=progress)

    assert checked.works
    assert [check.name for check in checked.checks][:3] == ["boot", "health", "request"]
    assert progress.steps == ["booting embedded"]
    assert list(tmp_path.iterdir()) == []
