from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from govbench.errors import ResultsError
from govbench.results.calibration import (
    Calibration,
    DetectableChange,
    Noise,
    OtherVersion,
    from_json,
    to_json,
)
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType

P50 = MetricName.RESPONSE_TIME_P50
NOISE = Noise(
    test_type=TestType.CONCURRENT, metric=P50, instance_sd=0.01, between_run_sd=0.04, round_se=0.0125
)
CALIBRATION = Calibration(
    machine_class="linux-x86_64-cpu-2c-4g",
    suite="default",
    suite_version="9fb63da54003",
    target="git:HEAD",
    calibrated_at="2026-01-31T09:30:00Z",
    govbench_version="0.1.0",
    rounds=20,
    round_load_s=1.6,
    round_time_s=3.25,
    noises=(NOISE, replace(NOISE, metric=MetricName.MEMORY_PEAK, instance_sd=None, round_se=0.0)),
    detectable=(
        DetectableChange(test_type=TestType.CONCURRENT, metric=P50, max_time_s=60.0, rounds=18, mde=0.031),
    ),
    target_kind="git",
    restarted=True,
)


def test_it_comes_back_as_it_was_written() -> None:
    assert from_json(to_json(CALIBRATION), source="x") == CALIBRATION


def test_the_documented_file_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "baselines.md").read_text(encoding="utf-8")
    (text,) = re.findall(r'```json\n(\{\n "schema": "govbench/calibration".*?)```', page, re.DOTALL)

    assert to_json(from_json(text, source="docs")) == text


def test_its_text_is_made_for_a_diff() -> None:
    longer = replace(CALIBRATION, round_time_s=3.2512345678)
    assert '\n "round_time_s": 3.25123,\n' in to_json(longer)
    assert to_json(CALIBRATION).startswith('{\n "schema": "govbench/calibration",\n')


def test_a_noise_is_found_by_test_type_and_metric() -> None:
    assert CALIBRATION.noise(TestType.CONCURRENT, P50) == NOISE
    assert CALIBRATION.noise(TestType.BASELINE, P50) is None


def test_its_age() -> None:
    now = datetime(2026, 2, 1, 21, 30, tzinfo=UTC)
    assert CALIBRATION.age_days(now) == pytest.approx(1.5)
    assert CALIBRATION.age_days(datetime(2026, 1, 30, 9, 30, tzinfo=UTC)) == pytest.approx(-1)


def edited(**changes: Any) -> str:
    return json.dumps({**json.loads(to_json(CALIBRATION)), **changes})


def without(key: str) -> str:
    return json.dumps({k: v for k, v in json.loads(to_json(CALIBRATION)).items() if k != key})


def noise_with(**changes: Any) -> str:
    noises = json.loads(to_json(CALIBRATION))["noises"]
    return edited(noises=[{**noises[0], **changes}])


@pytest.mark.parametrize(
    ("damaged", "words"),
    [
        (lambda: "", "not valid JSON at line 1"),
        (lambda: to_json(CALIBRATION)[:-40], "not valid JSON at line"),
        (lambda: "<<<<<<< HEAD\n" + to_json(CALIBRATION), "not valid JSON at line 1"),
        (lambda: "[]", "not a calibration"),
        (lambda: edited(schema="govbench/baseline"), "not a calibration"),
        (lambda: without("rounds"), "rounds: Field required"),
        (lambda: edited(rounds="20"), "rounds: Input should be a valid integer"),
        (lambda: edited(rounds=1), "rounds: a calibration has several"),
        (lambda: edited(calibrated_at="yesterday"), "calibrated_at: 'yesterday' is no time"),
        (lambda: edited(round_time_s=0.0), "rounds: "),
        (lambda: noise_with(instance_sd=-0.1), "noises.0: response_time_p50_ms: deviations"),
        (lambda: noise_with(metric=7), "noises.0.metric: "),
        (lambda: noise_with(round_se=float("nan")), "noises.0"),
        (lambda: edited(noises=[json.loads(to_json(CALIBRATION))["noises"][0]] * 2), "there twice"),
    ],
)
def test_a_damaged_one_is_an_error_that_names_file_and_key(damaged: Callable[[], str], words: str) -> None:
    with pytest.raises(ResultsError) as caught:
        from_json(damaged(), source="baselines/x/calibration.json")

    assert not isinstance(caught.value, OtherVersion)
    assert str(caught.value).startswith("baselines/x/calibration.json: ")
    assert words in str(caught.value)
    assert "govbench calibrate" in (caught.value.hint or "")


def test_one_of_another_version_is_told_apart_from_a_damaged_one() -> None:
    with pytest.raises(OtherVersion, match="schema version 2; this govbench reads 1"):
        from_json(edited(schema_version=2, rounds="many"), source="x")


@pytest.mark.parametrize("changes", [{"metric": "speed"}, {"test_type": "nonsense"}])
def test_what_a_later_govbench_knows_is_left_out(changes: dict[str, Any]) -> None:
    assert len(from_json(noise_with(), source="calibration").noises) == 1
    assert from_json(noise_with(**changes), source="calibration").noises == ()
