"""docs/verdicts.md and docs/exit-codes.md say what the code does: defaults, order, codes, the example."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from govbench.compare.compare import compare_runs
from govbench.compare.conclude import ORDER
from govbench.compare.findings import ERROR_RATE_MARGIN
from govbench.config.settings import CompareConfig
from govbench.errors import ExitCode
from govbench.results.comparison import Change, Verdict
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary

DOCS = Path(__file__).parents[2] / "docs"
VERDICTS = (DOCS / "verdicts.md").read_text(encoding="utf-8")
EXIT_CODES = (DOCS / "exit-codes.md").read_text(encoding="utf-8")
CONFIG = CompareConfig()


def shown(change: Change, mde: float) -> str:
    unit, digits = ("pp", 2) if change.difference else ("%", 1)
    at, low, high = (f"{100 * x:+.{digits}f}" for x in (change.estimate, change.low, change.high))
    return f"{at} {unit} [{low}, {high}] | {100 * mde:.{digits}f} {unit}"


def test_the_worked_example_is_what_comes_out(
    summary: Callable[..., RunSummary], metric: Callable[..., Metric]
) -> None:
    def run(p50: float, rate: float, errors: float) -> RunSummary:
        return summary(
            {
                TestType.CONCURRENT: (
                    metric(MetricName.RESPONSE_TIME_P50, p50, 1200, 0.008),
                    metric(MetricName.THROUGHPUT, rate, 1200, 0.006),
                    metric(MetricName.ERROR_RATE, errors, 1200),
                )
            }
        )

    compared = compare_runs(run(200, 40, 0.0), run(280, 38, 0.0025), CONFIG)
    assert compared.verdict is Verdict.REGRESSION
    for finding in compared.findings:
        assert finding.change is not None
        assert finding.mde is not None
        line = next(x for x in VERDICTS.splitlines() if x.startswith(f"| {METRICS[finding.metric].label} |"))
        assert f"{shown(finding.change, finding.mde)} | {finding.verdict} |" in line


def test_the_documented_defaults_are_those_of_the_configuration() -> None:
    for words in (
        f"{CONFIG.between_run_sd:.0%}".replace("%", " %") + " between two runs (`between_run_sd`) | 10 % |",
        f"{CONFIG.instance_sd:.0%}".replace("%", " %") + " between two instances (`instance_sd`) | 2 % |",
        f"{CONFIG.absolute_margin_ms} ms\n(`absolute_margin_ms`)",
        f"`min_samples` ({CONFIG.min_samples})",
        f"level of {CONFIG.level:.0%}".replace("%", " %"),
    ):
        assert words in VERDICTS
    assert (CONFIG.unpaired_margin, CONFIG.paired_margin, ERROR_RATE_MARGIN) == (0.10, 0.02, 0.01)


def test_every_verdict_is_explained_and_ranked_as_in_the_code() -> None:
    explained = re.findall(r"^\| `(\w+)` \|", VERDICTS, re.MULTILINE)
    assert set(explained) == set(Verdict)
    ranked = VERDICTS.split("## The verdict of the run")[1].split("So `improvement`")[0]
    places = [ranked.index(f"**{verdict}**") for verdict in ORDER]
    assert places == sorted(places)


def test_every_exit_code_is_in_the_table() -> None:
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", EXIT_CODES, re.MULTILINE)] == sorted(ExitCode)


def test_the_documented_default_of_fail_on_is_that_of_the_configuration() -> None:
    listed = re.search(r"the list replaces the default,\n`([\w, ]+)`", EXIT_CODES)
    assert listed is not None
    assert {Verdict(word) for word in listed[1].split(", ")} == CONFIG.fail_on


@pytest.mark.parametrize("text", [VERDICTS, EXIT_CODES], ids=["verdicts", "exit-codes"])
def test_links_lead_somewhere(text: str) -> None:
    for target in re.findall(r"\]\(([\w.-]+\.\w+)(?:#\w+)?\)", text):
        assert (DOCS / target).is_file()
