"""What was recorded is real, of this version, small, and of no machine."""

from __future__ import annotations

import re

import pytest

from govbench.results.comparison import Method, Verdict
from govbench.results.plan import TestType
from tests.recorded.record import CASES, MACHINE_CLASS
from tests.recorded.runs import DATA, NAMES, recorded, recorded_text

MOST_BYTES = 200_000


def test_every_case_is_recorded_and_all_together_are_small() -> None:
    assert (
        sorted(CASES)
        == sorted(NAMES)
        == sorted(path.name.removesuffix(".json.gz") for path in DATA.iterdir())
    )
    assert sum(path.stat().st_size for path in DATA.iterdir()) <= MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_tells_where_it_was_measured(name: str) -> None:
    text = recorded_text(name)
    assert recorded(name).summary.environment.machine_class == MACHINE_CLASS
    assert set(re.findall(r"(?<![\w.:/])/(?:\w[\w.-]*)", text)) <= {
        "/repository",
        "/api",
        "/chat",
        "/v1",
        "/health",
    }
    assert set(re.findall(r"https?://([^/:\"]+)", text)) <= {"127.0.0.1"}


@pytest.mark.parametrize("name", NAMES)
def test_every_request_is_accounted_for_and_the_steady_ones_are_fewer(name: str) -> None:
    summary = recorded(name).summary
    assert summary.accounting.balanced
    assert summary.phases
    for result in summary.phases:
        assert result.steady is not None
        assert result.accounting.balanced
        assert result.steady.balanced
        assert 0 < result.steady.sent < result.accounting.sent
        assert result.steady_s is not None
    for moments in (summary.timeline, *(each.points for each in summary.side_timelines)):
        assert sum(point.completed for point in moments) <= summary.accounting.ok


def test_each_is_what_it_is_called() -> None:
    verdicts = {name: recorded(name).comparison for name in NAMES}
    for name in ("first_run", "open_loop", "endpoints"):
        compared = verdicts[name]
        assert compared is not None
        assert compared.verdict is Verdict.NO_BASELINE
    for name, method in (
        ("stored_regression", Method.STORED_WINDOW),
        ("ab_regression", Method.PAIRED_ROUNDS),
    ):
        compared = verdicts[name]
        assert compared is not None
        assert (compared.verdict, compared.method) == (Verdict.REGRESSION, method)
    equal, failed = verdicts["ab_equal"], verdicts["mass_failure"]
    assert equal is not None
    assert equal.verdict in {Verdict.PASS, Verdict.INCONCLUSIVE}
    assert failed is not None
    assert failed.missed


def test_the_open_loop_has_a_rate_and_no_users() -> None:
    summary = recorded("open_loop").summary
    (result,) = summary.phases
    assert (result.phase.test_type, result.phase.users) == (TestType.CUSTOM, None)
    assert {point.users for point in summary.timeline} <= {None, 0}
    assert any(point.under_way for point in summary.timeline)
