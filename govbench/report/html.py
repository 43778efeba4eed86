"""The HTML report: one file with its styles and charts inside, readable offline and without scripts.

Takes numbers as text from ``format.py`` and charts from ``figures.py``, puts them in order and lets the
template lay them out. Judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from govbench.errors import ExitCode
from govbench.report import (
    distributions,
    figures,
    html_tables,
    level_charts,
    rounds,
    tables,
    timelines,
)
from govbench.report import format as fmt
from govbench.report.circumstances import uncommitted
from govbench.report.explanations import explained, notes
from govbench.report.html_tables import Cell, metric_cell
from govbench.results.comparison import (
    Change,
    Comparison,
    Finding,
    Method,
    Reference,
    Results,
    Verdict,
)
from govbench.results.conclusion import Conclusion
from govbench.results.plan import TestType
from govbench.results.run import GeneratorHealth, RunStatus, RunSummary

METHODS = {
    Method.UNPAIRED: "two runs, one after the other",
    Method.PAIRED_ROUNDS: "the same question to both sides, in rounds of fresh instances",
    Method.STORED_WINDOW: "the run against a window of stored baselines",
}
EXITS = {
    ExitCode.OK: "success",
    ExitCode.REGRESSION: "a regression, or a threshold missed",
    ExitCode.NOT_MEASURED: "nothing could be measured soundly",
    ExitCode.INTERRUPTED: "interrupted; what was measured is shown",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """One finding as the template shows it."""

    test_type: str
    metric: str
    advisory: bool
    baseline: Cell
    candidate: Cell
    change: Cell
    forest: Markup
    scale: str
    margin: str
    samples: str
    verdict: str
    label: str
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A figure ready for the template."""

    title: str
    svg: Markup
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartGroup:
    """The charts of a test type, or the sentence that says why there are none."""

    title: str
    charts: tuple[Chart, ...]
    empty: str


def render(results: Results, conclusion: Conclusion) -> str:
    """The report as one HTML document; every text in it is escaped, whatever it holds.

    ``conclusion`` is what the results come to, and so what the command ends with.
    """
    summary, comparison = results.summary, results.comparison
    findings = tables.ordered(comparison) if comparison else ()
    forest, levels = figures.forest(findings), _levels_shown(results)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            run=summary.run,
            status=summary.run.status.value,
            tone=_tone(results),
            symbol=_symbol(results),
            headline=fmt.headline(results),
            exit=_exit_sentence(results, conclusion),
            facts_rows=_facts(results),
            comparison=comparison,
            findings=[
                _finding_row(f, forest, at, with_level=len(levels) > 1) for at, f in enumerate(findings)
            ],
            forest_axis=Markup(forest.axis),  # noqa: S704 - charts.py escapes every text
            explanations=explained(findings),
            thresholds=_thresholds(comparison),
            mde=fmt.mde_sentence(comparison) if comparison else None,
            notes=notes(comparison) if comparison else (),
            warnings=summary.warnings,
            distributions=_distributions(results),
            levels=_levels(results),
            level_findings=_level_findings(findings),
            rounds=_rounds(results),
            round_charts=_charts(rounds.charts_of(results)),
            timeline=_charts(timelines.charts_of(results)),
            phases=html_tables.phases(summary),
            accounting=html_tables.accounting(summary),
            equation=fmt.accounting_equation(summary.accounting),
            balanced=summary.accounting.balanced,
            errors=html_tables.errors(summary.accounting),
            generator=html_tables.generator(summary),
            generator_says=_generator_sentence(summary.generator),
            saturated=summary.generator.saturated,
            resources=html_tables.resources(summary),
            tokens=html_tables.tokens(summary),
            provenance=html_tables.provenance(results),
            machine=html_tables.machine(summary),
            packages=", ".join(f"{name} {v}" for name, v in sorted(summary.environment.packages.items())),
            level=" or ".join(levels),
        )
    )


