"""The tables and lists of the HTML report: phases, accounting, resources, circumstances, as rows of text.

Lays nothing out; ``templates/report.html.j2`` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from govbench.report import format as fmt
from govbench.report import tables
from govbench.report.circumstances import process_name, side_count, side_name, uncommitted
from govbench.results.comparison import Results
from govbench.results.metrics import Metric, MetricName
from govbench.results.run import Accounting, Outcome, PhaseResult, RunSummary

ERROR_CLASSES = {
    Outcome.CONNECT: "no connection to the target",
    Outcome.TLS: "the TLS handshake failed",
    Outcome.TIMEOUT: "no complete answer before the deadline",
    Outcome.RESET: "the connection was closed during the request",
    Outcome.TRUNCATED: "the answer ended before its announced length",
    Outcome.HTTP_4XX: "HTTP status 4xx other than 429",
    Outcome.HTTP_429: "HTTP status 429: too many requests",
    Outcome.HTTP_5XX: "HTTP status 5xx",
    Outcome.BAD_BODY: "the answer was not in the format of the API",
    Outcome.STREAM: "the answer says that it failed, under a good status",
    Outcome.CHECK: "the answer did not pass the check of its content",
}
_PHASE_METRICS = (
    MetricName.RESPONSE_TIME_P50,
    MetricName.RESPONSE_TIME_P95,
    MetricName.RESPONSE_TIME_P99,
    MetricName.THROUGHPUT,
    MetricName.ERROR_RATE,
)

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A table cell: its text, and a smaller line below it."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table whose first ``words`` columns hold words and the others numbers; ``empty`` replaces no rows."""

    key: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    words: int = 1
    empty: str = ""


def metric_cell(metric: Metric | None) -> Cell:
    """The value and its interval, in short: the unit is that of the value, the level is stated once."""
    return Cell(text=fmt.metric_value(metric), note=fmt.metric_interval(metric))


def of_texts(key: str, caption: str, table: tables.Table, *, words: int, empty: str) -> Table:
    """A table of the other formats, its headers with a capital."""
    return Table(
        key=key,
        caption=caption,
        head=tuple(header[:1].upper() + header[1:] for header in table.headers),
        rows=tuple(tuple(Cell(text=text) for text in row) for row in table.rows),
        words=words,
        empty=empty,
    )


def phases(summary: RunSummary) -> Table:
    """Every phase on every side: its size and the metrics of its steady segment."""
    return Table(
        key="phases",
        caption="Each phase and side, steady segment only; values with their intervals.",
        head=("Phase", "Type", "Side", "Users", "Steady", "Requests", *(_short(n) for n in _PHASE_METRICS)),
        rows=tuple(_phase_row(summary, phase) for phase in summary.phases),
        words=3,
        empty="No phase was measured.",
    )


def _phase_row(summary: RunSummary, result: PhaseResult) -> tuple[Cell, ...]:
    metrics = {metric.name: metric for metric in result.metrics}
    warmup = f"+ {fmt.duration_s(result.phase.warmup_s)} warm-up" if result.phase.warmup_s else ""
    return (
        Cell(text=result.phase.name),
        Cell(text=fmt.test_type_label(result.phase.test_type), note=f"{result.phase.model.value} loop"),
        Cell(text=side_name(result.side, side_count(summary))),
        Cell(text=fmt.load_level(result.phase)),
        Cell(text=fmt.duration_s(result.steady_s or result.phase.steady_s), note=warmup),
        Cell(text=fmt.count(result.finished), note=_ok(result)),
        *(metric_cell(metrics.get(name)) for name in _PHASE_METRICS),
    )


def _ok(result: PhaseResult) -> str:
    return "" if result.steady is None else f"{fmt.count(result.steady.ok)} ok"


def _short(name: MetricName) -> str:
    label = fmt.metric_label(name).removeprefix("response time ")
    return label[:1].upper() + label[1:] if not label.startswith("p") else label


def accounting(summary: RunSummary) -> Table:
    """Where every request went: of the whole run, then of each phase and side."""
    parts = [("whole run", "", summary.accounting)]
    parts += [(p.phase.name, side_name(p.side, side_count(summary)), p.accounting) for p in summary.phases]
    return Table(
        key="accounting",
        caption="Where every request went.",
        head=("Part", "Side", "Offered", "Dropped", "Sent", "Ok", "Failed", "Cancelled", "Lost"),
        rows=tuple(
            (Cell(text=name), Cell(text=side), *(Cell(text=fmt.count(number)) for number in _numbers(part)))
            for name, side, part in parts
        ),
        words=2,
    )


def _numbers(part: Accounting) -> tuple[int, ...]:
    return part.offered, part.dropped, part.sent, part.ok, part.failed, part.cancelled, part.lost


