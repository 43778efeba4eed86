"""The report in GitHub's Markdown, for pull request comments and job summaries. Posts nothing itself.

Names come from pull requests, so every text that is not ours is escaped until it can neither break the
layout, nor mention a person, nor link to an issue or a site.
"""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from govbench.report import circumstances, rounds, tables
from govbench.report import format as fmt
from govbench.report.explanations import explained, notes
from govbench.report.tables import Table
from govbench.results.comparison import Results, Verdict
from govbench.results.run import RunStatus, RunSummary

_SYMBOLS = {
    Verdict.PASS: "✅",
    Verdict.IMPROVEMENT: "🟢",
    Verdict.REGRESSION: "❌",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.NO_BASELINE: "⚪",
    Verdict.NOT_COMPARABLE: "⚠️",
    Verdict.INVALID: "🚫",
}
_STATUS_SYMBOLS = {RunStatus.COMPLETED: "⚪", RunStatus.INTERRUPTED: "⚠️", RunStatus.FAILED: "🚫"}

# As character references these stand for themselves only. A zero-width space is what keeps GitHub from
# reading a mention, a reference or a link: it looks for those after the references are resolved.
_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        **{character: f"&#{ord(character)};" for character in "\\`*_[]|~$"},
        "@": "@&#8203;",
        "#": "#&#8203;",
    }
)
_LINK_STARTS = (("://", ":&#8203;//"), ("www.", "www&#8203;."), ("GH-", "GH&#8203;-"), ("gh-", "gh&#8203;-"))

_TEMPLATES = Environment(
    loader=PackageLoader("govbench.report"),
    autoescape=False,  # noqa: S701 - Markdown, not HTML: escape() is a filter of its own
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A folded part of the report: its title, and Markdown that is escaped already."""

    title: str
    body: str


def render(results: Results) -> str:
    """The whole report: verdict, what changed, thresholds, what could be seen; then folded details."""
    comparison = results.comparison
    found = () if comparison is None else tables.ordered(comparison)
    changed = tuple(
        f for f in found if f.verdict in tables.CHANGED or (f.gated and f.verdict is not Verdict.PASS)
    )
    unchanged = sum(1 for f in found if f not in changed)
    text = _TEMPLATES.get_template("report.md.j2").render(
        symbol=_symbol(results),
        headline=escape(fmt.headline(results)),
        compared=None if comparison is None else escape(circumstances.comparison_sentence(comparison)),
        changed=_table(tables.findings_table(changed)),
        unchanged=unchanged,
        thresholds="" if comparison is None else _table(tables.thresholds_table(comparison)),
        detectable=None if comparison is None else fmt.mde_sentence(comparison),
        remarks=[f"{mark} {escape(fmt.one_line(text))}" for mark, text in _remarks(results)],
        chart=mermaid(results.summary),
        chart_sides=circumstances.side_count(results.summary),
        sections=_sections(results),
    )
    return text.rstrip("\n") + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no mention, no reference, no link."""
    escaped = text.translate(_ESCAPES)
    for start, broken in _LINK_STARTS:
        escaped = escaped.replace(start, broken)
    return escaped


def mermaid(summary: RunSummary) -> str | None:
    """The p50 by number of users as a mermaid chart, a line per side; None below two levels.

    A line has no gaps, so a level counts only where every side was measured.
    """
    levels = [(users, p50s) for users, p50s in tables.p50_by_users(summary) if None not in p50s]
    if len(levels) < 2:
        return None
    largest = max(p50 for _, p50s in levels for p50 in p50s if p50 is not None)
    lines = [
        f"    line [{', '.join(map(fmt.number, side))}]"
        for side in zip(*(p50s for _, p50s in levels), strict=True)
    ]
    return "\n".join(
        [
            '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#4477aa, #cc6677"}}}}%%',
            "xychart-beta",
            '    title "response time p50 by users"',
            f'    x-axis "users" [{", ".join(str(users) for users, _ in levels)}]',
            f'    y-axis "ms" 0 --> {fmt.number(largest * 1.1)}',
            *lines,
        ]
    )


def _symbol(results: Results) -> str:
    if results.comparison is None:
        return _STATUS_SYMBOLS[results.summary.run.status]
    return _SYMBOLS[results.comparison.verdict]


def _remarks(results: Results) -> list[tuple[str, str]]:
    """What a reader should know: warnings of the run first, then notes on the comparison."""
    noted = () if results.comparison is None else notes(results.comparison)
    return [("⚠️", text) for text in results.summary.warnings] + [("ℹ️", text) for text in noted]


def _sections(results: Results) -> list[_Section]:
    summary = results.summary
    sections = [
        _Section(title="What moved with it", body=_explanations(results)),
        _Section(title="All metrics", body=_all_metrics(results)),
        _Section(title="Each load level", body=_levels(results)),
        _Section(title="Rounds", body=_table(rounds.table(results))),
        _Section(title="Phases", body=_table(tables.phases_table(summary))),
        _Section(title="Where every request went", body=_accounting(summary)),
        _Section(title="Generator, resources and environment", body=_environment(summary)),
    ]
    return [section for section in sections if section.body]


def _explanations(results: Results) -> str:
    found = () if results.comparison is None else explained(tables.ordered(results.comparison))
    return "\n\n".join(
        "\n".join([f"{escape(one.metrics)}:", "", *(f"- {escape(text)}" for text in one.sentences)])
        for one in found
    )


def _all_metrics(results: Results) -> str:
    if results.comparison is None or not results.comparison.findings:
        return _table(tables.metrics_table(results.summary))
    found = tables.ordered(results.comparison)
    return f"{_table(tables.findings_table(found))}\n\n{_table(tables.reasons_table(found))}"


def _levels(results: Results) -> str:
    found = () if results.comparison is None else tables.ordered(results.comparison)
    return _table(tables.levels_table(found))


def _accounting(summary: RunSummary) -> str:
    equation = escape(fmt.accounting_equation(summary.accounting))
    return f"{equation}\n\n{_table(tables.accounting_table(summary.accounting))}"


def _environment(summary: RunSummary) -> str:
    code = circumstances.provenance_sentence(summary.provenance)
    lines = [
        f"Run: {circumstances.run_sentence(summary)}",
        *([f"Code: {code}"] if code else []),
        f"Machine: {circumstances.environment_sentence(summary.environment)}",
        f"Generator: {circumstances.generator_sentence(summary.generator)}",
    ]
    listed = "\n".join(f"- {escape(line)}" for line in lines)
    found = [_table(tables.resources_table(summary)), _table(tables.tokens_table(summary))]
    return "\n\n".join([listed, *(table for table in found if table)])


def _table(table: Table) -> str:
    return tables.pipe_table(table, escape=escape) if table.rows else ""