def environment() -> Environment:
    """The templates of the HTML pages, with every text escaped and made printable."""
    return Environment(
        loader=PackageLoader("govbench.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _printable(value: object) -> object:
    """Every text of the template without control and direction characters; markup as it is."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return fmt.GROUP_SEPARATOR.join(fmt.one_line(part) for part in value.split(fmt.GROUP_SEPARATOR))


# The banner


def _tone(results: Results) -> str:
    if results.comparison is not None:
        return f"v-{results.comparison.verdict.value}"
    return "v-run" if results.summary.run.status is RunStatus.COMPLETED else "v-invalid"


def _symbol(results: Results) -> str:
    if results.comparison is not None:
        return fmt.verdict_symbol(results.comparison.verdict)
    return "●" if results.summary.run.status is RunStatus.COMPLETED else "!"


def _exit_sentence(results: Results, conclusion: Conclusion) -> str:
    """What the command ends with that judged this; one that was interrupted says only that."""
    if results.summary.run.status is RunStatus.INTERRUPTED:
        return _exit(ExitCode.INTERRUPTED)
    is_open = conclusion.verdict not in {Verdict.PASS, Verdict.IMPROVEMENT}
    if conclusion.exit_code is ExitCode.OK and is_open and results.comparison is not None:
        label = fmt.verdict_label(conclusion.verdict)
        return f"Exit code {int(ExitCode.OK)}: fail-on does not name {label}"
    return _exit(conclusion.exit_code)


def _exit(code: ExitCode) -> str:
    return f"Exit code {int(code)}: {EXITS[code]}"


def _facts(results: Results) -> tuple[tuple[str, str], ...]:
    summary, comparison = results.summary, results.comparison
    facts = [("Suite", f"{summary.run.suite}, version {summary.run.suite_version}")]
    if comparison is not None:
        facts.append(("Base", _reference(comparison.baseline) if comparison.baseline else "none"))
        facts.append(("Head", _reference(comparison.candidate)))
        facts.append(("Compared", METHODS[comparison.method]))
    else:
        facts.append(("Target", ", ".join(target.name for target in summary.targets) or "not recorded"))
    facts.append(("Profile", summary.run.profile))
    facts.append(("Took", fmt.duration_s(summary.run.duration_s)))
    return tuple(facts)


def _reference(reference: Reference) -> str:
    parts = [reference.label]
    if reference.commit:
        parts.append(f"{reference.commit[:10]}{uncommitted(reference.dirty)}")
    if reference.distance:
        commits = "commit" if reference.distance == 1 else "commits"
        parts.append(f"{reference.distance} {commits} away")
    return ", ".join(parts)


# Findings and thresholds


def _change_cell(change: Change | None, *, with_level: bool) -> Cell:
    """The change above its interval; the line above the table states the level where there is only one."""
    if change is None:
        return Cell(text="not compared")
    estimate, _, interval = fmt.change(change).partition(" [")
    return Cell(text=estimate, note="[" + (interval if with_level else interval.partition(" at ")[0]))


def _finding_row(finding: Finding, forest: figures.Forest, at: int, *, with_level: bool) -> FindingRow:
    counts = [fmt.count(m.n) for m in (finding.baseline, finding.candidate) if m is not None]
    return FindingRow(
        test_type=fmt.scope_label(finding.test_type, finding.level),
        metric=fmt.metric_label(finding.metric),
        advisory=not finding.gated,
        baseline=metric_cell(finding.baseline),
        candidate=metric_cell(finding.candidate),
        change=_change_cell(finding.change, with_level=with_level),
        forest=Markup(forest.rows[at]),  # noqa: S704 - charts.py escapes every text
        scale=forest.scales[at],
        margin=fmt.margin(finding),
        samples=" → ".join(counts) or fmt.NOT_MEASURED,
        verdict=finding.verdict.value,
        label=fmt.finding_label(finding),
        symbol=fmt.verdict_symbol(finding.verdict),
        reason=fmt.finding_reason(finding),
    )


def _thresholds(comparison: Comparison | None) -> tuple[tuple[str, ...], ...]:
    """Each threshold as texts: state, metric, scope, bound, measured value, state in words, source."""
    return tuple(
        (
            threshold.state.value,
            fmt.metric_label(threshold.metric),
            fmt.threshold_scope(threshold),
            fmt.threshold_bound(threshold.metric, threshold.bound),
            fmt.threshold_value(threshold),
            f"{fmt.threshold_symbol(threshold.state)} {fmt.threshold_label(threshold.state)}",
            threshold.source or "not recorded",
        )
        for threshold in (tables.ordered_thresholds(comparison) if comparison else ())
    )


# Charts


def _charts(found: Iterable[figures.ChartFigure]) -> tuple[Chart, ...]:
    return tuple(
        Chart(
            title=figure.title,
            svg=Markup(figure.svg),  # noqa: S704 - charts.py escapes every text
            caption=figure.caption,
        )
        for figure in found
    )


def _test_types(summary: RunSummary) -> tuple[TestType, ...]:
    return tuple(dict.fromkeys(phase.phase.test_type for phase in summary.phases))


def _distributions(results: Results) -> tuple[ChartGroup, ...]:
    return tuple(
        ChartGroup(
            title=f"Test type {fmt.test_type_label(test_type)}",
            charts=_charts(distributions.charts_of(results, test_type)),
            empty="No distribution was recorded: no request of this test type succeeded.",
        )
        for test_type in _test_types(results.summary)
    )


def _levels(results: Results) -> tuple[ChartGroup, ...]:
    groups = []
    for test_type in _test_types(results.summary):
        only = fmt.load_in_words(
            next(p.phase for p in results.summary.phases if p.phase.test_type is test_type)
        )
        groups.append(
            ChartGroup(
                title=f"Test type {fmt.test_type_label(test_type)}",
                charts=_charts(level_charts.charts_of(results, test_type)),
                empty=f"Measured at one level only, {only}: the phases table has its numbers.",
            )
        )
    return tuple(groups)


def _level_findings(findings: tuple[Finding, ...]) -> html_tables.Table | None:
    """What was found at each load level; None where no metric was judged at several."""
    found = tables.levels_table(findings)
    if not found.rows:
        return None
    caption = "Gated metrics at each load level; the verdict on a metric is that of its worst."
    return html_tables.of_texts("level-findings", caption, found, words=2, empty="")


def _rounds(results: Results) -> html_tables.Table | None:
    """The table of rounds; None where the method knows none."""
    if not results.summary.rounds:
        return None
    return html_tables.of_texts(
        "rounds",
        "Changes as each round shows them alone; control: each side against itself.",
        rounds.table(results),
        words=2,
        empty="",
    )


def _generator_sentence(health: GeneratorHealth) -> str:
    if health.saturated:
        return (
            "The generator was saturated: it, not the target, was the limit. "
            "The numbers of this run must not be compared."
        )
    if health.lag_p99_ms is None and health.cpu_cores_mean is None:
        return "How busy the generator was is not known."
    return "The generator was not saturated."


def _levels_shown(results: Results) -> tuple[str, ...]:
    """The levels of the intervals on the page, lowest first; usually one."""
    summary, comparison = results.summary, results.comparison
    parts = [*(p.metrics for p in summary.phases), *(t.metrics for t in summary.test_types)]
    levels = {metric.level for metrics in parts for metric in metrics if metric.level is not None}
    levels |= {f.change.level for f in (comparison.findings if comparison else ()) if f.change}
    return tuple(fmt.level(level) for level in sorted(levels))
