"""``govbench selftest``."""

from __future__ import annotations

import json
import math
from typing import Annotated, Final

import typer

from govbench.cli.options import NoColorOption, Output, QuietOption, VerboseOption
from govbench.cli.progress import ShownProgress
from govbench.config.environment import environment
from govbench.errors import ExitCode
from govbench.pipeline.selftest.checks import Check, Figure, SelfTest, State, Unit
from govbench.pipeline.selftest.command import selftest

_HEAD: Final = ("check", "figure", "measured", "truth", "difference", "bound", "")
_COLORS: Final = {
    State.OK: "green",
    State.FAILED: "red",
    State.INCONCLUSIVE: "yellow",
    State.SKIPPED: "yellow",
}
_TEXT_COLUMNS: Final = 2  # the others are numbers, flush right


def command(
    short: Annotated[bool, typer.Option("--short", help="Half a minute instead of two and a half.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> None:
    """Prove the load generator's accuracy on this machine, and tell its capacity.

    Puts short loads on a server of govbench's own that notes every instant itself, and compares what was
    measured with that truth. A check that fails is made once more. Exits 0 when every check that this
    machine allows comes out well, else 3.

    Examples:

      govbench selftest

      govbench selftest --short --json
    """
    how = Output(verbose=verbose, quiet=quiet, no_color=no_color)
    finished = selftest(short=short, environ=environment(), progress=ShownProgress(how))
    typer.echo(to_json(finished) if as_json else to_text(finished, color=how.color))
    raise typer.Exit(ExitCode.OK if finished.passed else ExitCode.NOT_MEASURED)


def to_text(finished: SelfTest, *, color: bool = False) -> str:
    """The checks as a table, a line per figure, then what they come to."""
    rows = [row for check in finished.checks for row in _rows(check)]
    widths = [max(len(row[i]) for row in (_HEAD, *rows)) for i in range(len(_HEAD))]
    lines = [_line(row, widths, color=color) for row in (_HEAD, *rows)]
    notes = [f"{check.name}: {check.reason}" for check in finished.checks if check.reason]
    return "\n".join([*lines, "", *notes, *_conclusion(finished)])


def to_json(finished: SelfTest) -> str:
    """The same for programs; what is unbounded or was not measured is null."""
    capacity = finished.capacity
    body = {
        "passed": finished.passed,
        "duration_s": round(finished.duration_s, 1),
        "checks": [_check_json(check) for check in finished.checks],
        "capacity": capacity
        and {
            "requests_rps": round(capacity.requests_rps, 1),
            "cpu_us_per_request": round(capacity.cpu_us_per_request, 2),
            "cpu_share": round(capacity.cpu_share, 3),
            "connections": capacity.connections,
        },
    }
    return json.dumps(body, indent=1, ensure_ascii=False)


def _conclusion(finished: SelfTest) -> list[str]:
    counts = {state: sum(check.state is state for check in finished.checks) for state in State}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    lines = [f"{len(finished.checks)} checks in {finished.duration_s:.0f} s: {told}"]
    if finished.capacity:
        return [*lines, finished.capacity.sentence]
    return [*lines, "capacity not measured: the server and the load process need a core each"]


def _rows(check: Check) -> list[tuple[str, ...]]:
    shown = f"{_state(check.state)} (2nd try)" if check.tries > 1 else _state(check.state)
    if not check.figures:
        return [(check.name, "", "", "", "", "", shown)]
    rows = []
    for number, figure in enumerate(check.figures):
        mark = shown if figure.holds == (check.state is State.OK) else _state(State.OK)
        rows.append((check.name if number == 0 else "", *_numbers(figure), mark))
    return rows


def _state(state: State) -> str:
    return state.upper() if state is State.FAILED else state.value


def _numbers(figure: Figure) -> tuple[str, ...]:
    sign = "+" if figure.unit is Unit.MS else ""
    return (
        figure.name,
        _number(figure.measured, figure.unit),
        _number(figure.truth, figure.unit),
        _number(figure.difference, figure.unit, sign=sign),
        _bound(figure),
    )


def _number(value: float | None, unit: Unit, *, sign: str = "") -> str:
    if value is None:
        return "–"
    return f"{value:{sign},.2f} ms" if unit is Unit.MS else f"{value:,.0f}"


def _bound(figure: Figure) -> str:
    if figure.unit is Unit.COUNT:
        return "at most" if figure.low < 0 else "at least" if figure.high > 0 else "equal"
    low, high = f"{abs(figure.low):.2f}", f"{figure.high:.2f}"
    return f"±{high} ms" if low == high else f"+{high} −{low} ms"


def _line(row: tuple[str, ...], widths: list[int], *, color: bool) -> str:
    cells = [
        cell.ljust(width) if i < _TEXT_COLUMNS or i == len(row) - 1 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    if color and row is not _HEAD:
        word = row[-1].partition(" ")[0].lower()
        cells[-1] = typer.style(row[-1], fg=_COLORS[State(word)])
    return "  ".join(cells).rstrip()


def _check_json(check: Check) -> dict[str, object]:
    return {
        "name": check.name,
        "state": check.state.value,
        "reason": check.reason,
        "tries": check.tries,
        "figures": [
            {
                "name": figure.name,
                "unit": figure.unit.value,
                "measured": figure.measured,
                "truth": figure.truth,
                "difference": figure.difference,
                "low": _finite(figure.low),
                "high": _finite(figure.high),
                "holds": figure.holds,
                "server_late_ms": figure.late_ms,
            }
            for figure in check.figures
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
