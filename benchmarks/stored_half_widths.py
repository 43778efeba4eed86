"""How wide is the interval of the median against 1, 2, 3, ... stored runs, on real loads?

In a git repository of its own: ``govbench run embedded``, ``govbench baseline update --commit``, an empty
commit, and so on. Prints the half width of the 99 % interval of the median of each test type by the number of
stored runs, and beside it the error within the run, which has to be small (2 %) for the bounds to apply.
Exits 1 where a run could not be made, never for a width: those of a busy machine are wide.

    python benchmarks/stored_half_widths.py                            # 7 runs
    python benchmarks/stored_half_widths.py --folder DIR --at-most 2   # goes on there, 2 runs at a time
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from tabulate import tabulate

from govbench.results import codec
from govbench.results.comparison import Comparison, Verdict
from govbench.results.metrics import MetricName

FIRST_BOUND, STEP_UP, WITHIN_BOUND = 0.30, 0.05, 0.02
ROWS = "widths.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """The interval of the median of a test type against so many stored runs; ratios."""

    stored: int
    test_type: str
    verdict: str
    half_width: float | None
    within: float | None
    change: float | None


def widths_of(comparison: Comparison, stored: int) -> list[Width]:
    """One for each test type whose median was judged."""
    return [
        Width(
            stored=stored,
            test_type=finding.test_type.value,
            verdict=finding.verdict.value,
            half_width=half_width(finding.change.low, finding.change.high) if finding.change else None,
            within=finding.candidate.standard_error if finding.candidate else None,
            change=finding.change.estimate if finding.change else None,
        )
        for finding in comparison.findings
        if finding.metric is MetricName.RESPONSE_TIME_P50
    ]


def half_width(low: float, high: float) -> float:
    """Of an interval of relative changes: half of it on log scale, as a ratio."""
    return math.expm1((math.log1p(high) - math.log1p(low)) / 2)


def judged(rows: Sequence[Width]) -> list[tuple[str, str, bool]]:
    """The bounds of each test type: what is bounded, what was measured, whether it is met."""
    return [
        bound
        for test_type in dict.fromkeys(row.test_type for row in rows)
        for bound in _judged(test_type, rows)
    ]


def _judged(test_type: str, rows: Sequence[Width]) -> Iterator[tuple[str, str, bool]]:
    kept = [row for row in rows if row.test_type == test_type]
    widths = [row.half_width for row in kept if row.half_width is not None]
    errors = [row.within for row in kept if row.within is not None]
    if widths:
        text = f"{test_type}: half width against 1 stored run ≤ {FIRST_BOUND:.0%}"
        yield text, f"{widths[0]:.1%}", widths[0] <= FIRST_BOUND
    if len(widths) > 1:
        most = max(after / before - 1 for before, after in pairwise(widths))
        text = f"{test_type}: no step up by more than {STEP_UP:.0%} of itself"
        yield text, f"{most:+.1%}", most <= STEP_UP
    if errors:
        text = f"{test_type}: errors within the runs ≤ {WITHIN_BOUND:.0%}, or these bounds do not apply"
        yield text, f"{max(errors):.1%}", max(errors) <= WITHIN_BOUND


def table(rows: Sequence[Width]) -> str:
    """Widths and bounds as Markdown."""
    heads = ("stored runs", "test type", "half width of p50", "error within the run", "change", "verdict")
    shown = [
        [
            str(row.stored),
            row.test_type,
            *map(_percent, (row.half_width, row.within, row.change)),
            row.verdict,
        ]
        for row in rows
    ]
    bounds = [[text, measured, "met" if met else "missed"] for text, measured, met in judged(rows)]
    return "\n\n".join(
        tabulate(body, headers=names, tablefmt="github", disable_numparse=True)
        for names, body in ((heads, shown), (("bound", "measured", ""), bounds))
    )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _do(command: list[str], folder: Path, *, allowed: tuple[int, ...] = (0,)) -> int:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in allowed:
        raise SystemExit(f"{' '.join(command)} exits {done.returncode}\n{done.stdout}{done.stderr}")
    return done.returncode


def _commit(folder: Path, message: str) -> None:
    _do(["git", "commit", "--quiet", "--allow-empty", "-m", message], folder)


def begin(folder: Path) -> None:
    """An empty repository whose commits have an author."""
    folder.mkdir(parents=True, exist_ok=True)
    _do(["git", "init", "--quiet", "-b", "main"], folder)
    for key, value in (("user.name", "Benchmark"), ("user.email", "benchmark@example.org")):
        _do(["git", "config", key, value], folder)
    (folder / ".gitignore").write_text(f"results/\n{ROWS}\n", encoding="utf-8")
    _do(["git", "add", ".gitignore"], folder)
    _commit(folder, "begin")


def measure(folder: Path, options: list[str]) -> list[Width]:
    """One more run, judged, and stored unless it is a regression."""
    govbench = [sys.executable, "-m", "govbench"]
    _do([*govbench, "run", "embedded", "--quiet", *options], folder, allowed=(0, 1))
    comparison = codec.read(folder / "results" / "latest").comparison
    if comparison is None:
        raise SystemExit("the run was compared with nothing")
    stored = len(list((folder / "baselines").rglob("*.json"))) if (folder / "baselines").is_dir() else 0
    rows = widths_of(comparison, stored) if stored else []
    with (folder / ROWS).open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)
    if comparison.verdict is not Verdict.REGRESSION:
        _do([*govbench, "baseline", "update", "--commit"], folder)
    _commit(folder, "next")
    return rows


def main() -> int:
    """Measure until so many runs are stored, or so many were made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="in all (7)")
    parser.add_argument("--at-most", type=int, default=None, metavar="N", help="of these in this call")
    parser.add_argument("--folder", type=Path, help="keeps the repository, and goes on from there")
    parser.add_argument("--max-users", default="20")
    parser.add_argument("--test-duration", default="20s", help="of each level (20s)")
    asked = parser.parse_args()
    options = ["--max-users", asked.max_users, "--test-duration", asked.test_duration]
    with tempfile.TemporaryDirectory(prefix="govbench-widths-") as name:
        folder = (asked.folder or Path(name)).resolve()
        if not (folder / ".git").is_dir():
            begin(folder)
        made = _made(folder)
        for number in range(made, min(asked.runs, made + (asked.at_most or asked.runs))):
            for row in measure(folder, options):
                print(
                    f"{row.stored} stored, {row.test_type}: {_percent(row.half_width)}, {row.verdict}",
                    flush=True,
                )
            print(f"run {number + 1} of {asked.runs} done", flush=True)
        path = folder / ROWS
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        print(f"\n{table([Width(**json.loads(line)) for line in lines])}")
    return 0


def _made(folder: Path) -> int:
    """How many runs were made in a repository: each ends in a commit of that name."""
    command = ["git", "log", "--format=%s"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split("\n").count("next")


if __name__ == "__main__":
    sys.exit(main())
