"""Which calibration counts in the course of a command, and what is told of one that does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from git import Repo

from govbench.baselines.calibration import store_calibration
from govbench.compare.calibration import InForce
from govbench.compare.rounds import FIXED_INSTANCE_SD, Judging
from govbench.config.load import load_settings
from govbench.config.rounds import round_load
from govbench.config.settings import CompareConfig, Settings
from govbench.config.targets import parse_target
from govbench.errors import ResultsError
from govbench.pipeline.calibrations import calibration_for, calibration_for_run
from govbench.pipeline.gate import files_at
from govbench.pipeline.stored import read_everything
from govbench.results.calibration import Calibration, to_json
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary
from tests.pipeline.conftest import MACHINE, ToldProgress, made_summary
from tests.results.test_calibration import CALIBRATION

FILE = Path("baselines/default") / MACHINE / "calibration.json"


def settings_in(folder: Path, **flags: object) -> Settings:
    return load_settings(flags=flags, config_file=None, environ={}, cwd=folder)


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def stored(folder: Path, **changes: Any) -> Calibration:
    settings = settings_in(folder)
    fitting = replace(
        CALIBRATION,
        machine_class=MACHINE,
        suite_version=round_load(settings.load, settings.ab).version,
        calibrated_at=days_ago(1),
    )
    made = replace(fitting, **changes)
    (folder / FILE).parent.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(to_json(made))
    return made


def for_run(cwd: Path, summary: RunSummary | None = None, *, ref: str | None = None) -> InForce:
    summary, settings = summary or made_summary(), settings_in(cwd)
    stored = read_everything(settings, cwd, summary.run.suite, summary.environment.machine_class, ref=ref)
    return calibration_for_run(summary, settings, stored)


def for_rounds(folder: Path, *targets: str, progress: ToldProgress | None = None, **flags: object) -> InForce:
    settings = settings_in(folder, **flags)
    return calibration_for(
        settings,
        MACHINE,
        round_load(settings.load, settings.ab),
        tuple(map(parse_target, targets or ("git:main", "git:HEAD"))),
        folder,
        progress or ToldProgress(),
    )


def test_without_a_calibration_nothing_is_told(tmp_path: Path) -> None:
    progress = ToldProgress()

    assert for_rounds(tmp_path, progress=progress) == InForce()
    assert progress.notes == []


def test_one_that_fits_counts(tmp_path: Path) -> None:
    made = stored(tmp_path)

    assert for_rounds(tmp_path) == InForce(calibration=made)


@pytest.mark.parametrize(
    ("changes", "flags", "words"),
    [
        ({"calibrated_at": days_ago(100)}, {}, "it is 100 days old"),
        ({"calibrated_at": days_ago(10)}, {"compare.calibration_max_age_days": 7}, "it is 10 days old"),
        ({"machine_class": "macos-arm64-m1-8c-8g"}, {}, "of another machine class, macos-arm64-m1-8c-8g"),
        ({"suite": "other"}, {}, "of another suite, other"),
        ({}, {"ab.users": 11}, "under another load"),
        ({"target_kind": "embedded"}, {}, "another kind of target, embedded"),
        ({"target_kind": None}, {}, "an older version made it"),
    ],
)
def test_one_that_does_not_fit_is_told_with_a_remedy(
    tmp_path: Path, changes: dict[str, Any], flags: dict[str, object], words: str
) -> None:
    stored(tmp_path, **changes)
    progress = ToldProgress()

    known = for_rounds(tmp_path, progress=progress, **flags)

    assert known.calibration is None
    assert progress.notes == [known.refused]
    assert (known.refused or "").startswith(f"{FILE} does not count: ")
    assert words in (known.refused or "")
    assert "make one with govbench calibrate" in (known.refused or "")


def test_two_urls_are_not_judged_by_fresh_instances_of_a_command(tmp_path: Path) -> None:
    stored(tmp_path, target="command", target_kind="command")
    urls = ("http://127.0.0.1:8001", "http://127.0.0.1:8002")

    known = for_rounds(tmp_path, *urls)

    assert "made with fresh instances in every round, and here the same ones stay" in (known.refused or "")
    judging = Judging(config=CompareConfig(), calibration=known.calibration, restarted=False)
    assert judging.instance_sd(TestType.CONCURRENT, MetricName.RESPONSE_TIME_P50) == FIXED_INSTANCE_SD


@pytest.mark.parametrize(
    ("form", "fits"),
    [
        ("git:main", True),
        ("command:python app.py --key ***", True),
        ("http://127.0.0.1:8001/chat?key=***", False),
        ("embedded:latency=40.0ms,slots=4", False),
    ],
)
def test_a_run_is_judged_by_a_calibration_of_its_kind_of_target(
    tmp_path: Path, form: str, fits: bool
) -> None:
    (noise, _) = CALIBRATION.noises
    stored(tmp_path, noises=(replace(noise, test_type=TestType.BASELINE),))
    made = made_summary()
    run = replace(made, targets=tuple(replace(target, form=form) for target in made.targets))

    known = for_run(tmp_path, run)

    assert (known.calibration is not None) == fits
    assert fits or "another kind of target, git" in (known.refused or "")


def test_one_of_another_version_is_refused_too(tmp_path: Path) -> None:
    stored(tmp_path)
    (tmp_path / FILE).write_text('{"schema": "govbench/calibration", "schema_version": 99}')

    known = for_rounds(tmp_path)

    assert known.calibration is None
    assert f"{FILE}: schema version 99" in (known.refused or "")


def test_a_damaged_one_is_an_error_before_rounds_and_costs_no_run(tmp_path: Path) -> None:
    stored(tmp_path)
    (tmp_path / FILE).write_text((tmp_path / FILE).read_text().replace('"rounds": 20', '"rounds": "many"'))

    with pytest.raises(ResultsError, match=rf"^{FILE}: rounds: "):
        for_rounds(tmp_path)
    assert for_run(tmp_path).calibration is None
    assert (for_run(tmp_path).refused or "").startswith(f"{FILE}: rounds: ")


def test_a_run_takes_the_metrics_whatever_the_load_of_the_rounds_was(tmp_path: Path) -> None:
    (noise, _) = CALIBRATION.noises
    made = stored(
        tmp_path,
        target_kind="embedded",
        suite_version="another",
        noises=(replace(noise, test_type=TestType.BASELINE),),
    )

    assert for_run(tmp_path) == InForce(calibration=made)


def test_a_run_of_other_test_types_is_not_calibrated(tmp_path: Path) -> None:
    stored(tmp_path, target_kind="embedded")

    known = for_run(tmp_path)

    assert known.refused == (
        f"{FILE} does not count: it has no metric of baseline; make one with govbench calibrate --test-types"
    )


def test_a_run_may_be_judged_by_the_calibration_of_a_commit(repo: Any, cwd: Path) -> None:
    (noise, _) = CALIBRATION.noises
    made = stored(cwd, target_kind="embedded", noises=(replace(noise, test_type=TestType.BASELINE),))
    (cwd / FILE).unlink()
    store_calibration(made, folder=cwd, baselines_folder=Path("baselines"), run_id="x", commit=True)
    (cwd / FILE).write_text("moved by a pull request")

    known = for_run(cwd, ref="HEAD")

    assert known == InForce(calibration=made)


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ("http://stack.example.org:8000/ask?key=1", "url"),
        ("command:/home/ada/bin/app --token abc --port {port}", "command"),
        ("embedded:slowdown=1.5", "embedded:slowdown=1.5"),
        ("git:main", "git:main"),
    ],
)
def test_a_calibration_names_no_address_and_no_command(form: str, named: str) -> None:
    assert parse_target(form).anonymous == named


def test_rounds_go_by_the_calibration_of_the_commit_that_the_gate_is_from(repo: Repo) -> None:
    folder = Path(repo.working_dir).resolve()
    made = stored(folder)
    repo.git.add("-A")
    repo.git.commit("-q", "-m", "calibration")
    stored(folder, calibrated_at=days_ago(2), noises=())
    settings = load_settings(
        flags={},
        config_file=None,
        environ={},
        cwd=folder,
        gate_files=files_at("HEAD", cwd=folder, config_file=None),
    )
    load, targets = (
        round_load(settings.load, settings.ab),
        (parse_target("git:main"), parse_target("git:HEAD")),
    )

    known = calibration_for(settings, MACHINE, load, targets, folder, ToldProgress())

    assert known.calibration == made
