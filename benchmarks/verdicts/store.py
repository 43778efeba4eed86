"""The finished comparisons of a folder, one line of JSON each, and how one is read from its results."""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from govbench.results.comparison import Results, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import BASE, HEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A comparison that is over: of which kind, with which seed, how the command ended, how long it took."""

    kind: str
    seed: int
    exit_code: int
    wall_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Ended):
    """One comparison: what it said of the median, and what each side's own values were.

    ``change``, ``low`` and ``high`` are the relative change with its interval, ``own_change`` what the
    instances' own clocks say; ``p50_ms`` and ``p95_ms`` are base's and head's, of all requests of the run.
    ``regressed`` and ``improved`` are of any gated metric: beside one that passes it is not the verdict.
    """

    verdict: Verdict = Verdict.INVALID
    regressed: bool = False
    improved: bool = False
    unconfirmed: bool = False
    rounds: int = 0
    load_s: float = 0.0
    p50_ms: tuple[float | None, float | None] = (None, None)
    p95_ms: tuple[float | None, float | None] = (None, None)
    change: float | None = None
    low: float | None = None
    high: float | None = None
    own_change: float | None = None

    def holds(self, change: float | None) -> bool | None:
        """Whether the interval holds a change; None where there is no interval, or no such change."""
        if change is None or self.low is None or self.high is None:
            return None
        return self.low <= change <= self.high


class Store:
    """A folder of finished comparisons: ``runs.jsonl``, and the results.json of each beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "runs.jsonl"

    def runs(self) -> list[Run]:
        """What is finished, in order; a line that a crash cut short is none."""
        if not self._file.exists():
            return []
        lines = self._file.read_text(encoding="utf-8").split("\n")[:-1]
        return [_run_of(json.loads(line)) for line in lines]

    def add(self, run: Run, results: Path | None) -> None:
        """Keep a comparison, and its results.json."""
        if results is not None:
            kept = self.folder / "results"
            kept.mkdir(exist_ok=True)
            shutil.copyfile(results, kept / f"{run.kind}-{run.seed}.json")
        known = "".join(json.dumps(asdict(each)) + "\n" for each in (*self.runs(), run))
        beside = self._file.with_suffix(".new")
        with beside.open("w", encoding="utf-8") as file:
            file.write(known)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._file)


def _run_of(kept: dict[str, Any]) -> Run:
    sides = {name: tuple(kept[name]) for name in ("p50_ms", "p95_ms")}
    verdict = Verdict(kept["verdict"])
    flags = {"regressed": verdict is Verdict.REGRESSION, "improved": verdict is Verdict.IMPROVEMENT}
    return Run(**{**flags, **kept, **sides, "verdict": verdict})


def run_of(ended: Ended, results: Results | None) -> Run:
    """What its results say; invalid where there are none, or nothing was compared."""
    if results is None or results.comparison is None:
        return Run(**asdict(ended))
    comparison, rounds = results.comparison, results.summary.rounds
    changes = (f.change for f in comparison.findings if f.metric is MetricName.RESPONSE_TIME_P50)
    change = next(changes, None)
    gated = {finding.verdict for finding in comparison.findings if finding.gated}
    own = [each.own_effect for each in rounds if each.own_effect is not None]
    return Run(
        **asdict(ended),
        verdict=comparison.verdict,
        regressed=Verdict.REGRESSION in gated,
        improved=Verdict.IMPROVEMENT in gated,
        unconfirmed=any(f.gated and (f.reason or "").startswith("unconfirmed") for f in comparison.findings),
        rounds=len(rounds),
        load_s=sum(each.load_s for each in rounds),
        p50_ms=_sides(results, MetricName.RESPONSE_TIME_P50),
        p95_ms=_sides(results, MetricName.RESPONSE_TIME_P95),
        change=change.estimate if change else None,
        low=change.low if change else None,
        high=change.high if change else None,
        own_change=math.expm1(statistics.fmean(own)) if own else None,
    )


def _sides(results: Results, name: MetricName) -> tuple[float | None, float | None]:
    """A metric of all requests of each side, as a load test of that side alone would report it."""
    base, head = (
        next(
            (
                metric.value
                for each in results.summary.test_types
                if each.side == side
                for metric in each.metrics
                if metric.name is name
            ),
            None,
        )
        for side in (BASE, HEAD)
    )
    return base, head


def known(values: Sequence[float | None]) -> list[float]:
    """Those that were measured."""
    return [value for value in values if value is not None]
