"""Where every request went, what failed, and what the processes used."""

from __future__ import annotations

from govbench.report import format as fmt
from govbench.report.circumstances import generator_sentence, process_name, side_count, side_name
from govbench.report.document import Cell, KeyValues, Section, Text, Tone
from govbench.report.sections.tables import strong, table, text, without
from govbench.report.words import ERROR_CLASSES
from govbench.results.comparison import Results
from govbench.results.run import Accounting


def failures(results: Results) -> Section | None:
    """The failed requests by class; nothing where none failed."""
    accounting = results.summary.accounting
    found = sorted(((n, kind) for kind, n in accounting.errors.items() if n), reverse=True)
    if not found:
        return None
    rows = (
        (
            kind.value,
            ERROR_CLASSES.get(kind, ""),
            Cell(text=fmt.count(n), tone=Tone.BAD),
            fmt.percent(n / accounting.sent if accounting.sent else None),
        )
        for n, kind in found
    )
    block = table(("error", "meaning", "requests", "of all sent"), rows, right=(2, 3), priority={1: 1})
    return Section(key="failures", title="Failed requests", rank=1, blocks=(block,))


def accounting(results: Results) -> Section | None:
    """Where every request went: of the whole run, then of each phase and side, warm-up included."""
    summary = results.summary
    sides = side_count(summary)
    parts = [("whole run", "", summary.accounting)]
    parts += [(p.phase.name, side_name(p.side, sides), p.accounting) for p in summary.phases]
    found = table(
        ("part", "side", "offered", "dropped", "sent", "ok", "failed", "cancelled", "lost"),
        ((fmt.one_line(name), side, *map(fmt.count, _numbers(part))) for name, side, part in parts),
        right=range(2, 9),
        priority={8: 1, 3: 1, 7: 2},
        caption="All requests, those of warm-up and cool-down too.",
        keep=1,
    )
    balance = (
        text("Both equations hold: every request is accounted for.")
        if summary.accounting.balanced
        else text(strong("The equations do not hold: records of requests are missing."), tone=Tone.BAD)
    )
    blocks = (
        text(fmt.accounting_equation(summary.accounting)),
        balance,
        found if sides > 1 else without(found, 1),
    )
    return Section(key="accounting", title="Where every request went", rank=6, blocks=blocks, folded=True)


def generator(results: Results) -> Section | None:
    """Whether the generator kept up, with the figures that tell."""
    health = results.summary.generator
    pairs = (
        ("lag p50", fmt.duration_ms(health.lag_p50_ms)),
        ("lag p99", fmt.duration_ms(health.lag_p99_ms)),
        ("scheduling delay p50", fmt.duration_ms(health.scheduling_delay_p50_ms)),
        ("scheduling delay p99", fmt.duration_ms(health.scheduling_delay_p99_ms)),
        ("CPU, mean", fmt.cores(health.cpu_cores_mean)),
        ("CPU, peak", fmt.cores(health.cpu_cores_peak)),
        ("kernel timestamps", fmt.percent(health.kernel_clock_share)),
    )
    words = (
        "Lag is how much later the program saw an answer than the kernel did; scheduling delay is how much"
        " later than due a request went out, without the time to connect."
    )
    said: Text = text(f"The generator was {generator_sentence(health).partition(';')[0]}. {words}")
    if health.saturated:
        said = text(
            strong("The generator was the limit, not the target: these figures must not be compared. "), words
        )
    if health.lag_p99_ms is None and health.cpu_cores_mean is None and not health.saturated:
        said = text(f"How busy the generator was is not known. {words}")
    return Section(
        key="generator", title="Load generator", rank=7, blocks=(said, KeyValues(pairs=pairs)), folded=True
    )


def resources(results: Results) -> Section | None:
    """What the processes of target and generator used over the steady segments."""
    summary = results.summary
    if not summary.resources:
        return None
    sides = side_count(summary)
    found = table(
        ("process", "CPU mean", "CPU time", "memory peak", "memory last", "samples"),
        (
            (
                process_name(usage.role, sides),
                fmt.cores(usage.cpu_cores_mean),
                fmt.duration_s(usage.cpu_s),
                fmt.size(usage.memory_peak_bytes),
                fmt.size(usage.memory_last_bytes),
                fmt.count(usage.samples),
            )
            for usage in summary.resources
        ),
        right=range(1, 6),
        priority={5: 2, 4: 1},
        caption="Over the steady segments, child processes included.",
    )
    return Section(key="resources", title="Processor and memory", rank=6, blocks=(found,), folded=True)


def tokens(results: Results) -> Section | None:
    """Tokens as the answers reported them; what no answer reported is not measured."""
    summary = results.summary
    if not any(usage.answers_with_usage for usage in summary.tokens):
        return None
    sides = side_count(summary)
    found = table(
        ("side", "answers", "with usage", "input", "output", "input per answer", "output per answer"),
        (
            (
                side_name(usage.side, sides),
                fmt.count(usage.answers),
                fmt.count(usage.answers_with_usage),
                fmt.count(usage.input_tokens),
                fmt.count(usage.output_tokens),
                fmt.number(usage.input_per_answer),
                fmt.number(usage.output_per_answer),
            )
            for usage in summary.tokens
        ),
        right=range(1, 7),
        priority={2: 2, 5: 1},
        caption="Tokens of the answers in the steady segments, those to controls included.",
    )
    return Section(
        key="tokens",
        title="Tokens",
        rank=5,
        blocks=(found if sides > 1 else without(found, 0),),
        folded=True,
    )


def _numbers(part: Accounting) -> tuple[int, ...]:
    return part.offered, part.dropped, part.sent, part.ok, part.failed, part.cancelled, part.lost
