"""How a paired comparison stands after a round: a table for a terminal, a line for elsewhere."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from govbench.compare.trial import Step, Trial
from govbench.report import blocks
from govbench.report import format as fmt
from govbench.report.layouts.tables import STYLES
from govbench.report.margins import ROUND_LIMITS, margin_band
from govbench.report.words import VERDICTS
from govbench.results.comparison import Change, Finding, Verdict

BAR_WIDTH = 31  # and the table fits into 80 columns
# The scale holds this many margins, unless the change itself is larger: so the bar is seen to narrow.
_MARGINS = 5


def table(trial: Trial) -> RenderableType:
    """Each gated metric with its estimate, its interval against the margin, and the verdict so far."""
    grid = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for header in ("metric, change", "interval ━ over margin ░", "so far"):
        grid.add_column(header, no_wrap=True)
    for finding in trial.findings():
        if finding.gated:
            verdict = Text(_verdict(trial, finding), style=STYLES[VERDICTS[finding.verdict].tone])
            grid.add_row(
                f"{fmt.metric_label(finding.metric)}\n{_change(finding.change)}", _bar(finding), verdict
            )
    return Group(Text(_course(trial), style="bold"), grid)


def line(trial: Trial) -> str:
    """The same in one line."""
    last = trial.rounds[-1]
    number = f"round {len(trial.rounds)} of {trial.plan.rounds}{', confirming' if last.confirms else ''}"
    found = "; ".join(
        f"{fmt.metric_label(f.metric)} {_change(f.change)}{_settled(f)}"
        for f in trial.findings()
        if f.gated and f.change is not None
    )
    return f"{number}: {found or 'nothing measured yet'}"


def _course(trial: Trial) -> str:
    """Rounds done of those that there may be, and what the next is for."""
    done = f"round {len(trial.rounds)} of at most {trial.plan.rounds} is done"
    match trial.step:
        case Step.END:
            return f"{done}; nothing more to measure"
        case Step.CONFIRM:
            names = dict.fromkeys(fmt.metric_label(metric) for _, metric, _ in trial.flagged)
            return f"{done}; the next is to confirm {', '.join(names)}"
        case Step.MEASURE:
            return f"{done}; the next goes on measuring"


def _verdict(trial: Trial, finding: Finding) -> str:
    if (finding.test_type, finding.metric) in {(test_type, metric) for test_type, metric, _ in trial.flagged}:
        return "? being confirmed"
    mark = VERDICTS[finding.verdict]
    return f"{mark.symbol} {mark.label}"


def _settled(finding: Finding) -> str:
    return "" if finding.verdict is Verdict.INCONCLUSIVE else f" {VERDICTS[finding.verdict].label}"


def _change(change: Change | None) -> str:
    """Without the level, which the configuration sets."""
    return fmt.change(change).partition(" at ")[0]


def _bar(finding: Finding) -> str:
    change, margin = finding.change, margin_band(finding)
    if change is None or margin is None:
        return ""
    wanted = max(_MARGINS * margin[1], 1.2 * abs(change.estimate))
    return blocks.interval(
        change.low,
        change.estimate,
        change.high,
        margin=margin,
        limit=next((limit for limit in ROUND_LIMITS if limit >= wanted), ROUND_LIMITS[-1]),
        width=BAR_WIDTH,
    )
