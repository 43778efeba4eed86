"""What stderr says of a load while it runs."""

from __future__ import annotations

import pytest

from govbench.cli.options import Output
from govbench.cli.progress import ShownProgress
from govbench.results.plan import (
    Api,
    Arrivals,
    LoadModel,
    Phase,
    Plan,
    Query,
    RatePoint,
    Scenario,
    Side,
    TestType,
)

PLAN = Plan(
    phases=(
        Phase(name="one", test_type=TestType.BASELINE, users=1, steady_s=2),
        Phase(
            name="rate_20",
            test_type=TestType.CUSTOM,
            users=None,
            steady_s=5,
            model=LoadModel.OPEN,
            arrivals=Arrivals(points=(RatePoint(at_s=0, rate_rps=20.0),)),
        ),
    ),
    scenarios=(Scenario(name="s", queries=(Query(text="q"),)),),
    sides=(Side(name="a", url="http://x", api=Api.GOVSTACK),),
)


def test_a_phase_is_told_with_its_users_or_its_rate(capsys: pytest.CaptureFixture[str]) -> None:
    progress = ShownProgress(Output())
    progress.load_begins(PLAN)
    for index in range(2):
        progress.load_event({"event": "phase", "index": index})
    progress.close()
    assert capsys.readouterr().err.splitlines() == [
        "load: 2 phases, about 7 s",
        "  one: 1 user, 2 s",
        "  rate_20: rate 20/s, 5 s",
    ]


@pytest.mark.usefixtures("capsys")
def test_a_terminal_counts_users_or_requests_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    progress = ShownProgress(Output())
    progress.load_begins(PLAN)
    shown = []
    for index in range(2):
        progress.load_event({"event": "phase", "index": index})
        progress.load_event({"event": "tick", "users": 3, "ok": 9, "failed": index})
        assert progress._bar is not None
        shown.append(progress._bar.tasks[0].description)
    progress.close()
    assert shown == ["one: 3 users, 9 ok", "rate_20: 3 under way, 9 ok, 1 failed"]
