"""Which code was measured, when, where, and how the report is to be read."""

from __future__ import annotations

from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name, uncommitted
from govbench.report.document import KeyValues, Section
from govbench.report.sections.tables import text
from govbench.results.comparison import Results

NOT_RECORDED = "not recorded"
_READING = {
    "Response time": "From the planned start of a request to the last byte of its answer, so waiting counts."
    " Times of failed requests are kept apart.",
    "p50, p95, p99": "The time that 50, 95 or 99 of 100 answers did not exceed: the nearest rank, always a"
    " time that was really observed.",
    "Interval": "In square brackets and as lines or whiskers: intervals made in this way hold the true value"
    " as often as their level says. Two overlapping intervals do not show that nothing changed; judge by the"
    " interval of the change.",
    "Base, head, change": "The base is the reference, the head is what is judged. The change is head divided"
    " by base, minus one; of shares such as the error rate, the difference in percentage points (pp).",
    "Margin": "The smallest change worth acting on. A regression or an improvement excludes zero with its"
    " interval and lies beyond the margin with its estimate; a pass lies within it with its whole interval.",
    "Inconclusive": "Neither of these: measuring longer would tell.",
    "Advisory": "Shown, and never fails a job.",
    "Steady": "A phase has warm-up, steady and cool-down; only requests due in the steady one count.",
    "Exit codes": "0 pass or improvement, and the open verdicts unless fail-on says otherwise; 1 regression"
    " or threshold missed; 2 usage or configuration; 3 could not measure; 4 could not publish.",
}


def provenance(results: Results) -> Section:
    """Which code was measured, when, against what, and on which machine."""
    blocks = (
        KeyValues(pairs=_code(results), caption="What was measured"),
        KeyValues(pairs=_machine(results), caption="Where"),
    )
    return Section(key="provenance", title="Code and machine", rank=7, blocks=blocks, folded=True)


def packages(results: Results) -> Section | None:
    """The versions of the packages that did the measuring."""
    found = results.summary.environment.packages
    if not found:
        return None
    said = ", ".join(
        f"{fmt.one_line(name)} {fmt.one_line(version)}" for name, version in sorted(found.items())
    )
    return Section(
        key="packages", title="Packages", rank=9, blocks=(text(said),), folded=True, pages_only=True
    )


def reading(results: Results) -> Section:
    """How a page of figures is to be read; ``results`` change nothing of it."""
    del results
    return Section(
        key="reading",
        title="How to read this page",
        rank=9,
        blocks=(KeyValues(pairs=tuple(_READING.items())),),
        pages_only=True,
        folded=True,
    )


def _code(results: Results) -> tuple[tuple[str, str], ...]:
    run, code = results.summary.run, results.summary.provenance
    tree = {True: "with uncommitted changes", False: "clean", None: NOT_RECORDED}[code.dirty]
    rows = [
        ("run", run.id),
        ("status", run.status.value),
        ("started", run.started_at),
        ("took", fmt.duration_s(run.duration_s)),
        ("suite", f"{run.suite}, version {run.suite_version}, profile {run.profile}"),
        ("commit", code.commit or NOT_RECORDED),
        ("committed", code.committed_at or NOT_RECORDED),
        ("branch", code.branch or NOT_RECORDED),
        ("work tree", tree),
        ("seed", str(run.seed)),
        ("govbench", run.govbench_version),
        ("region", run.region or ""),
        ("note", run.note or ""),
    ]
    sides = side_count(results.summary)
    rows += [
        (side_name(side, sides), f"{target.name}: {target.form} at {target.url}, API {target.api}")
        for side, target in enumerate(results.summary.targets)
    ]
    base = results.comparison.baseline if results.comparison else None
    if base is not None:
        rows.append(("base runs", ", ".join(base.run_ids)))
        rows.append(
            ("base commit", f"{base.commit}{uncommitted(base.dirty)}" if base.commit else NOT_RECORDED)
        )
        rows.append(("base machine", base.machine_class or NOT_RECORDED))
    return _known(rows)


def _machine(results: Results) -> tuple[tuple[str, str], ...]:
    machine = results.summary.environment
    load, speed = machine.load_average, machine.speed
    rows = [
        ("machine class", machine.machine_class),
        ("system", f"{machine.os} {machine.os_release}, {machine.architecture}"),
        ("processor", f"{machine.cpu_model}, {machine.cores} cores"),
        ("memory", fmt.size(machine.memory_bytes)),
        ("load average", ", ".join(fmt.number(one) for one in load) if load else NOT_RECORDED),
        (
            "speed",
            f"{fmt.number(speed.per_s)} pieces of work/s ± {fmt.percent(speed.standard_error)}"
            if speed
            else "",
        ),
        ("Python", machine.python),
        ("CI", machine.ci or ""),
        ("runner image", machine.runner_image or ""),
    ]
    return _known(rows)


def _known(rows: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, fmt.one_line(said)) for name, said in rows if said)
