"""Prints the results: a table for each figure, then the targets. Computes nothing but what is shown."""

from __future__ import annotations

from dataclasses import dataclass

from tabulate import tabulate

from benchmarks.generator.results import GOVBENCH, Results, Values
from benchmarks.generator.targets import Judged


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a figure: the value it shows and how; with ``ratio`` it is govbench's over the row's."""

    title: str
    value: str
    form: str = ",.0f"
    ratio: bool = False


_TITLES = {
    "capacity": "Capacity: 64 connections without pauses, constant answer, client alone on one core",
    "accuracy": "Accuracy: 1,000 users with 1 s think time, answers of about 20 ms, reported against true",
    "stream": "Streaming: 200 streams of 20 events a second",
    "memory": "Memory of govbench",
}
_COLUMNS = {
    "capacity": (
        Column("requests/s", "requests_per_s"),
        Column("per core", "requests_per_core"),
        Column("govbench / it", "requests_per_core", ".2f", ratio=True),
        Column("CPU µs per request", "cpu_us_per_request", ".1f"),
        Column("govbench / it", "cpu_us_per_request", ".2f", ratio=True),
        Column("core used", "cpu_share", ".0%"),
        Column("peak MB", "peak_mb"),
    ),
    "accuracy": (
        Column("p50 ms", "median_ms", ".2f"),
        Column("true", "true_median_ms", ".2f"),
        Column("off", "median_ms_relative_error", "+.1%"),
        Column("p95 ms", "p95_ms", ".2f"),
        Column("true", "true_p95_ms", ".2f"),
        Column("off", "p95_ms_relative_error", "+.1%"),
        Column("p99 ms", "p99_ms", ".2f"),
        Column("true", "true_p99_ms", ".2f"),
        Column("off", "p99_ms_relative_error", "+.1%"),
        Column("core used", "cpu_share", ".0%"),
        Column("peak MB", "peak_mb"),
    ),
    "stream": (
        Column("events/s", "events_per_s"),
        Column("CPU µs per event", "cpu_us_per_event", ".1f"),
        Column("govbench / it", "cpu_us_per_event", ".2f", ratio=True),
        Column("first token ms", "first_token_ms", ".2f"),
        Column("true", "true_first_token_ms", ".2f"),
        Column("off ms", "first_token_error_ms", "+.2f"),
        Column("core used", "cpu_share", ".0%"),
        Column("peak MB", "peak_mb"),
    ),
    "memory": (
        Column("peak MB", "peak_mb"),
        Column("requests/s", "requests_per_s"),
        Column("core used", "cpu_share", ".0%"),
        Column("failures", "failures"),
    ),
}


def render(results: Results, judged: list[Judged]) -> str:
    """All tables as text that is Markdown as well."""
    parts = ["\n".join(f"{name}: {value}" for name, value in results.environment.items())]
    figures = dict.fromkeys([*results.rounds, *results.skipped])
    parts += [f"{_TITLES[figure]}\n\n{_figure(results, figure)}" for figure in figures]
    rows = [(j.text, j.measured or "–", _said(j)) for j in judged]
    parts.append(
        "Targets (medians over the rounds, ratios within a round)\n\n"
        + tabulate(rows, headers=("target", "measured", "met"), tablefmt="github", disable_numparse=True)
    )
    return "\n" + "\n\n".join(parts) + "\n"


def brief(values: Values) -> str:
    """The values of one round in a line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items() if value is not None)


def _figure(results: Results, figure: str) -> str:
    columns = _COLUMNS[figure]
    measured = results.rounds.get(figure, {})
    rows = [[row, *(_cell(results, figure, row, column) for column in columns)] for row in measured]
    headers = ["", *(column.title for column in columns)]
    align = ("left", *("right" for _ in columns))
    notes = [f"- {row}: {reason}" for row, reason in results.skipped.get(figure, {}).items()]
    table = tabulate(rows, headers=headers, tablefmt="github", colalign=align, disable_numparse=True)
    return "\n".join([table if rows else "nothing measured", *(["", *notes] if notes else [])])


def _cell(results: Results, figure: str, row: str, column: Column) -> str:
    if column.ratio:
        value = results.ratio(figure, GOVBENCH, row, column.value)
    else:
        value = results.median(figure, row, column.value)
    return "–" if value is None else format(value, column.form)


def _said(judged: Judged) -> str:
    if judged.met is None:
        return "not measured"
    if not judged.met:
        return "missed"
    return "met, stretch too" if judged.stretch_met else "met"
