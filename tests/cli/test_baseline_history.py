"""``govbench baseline history`` as a process, over entries written as ``baseline update`` writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from govbench.baselines.entries import entry_path
from govbench.results.baseline import BaselineEntry, BaselineTestType, to_json
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import Accounting, Environment
from tests.cli.conftest import Cli

STEP = [20.0, 20.3, 19.8, 20.1, 19.9, 20.2, 26.1, 25.8, 26.0, 26.3]


def write(govbench: Cli, values: Sequence[float], *, machine_class: str = "linux-x86_64-cpu-2c-4g") -> None:
    """One stored run a day with these medians; the third is an anchor."""
    for day, value in enumerate(values):
        names = {MetricName.RESPONSE_TIME_P50: value, MetricName.RESPONSE_TIME_P95: 3 * value}
        metrics = tuple(
            Metric(
                name=name,
                value=each,
                n=600,
                low=each * 0.98,
                high=each * 1.02,
                level=0.99,
                standard_error=0.008,
            )
            for name, each in sorted(names.items())
        )
        entry = BaselineEntry(
            run_id=f"run-{day}",
            suite="default",
            suite_version="1",
            profile="quick",
            commit=f"{day:040x}",
            committed_at=f"2026-01-{day + 1:02}T09:00:00Z",
            measured_at=f"2026-01-{day + 1:02}T09:30:00Z",
            govbench_version="0.1.0",
            environment=Environment(
                machine_class=machine_class,
                os="Linux",
                os_release="6.1",
                architecture="x86_64",
                cpu_model="CPU",
                cores=2,
                memory_bytes=4 << 30,
                python="3.12.0",
                packages={},
            ),
            accounting=Accounting(offered=600, sent=600, ok=600),
            test_types=(BaselineTestType(test_type=TestType.BASELINE, metrics=metrics),),
            anchor="v1.0" if day == 2 else None,
        )
        path = govbench.cwd / "baselines" / entry_path(entry)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(to_json(entry))


def test_the_gated_metrics_in_the_terminal(govbench: Cli) -> None:
    write(govbench, STEP)

    ended = govbench.here("baseline", "history")

    assert ended.code == 0, ended.err
    assert "anchor v1.0 at 0000000 (2026-01-03)" in ended.out
    assert "baseline: response time p50  ▁▂▁▁▁▁█▇██  20.0 ms → 26.3 ms, 10 runs" in ended.out
    assert "% [" in ended.out
    assert "worse, in 0000000..0000000 (2026-01-07)" in ended.out
    assert "p95" not in ended.out


def test_a_metric_that_is_named(govbench: Cli) -> None:
    write(govbench, STEP)

    assert "p95" in govbench.here("baseline", "history", "response_time_p95_ms").out
    assert "p95" in govbench.here("baseline", "history", "all", "--test-type", "baseline").out
    assert "p50" not in govbench.here("baseline", "history", "baseline/response_time_p95_ms").out


def test_as_json_and_of_one_machine_class(govbench: Cli) -> None:
    write(govbench, STEP)
    write(govbench, [10.0, 11.0], machine_class="linux-arm64-cpu-4c-8g")

    everything = json.loads(govbench.here("baseline", "history", "--json").out)["histories"]
    one = json.loads(
        govbench.here("baseline", "history", "--json", "--machine-class", "linux-arm64-cpu-4c-8g").out
    )

    assert [len(history["points"]) for history in everything] == [10, 2]
    assert [change["index"] for change in everything[0]["changes"]] == [6]
    assert [len(history["points"]) for history in one["histories"]] == [2]


def test_as_a_page(govbench: Cli) -> None:
    write(govbench, STEP[:1])

    ended = govbench.here("baseline", "history", "--html", "trend.html")

    assert (ended.code, ended.out) == (0, "")
    page = (govbench.cwd / "trend.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "20.0 ms" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("respnse_time_p50_ms",), "no metric"),
        (("--test-type", "nightly"), "no test type"),
        (("--json", "--html", "x.html"), "exclude each other"),
        (("throughput_rps",), "no baseline has such a metric"),
        (("--suite", "other"), "no baseline is there"),
        (("--class", "other"), "no baseline is there"),
    ],
)
def test_what_there_is_not(govbench: Cli, arguments: tuple[str, ...], words: str) -> None:
    write(govbench, STEP)

    ended = govbench.here("baseline", "history", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert words in ended.complaint


def test_an_entry_that_was_edited_by_hand_is_named(govbench: Cli) -> None:
    write(govbench, STEP)
    path = sorted(govbench.cwd.glob("baselines/*/*/*.json"))[4]
    path.write_text(path.read_text().replace('"value": 19.9', '"value": "fast"'))

    ended = govbench.here("baseline", "history")

    assert (ended.code, ended.out) == (2, "")
    assert path.name in ended.complaint
    assert "response_time_p50_ms.value" in ended.complaint


def test_a_page_that_cannot_be_written(govbench: Cli) -> None:
    write(govbench, STEP)

    ended = govbench.here("baseline", "history", "--html", "missing/trend.html")

    assert ended.code == 4
    assert "missing/trend.html: cannot be written" in ended.complaint
