"""What `govbench ab` shows after each round, on a terminal and elsewhere."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence

import pytest
from rich.cells import cell_len
from rich.console import Console

from govbench.cli import standing
from govbench.cli.options import Output
from govbench.cli.progress import ShownProgress
from govbench.compare.rounds import Judging
from govbench.compare.trial import Step, Trial, design
from govbench.config.settings import CompareConfig
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Observation, Round

KIND = TestType.CONCURRENT


def a_round(number: int, change: float, *, confirms: bool) -> Round:
    latency = Observation(
        test_type=KIND,
        metric=MetricName.RESPONSE_TIME_P50,
        base=20.0,
        head=20.0 * (1 + change),
        base_n=200,
        head_n=200,
        effect=math.log1p(change),
        standard_error=0.01,
    )
    errors = Observation(
        test_type=KIND, metric=MetricName.ERROR_RATE, base=0.0, head=0.0, base_n=200, head_n=200
    )
    return Round(
        number=number, start_s=number, end_s=number + 0.5, boot_s=0.1, swapped=False,
        confirms=confirms, observations=(latency, errors),
    )  # fmt: skip


def trial_of(changes: Sequence[float], *, planned: int = 12) -> Trial:
    trial = Trial(Judging(config=CompareConfig()), design(planned, level=0.99))
    for number, change in enumerate(changes):
        trial.add(a_round(number, change, confirms=trial.step is Step.CONFIRM))
    return trial


SLOWER = (0.21, 0.20, 0.19, 0.21, 0.20, 0.19)


def shown(trial: Trial, *, width: int = 120) -> str:
    console = Console(width=width, force_terminal=True, record=True, file=io.StringIO())
    console.print(standing.table(trial))
    return console.export_text()


def test_the_table_says_what_the_next_round_is_for() -> None:
    assert "round 3 of at most 12 is done; the next goes on measuring" in shown(trial_of(SLOWER[:3]))
    flagged = shown(trial_of(SLOWER))
    assert "round 6 of at most 12 is done; the next is to confirm response time p50" in flagged
    assert "? being confirmed" in flagged
    confirmed = shown(trial_of((*SLOWER, 0.2, 0.2, 0.2)))
    assert "round 9 of at most 12 is done; nothing more to measure" in confirmed
    assert "✗ regression" in confirmed


def test_the_interval_is_seen_to_narrow() -> None:
    widths = [
        shown(trial_of(SLOWER[:n])).partition("\nresponse time p50")[2].partition("error")[0].count("━")
        for n in (1, 3, 6)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[-1]


def test_a_metric_that_cannot_be_judged_has_no_bar() -> None:
    trial = Trial(Judging(config=CompareConfig()), design(12, level=0.99))
    only_errors = a_round(0, 0.0, confirms=False)
    trial.add(
        Round(
            number=0, start_s=0, end_s=1, boot_s=0.1, swapped=False, observations=only_errors.observations[1:]
        )
    )
    row = shown(trial).partition("response time p50")[2].partition("error rate")[0]
    assert "not compared" in row
    assert "●" not in row


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_table_fits_the_terminal(width: int) -> None:
    lines = shown(trial_of(SLOWER), width=width).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    assert any("being confirmed" in line and "●" in line for line in lines)


def test_elsewhere_a_round_is_one_short_line() -> None:
    line = standing.line(trial_of((*SLOWER, 0.2)))
    assert re.fullmatch(
        r"round 7 of 12, confirming: response time p50 \+20\.0 % \[\+18\.\d, \+21\.\d\];"
        r" error rate \+0\.000 pp \[-0\.472, \+0\.472\] pass",
        line,
    )


def test_a_terminal_is_redrawn_and_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    progress = ShownProgress(Output())
    for rounds in (1, 2, 3):
        progress.round_ends(trial_of(SLOWER[:rounds]))
    progress.step("comparing")
    progress.close()
    written = capsys.readouterr().err
    assert "round 3 of at most 12 is done" in written
    assert "comparing" in written
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1, "the cursor is shown again"


def test_elsewhere_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    progress = ShownProgress(Output())
    for rounds in (1, 2):
        progress.round_ends(trial_of(SLOWER[:rounds]))
    progress.close()
    written = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in written] == ["  round 1 of 12", "  round 2 of 12"]
