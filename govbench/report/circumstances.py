"""The circumstances of a run as sentences: what was measured, with what, against what. Judges nothing."""

from __future__ import annotations

from govbench.report import format as fmt
from govbench.results.comparison import Comparison, Reference
from govbench.results.run import Environment, GeneratorHealth, MachineSpeed, Provenance, RunSummary

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


def run_sentence(summary: RunSummary) -> str:
    """Which run this is: suite, profile, id, when, how long, which commit."""
    run = summary.run
    region = f", region {fmt.one_line(run.region)}" if run.region else ""
    return (
        f"{fmt.one_line(run.suite)} {run.suite_version}, profile {fmt.one_line(run.profile)}, run {run.id},"
        f" started {run.started_at}, took {fmt.duration_s(run.duration_s)}, seed {run.seed}{region}"
    )


def provenance_sentence(provenance: Provenance) -> str | None:
    """Which code was measured; None where no repository was there to tell."""
    if provenance.commit is None:
        return None
    branch = f" on {fmt.one_line(provenance.branch)}" if provenance.branch else ""
    return f"commit {provenance.commit[:SHORT_COMMIT]}{branch}{uncommitted(provenance.dirty)}"


def uncommitted(dirty: bool | None) -> str:
    """Said after a commit whose files were not measured as they are in it."""
    return ", with changes that are not committed" if dirty else ""


def comparison_sentence(comparison: Comparison) -> str:
    """What was compared with what, and how."""
    method = comparison.method.value.replace("_", " ")
    candidate = _reference(comparison.candidate)
    if comparison.baseline is None:
        return f"measured {candidate}, with nothing to compare it with"
    return f"measured {candidate}, compared with {_reference(comparison.baseline)}; method: {method}"


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


def environment_sentence(environment: Environment) -> str:
    """Where it was measured: machine class first, for it decides what can be compared."""
    load = environment.load_average
    busy = "" if load is None else f", load average {fmt.number(load[0])}"
    where = " on ".join(fmt.one_line(part) for part in (environment.ci, environment.runner_image) if part)
    return (
        f"{fmt.one_line(environment.machine_class)}: {fmt.one_line(environment.cpu_model)},"
        f" {environment.cores} cores, {fmt.size(environment.memory_bytes)},"
        f" {fmt.one_line(environment.os)} {fmt.one_line(environment.os_release)},"
        f" Python {fmt.one_line(environment.python)}{f', {where}' if where else ''}{busy}"
        f"{_speed(environment.speed)}"
    )


def _speed(speed: MachineSpeed | None) -> str:
    if speed is None:
        return ""
    return f", speed {fmt.number(speed.per_s)} pieces of work/s ± {fmt.percent(speed.standard_error)}"


def _reference(reference: Reference) -> str:
    parts = []
    if reference.commit:
        parts.append(f"commit {reference.commit[:SHORT_COMMIT]}{uncommitted(reference.dirty)}")
    if reference.distance is not None:
        parts.append("the same commit" if not reference.distance else _away(reference.distance))
    detail = f" ({', '.join(parts)})" if parts else ""
    return f"{fmt.one_line(reference.label)}{detail}"


def _away(distance: int) -> str:
    return f"{fmt.count(distance)} commit{'s' if distance > 1 else ''} away"
