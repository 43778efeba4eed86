"""What verdicts, states and ends are called and marked by, in every report the same. Decides nothing."""

from __future__ import annotations

from govbench.errors import ExitCode
from govbench.report.document import Mark, Tone
from govbench.results.comparison import Finding, Method, Results, ThresholdState, Verdict
from govbench.results.conclusion import Conclusion
from govbench.results.run import Outcome, RunStatus

VERDICTS = {
    Verdict.PASS: Mark(label="pass", symbol="✓", emoji="✅", tone=Tone.GOOD),
    Verdict.IMPROVEMENT: Mark(label="improvement", symbol="▲", emoji="🟢", tone=Tone.GOOD),
    Verdict.REGRESSION: Mark(label="regression", symbol="✗", emoji="❌", tone=Tone.BAD),
    Verdict.INCONCLUSIVE: Mark(label="inconclusive", symbol="?", emoji="❔", tone=Tone.WARN),
    Verdict.NO_BASELINE: Mark(label="no baseline", symbol="○", emoji="⚪", tone=Tone.INFO),
    Verdict.NOT_COMPARABLE: Mark(label="not comparable", symbol="≠", emoji="⚠️", tone=Tone.WARN),
    Verdict.INVALID: Mark(label="invalid", symbol="!", emoji="🚫", tone=Tone.BAD),
}
THRESHOLDS = {
    ThresholdState.MET: Mark(label="met", symbol="✓", emoji="✅", tone=Tone.GOOD),
    ThresholdState.MISSED: Mark(label="missed", symbol="✗", emoji="❌", tone=Tone.BAD),
    ThresholdState.NOT_MEASURED: Mark(label="not measured", symbol="!", emoji="🚫", tone=Tone.WARN),
}
STATUSES = {
    RunStatus.COMPLETED: Mark(label="completed", symbol="●", emoji="⚪", tone=Tone.INFO),
    RunStatus.INTERRUPTED: Mark(label="interrupted", symbol="!", emoji="⚠️", tone=Tone.WARN),
    RunStatus.FAILED: Mark(label="failed", symbol="!", emoji="🚫", tone=Tone.BAD),
}
METHODS = {
    Method.UNPAIRED: "two runs, one after the other",
    Method.PAIRED_ROUNDS: "the same question to both sides, in rounds of fresh instances",
    Method.STORED_WINDOW: "the run against stored runs",
}
EXITS = {
    ExitCode.OK: "success",
    ExitCode.REGRESSION: "a regression, or a threshold missed",
    ExitCode.NOT_MEASURED: "nothing could be measured soundly",
    ExitCode.INTERRUPTED: "interrupted; what was measured is shown",
    ExitCode.TERMINATED: "terminated; what was measured is shown",
    ExitCode.HUNG_UP: "hung up; what was measured is shown",
}
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
# Beside a verdict that may end a job well or badly, as it was asked for.
_LEFT_OPEN = frozenset({Verdict.INCONCLUSIVE, Verdict.NO_BASELINE, Verdict.NOT_COMPARABLE})
_FAILS = frozenset({Verdict.REGRESSION, Verdict.INVALID})


def mark_of(results: Results, conclusion: Conclusion) -> Mark:
    """What the whole report is marked by: its verdict, or how the run ended where nothing was judged."""
    status = results.summary.run.status
    if results.comparison is None and status is not RunStatus.COMPLETED:
        return STATUSES[status]
    if results.comparison is None and conclusion.verdict is Verdict.NO_BASELINE:
        return STATUSES[RunStatus.COMPLETED]
    return VERDICTS[conclusion.verdict]


def finding_mark(finding: Finding) -> Mark:
    """That of a metric; an accepted regression stays one, in a quieter tone."""
    mark = VERDICTS[finding.verdict]
    if not finding.accepted:
        return mark
    return Mark(label=f"{mark.label} (accepted)", symbol=mark.symbol, emoji="☑️", tone=Tone.WARN)


def exit_of(results: Results, conclusion: Conclusion) -> tuple[ExitCode, str]:
    """What the command ends with that judged this, and why; one that was interrupted says only that."""
    if results.summary.run.status is RunStatus.INTERRUPTED:
        return ExitCode.INTERRUPTED, EXITS[ExitCode.INTERRUPTED]
    code = conclusion.exit_code
    judged = results.comparison is not None
    if code is ExitCode.OK and conclusion.verdict in (_LEFT_OPEN | _FAILS if judged else _FAILS):
        return code, f'fail-on does not name "{VERDICTS[conclusion.verdict].label}"'
    return code, EXITS[code]
