from __future__ import annotations

from dataclasses import replace

from govbench.report.calibration import details
from govbench.results.calibration import DetectableChange
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from tests.results.test_calibration import CALIBRATION


def test_a_calibration_as_text() -> None:
    made = replace(
        CALIBRATION,
        detectable=(
            *CALIBRATION.detectable,
            DetectableChange(
                test_type=TestType.CONCURRENT,
                metric=MetricName.RESPONSE_TIME_P50,
                max_time_s=300.0,
                rounds=90,
                mde=0.0221,
            ),
        ),
    )

    *table, of_same, in_time = details(made).splitlines()
    assert table == [
        "calibrated 2026-01-31T09:30:00Z with govbench 0.1.0",
        "machine    linux-x86_64-cpu-2c-4g",
        "suite      default 9fb63da54003, target git:HEAD",
        "rounds     20, 1.60 s of load and 3.25 s in all each",
        "",
        "test type    metric                instances    runs    round error    in 60 s    in 5 min",
        "-----------  ------------------  -----------  ------  -------------  ---------  ----------",
        "concurrent   response time p50        1.00 %  4.00 %         1.25 %     3.10 %      2.21 %",
        "concurrent   target memory peak            -  4.00 %            0 %          -           -",
        "",
    ]
    assert of_same.startswith("instances, runs: standard deviation of the ratio of two instances")
    assert in_time == (
        "in 60 s and so on: the smallest change that govbench ab finds in that time, boots included,"
        " with 80 % probability"
    )


def test_without_detectable_changes_none_is_explained() -> None:
    text = details(replace(CALIBRATION, detectable=()))

    assert "with 80 % probability" not in text
    assert text.splitlines()[5].endswith("round error")
