"""The circumstances of a run as sentences: what was measured, with what, against what. Judges nothing."""

from __future__ import annotations

from govbench.report import format as fmt
from govbench.results.run import GeneratorHealth, RunSummary

SIDES = ("base", "head")
SHORT_COMMIT = 10


def side_name(side: int, sides: int) -> str:
    """What a side is called: ``base`` and ``head`` of a pair, ``target`` where it is alone."""
    if sides == 1:
        return "target"
    return SIDES[side] if side < len(SIDES) else f"side {side}"


def side_count(summary: RunSummary) -> int:
    """How many sides were measured."""
    return max(1, len(summary.targets))


def process_name(role: str, sides: int) -> str:
    """What a process is called in tables: ``base``, ``head``, ``target``, ``generator``."""
    kind, _, side = role.partition(":")
    return side_name(int(side), sides) if kind == "target" and side.isdigit() else fmt.one_line(role)


def uncommitted(dirty: bool | None) -> str:
    """Said after a commit whose files were not measured as they are in it."""
    return ", with changes that are not committed" if dirty else ""


def generator_sentence(generator: GeneratorHealth) -> str:
    """Whether the generator kept up, with the numbers that tell."""
    if generator.lag_p99_ms is None and generator.cpu_cores_mean is None and not generator.saturated:
        return fmt.NOT_MEASURED
    lag_p50, lag_p99 = fmt.duration_ms(generator.lag_p50_ms), fmt.duration_ms(generator.lag_p99_ms)
    state = "saturated: it was the bottleneck" if generator.saturated else "not the bottleneck"
    delay = ""
    if generator.scheduling_delay_p99_ms is not None:
        p50, p99 = generator.scheduling_delay_p50_ms, generator.scheduling_delay_p99_ms
        delay = f" scheduling delay p50 {fmt.duration_ms(p50)}, p99 {fmt.duration_ms(p99)};"
    return (
        f"{state}; lag p50 {lag_p50}, p99 {lag_p99};{delay}"
        f" CPU {fmt.cores(generator.cpu_cores_mean)} mean, {fmt.cores(generator.cpu_cores_peak)} peak;"
        f" timed by the kernel {fmt.percent(generator.kernel_clock_share)}"
    )