def errors(accounting: Accounting) -> Table:
    """The failed requests of the run by class, most frequent first."""
    ordered = sorted(accounting.errors.items(), key=lambda item: -item[1])
    return Table(
        key="errors",
        caption="Failed requests by error class.",
        head=("Class", "Meaning", "Requests", "Share of sent"),
        rows=tuple(
            (
                Cell(text=outcome.value),
                Cell(text=ERROR_CLASSES.get(outcome, "")),
                Cell(text=fmt.count(number)),
                Cell(text=fmt.percent(number / accounting.sent if accounting.sent else None)),
            )
            for outcome, number in ordered
            if number
        ),
        words=2,
        empty="No request failed." if accounting.sent else "No request was sent.",
    )


def generator(summary: RunSummary) -> Pairs:
    """What tells whether the generator kept up."""
    health = summary.generator
    return (
        ("Lag p50", fmt.duration_ms(health.lag_p50_ms)),
        ("Lag p99", fmt.duration_ms(health.lag_p99_ms)),
        ("Scheduling delay p50", fmt.duration_ms(health.scheduling_delay_p50_ms)),
        ("Scheduling delay p99", fmt.duration_ms(health.scheduling_delay_p99_ms)),
        ("CPU, mean", fmt.cores(health.cpu_cores_mean)),
        ("CPU, peak", fmt.cores(health.cpu_cores_peak)),
        ("Kernel timestamps", fmt.percent(health.kernel_clock_share)),
    )


def resources(summary: RunSummary) -> Table:
    """What the processes of target and generator used."""
    return Table(
        key="resources",
        caption="Processor and memory over the steady segments, child processes included.",
        head=("Process", "CPU time", "CPU, mean", "Memory, peak", "Memory, last", "Samples"),
        rows=tuple(
            (
                Cell(text=process_name(usage.role, side_count(summary))),
                Cell(text=fmt.duration_s(usage.cpu_s)),
                Cell(text=fmt.cores(usage.cpu_cores_mean)),
                Cell(text=fmt.size(usage.memory_peak_bytes)),
                Cell(text=fmt.size(usage.memory_last_bytes)),
                Cell(text=fmt.count(usage.samples)),
            )
            for usage in summary.resources
        ),
        empty="No process of the target runs where it could be observed, or none was sampled.",
    )


def tokens(summary: RunSummary) -> Table:
    """The tokens of each side and how many per answer."""
    return Table(
        key="tokens",
        caption="Tokens as the answers in the steady segments reported them, those to controls included.",
        head=("Side", "Answers", "With usage", "Input tokens", "Output tokens", "Output per answer"),
        rows=tuple(
            (
                Cell(text=side_name(usage.side, side_count(summary))),
                Cell(text=fmt.count(usage.answers)),
                Cell(text=fmt.count(usage.answers_with_usage)),
                Cell(text=fmt.count(usage.input_tokens)),
                Cell(text=fmt.count(usage.output_tokens)),
                Cell(text=fmt.tokens(usage.output_per_answer)),
            )
            for usage in summary.tokens
        ),
        empty="No answer reported its tokens.",
    )


# Circumstances


def provenance(results: Results) -> Pairs:
    """Which code was measured, when, against what."""
    run, code = results.summary.run, results.summary.provenance
    tree = {True: "with uncommitted changes", False: "clean", None: "not recorded"}[code.dirty]
    rows = [
        ("Run", run.id),
        ("Status", run.status.value),
        ("Started", run.started_at),
        ("Commit", code.commit or "not recorded"),
        ("Committed", code.committed_at or "not recorded"),
        ("Branch", code.branch or "not recorded"),
        ("Working tree", tree),
        ("Seed", str(run.seed)),
        ("govbench", run.govbench_version),
        ("Region", run.region or ""),
        ("Note", run.note or ""),
    ]
    sides = side_count(results.summary)
    rows += [
        (_target_label(side, sides), f"{target.name}: {target.form} at {target.url}, API {target.api}")
        for side, target in enumerate(results.summary.targets)
    ]
    comparison = results.comparison
    if comparison is not None and comparison.baseline is not None:
        rows.append(("Base runs", ", ".join(comparison.baseline.run_ids)))
        base = comparison.baseline
        changes = uncommitted(base.dirty)
        rows.append(("Base commit", f"{base.commit}{changes}" if base.commit else "not recorded"))
        rows.append(("Base machine", comparison.baseline.machine_class or "not recorded"))
    return tuple((name, text) for name, text in rows if text)


def _target_label(side: int, sides: int) -> str:
    name = side_name(side, sides)
    return name[:1].upper() + name[1:]


def machine(summary: RunSummary) -> Pairs:
    """Where it was measured."""
    machine = summary.environment
    load = machine.load_average
    rows = [
        ("Machine class", machine.machine_class),
        ("System", f"{machine.os} {machine.os_release}, {machine.architecture}"),
        ("Processor", f"{machine.cpu_model}, {machine.cores} cores"),
        ("Memory", fmt.size(machine.memory_bytes)),
        ("Load average", ", ".join(fmt.number(one) for one in load) if load else "not recorded"),
        ("Python", machine.python),
        ("CI", machine.ci or "none"),
        ("Runner image", machine.runner_image or ""),
    ]
    return tuple((name, text) for name, text in rows if text)
