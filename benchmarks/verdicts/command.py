"""The command line: what to simulate or to measure, and where the result goes."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.verdicts import bounds, real, table, year_table
from benchmarks.verdicts.drawn import KINDS, Kind
from benchmarks.verdicts.histories import MODES, Count, replay_all
from benchmarks.verdicts.million import analyse_in_child
from benchmarks.verdicts.recorded import read
from benchmarks.verdicts.simulated import SCENARIOS, Tally, simulate_all
from benchmarks.verdicts.store import Store
from benchmarks.verdicts.world import Scenario
from benchmarks.verdicts.year import Tally as YearTally
from benchmarks.verdicts.year import simulate_years

SHORT_RUNS = 100
SHORT_YEARS = 0.2  # of those of the long form that bounds are of, at least one of each kind
SHORT_SCENARIOS = frozenset(
    {
        "A/A, 60 s",
        "A/A, heavy tails (t3)",
        "+5 %, 30 s",
        "+10 %, 30 s",
        "+10 %, 60 s",
        "A/A, 4 slots, 10 users",
    }
)


def main() -> int:
    """Do what was asked."""
    asked = _parse()
    match asked.what:
        case "simulated":
            return _simulated(asked)
        case "real":
            return _real(asked)
        case "histories":
            return _histories(asked)
        case "year":
            return _year(asked)
        case _:
            print(real.report(Store(asked.folder).runs()))
            return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    ways = parser.add_subparsers(dest="what", required=True)
    simulated = ways.add_parser("simulated", help="error rates of simulated comparisons")
    simulated.add_argument("--runs", type=int, default=5000, help="comparisons per scenario (5000)")
    simulated.add_argument("--only", default="", metavar="TEXT", help="scenarios whose names contain it")
    simulated.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    simulated.add_argument("--short", action="store_true", help=f"{SHORT_RUNS} of the chief scenarios")
    simulated.add_argument("--json", type=Path, metavar="FILE", help="also write every rate to FILE")
    measured = ways.add_parser("real", help="run govbench ab again and again")
    for kind in real.KINDS:
        measured.add_argument(f"--{kind.option}", type=int, default=0, metavar="N", help=kind.meaning)
    measured.add_argument("--max-time", default="30s", help="of each comparison (30s)")
    measured.add_argument("--folder", type=Path, help="keeps what is finished, and goes on from there")
    measured.add_argument("--short", action="store_true", help="one A/A and one +10 %%, for CI")
    recorded = ways.add_parser("histories", help="replay recorded histories with the stored baselines' rules")
    recorded.add_argument("--file", type=Path, required=True, help="gzipped JSON: README.md says its form")
    recorded.add_argument("--seeds", type=int, default=5, help="replays of each history (5)")
    recorded.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    years = ways.add_parser("year", help="stored baselines over simulated years whose truth is known")
    years.add_argument("--times", type=float, default=1.0, help="so many times as many years (1)")
    years.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    years.add_argument("--short", action="store_true", help="a fifth of the years that bounds are of, for CI")
    shown = ways.add_parser("table", help="the tables of what a folder holds so far")
    shown.add_argument("--folder", type=Path, required=True)
    asked = parser.parse_args()
    if asked.what == "real" and not asked.short and asked.folder is None:
        parser.error("real needs a --folder")
    if asked.what == "real" and asked.hogs + asked.queues > asked.aa:
        parser.error("--hogs and --queues count those of --aa that have hogs beside them, or queues in them")
    return asked


def _simulated(asked: argparse.Namespace) -> int:
    """1 in the short form where chance does not explain a missed bound; else this is a measurement."""
    scenarios = [
        s for s in SCENARIOS if asked.only in s.name and (not asked.short or s.name in SHORT_SCENARIOS)
    ]
    if not scenarios:
        raise SystemExit(f"no scenario is called like {asked.only!r}")
    runs = SHORT_RUNS if asked.short else asked.runs
    tallies = _tallies(scenarios, runs, asked.processes)
    with tempfile.TemporaryDirectory(prefix="govbench-verdicts-") as folder:
        analysis = analyse_in_child(Path(folder))
    judged = bounds.judge({tally.scenario.name: tally for tally in tallies}, analysis)
    print(f"\n{table.simulated(tallies)}\n\n{table.bounds(judged)}")
    if asked.json:
        document = table.as_json(tallies, judged)
        asked.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 1 if asked.short and any(each.clearly_missed for each in judged) else 0


def _tallies(scenarios: list[Scenario], runs: int, processes: int) -> list[Tally]:
    found = []
    began = time.monotonic()
    for tally in simulate_all(scenarios, runs, processes=processes):
        found.append(tally)
        print(
            f"{len(found):2} of {len(scenarios)}, {time.monotonic() - began:4.0f} s: {table.brief(tally)}",
            flush=True,
        )
    return found


def _histories(asked: argparse.Namespace) -> int:
    series = read(asked.file)
    counts = {mode: Count() for mode in MODES}
    began = time.monotonic()
    for number, found in enumerate(replay_all(series, seeds=asked.seeds, processes=asked.processes), start=1):
        for mode, count in found.items():
            counts[mode].add(count)
        print(f"{number:3} of {len(series)}, {time.monotonic() - began:4.0f} s", flush=True)
    print(f"\n{table.histories(counts, asked.seeds)}\n\n{table.bounds(bounds.judge_histories(counts))}")
    return 0


def _year(asked: argparse.Namespace) -> int:
    """1 in the short form where chance does not explain a missed bound; else this is a measurement."""
    share = SHORT_YEARS if asked.short else asked.times
    kinds = [
        replace(kind, years=max(1, round(kind.years * share)))
        for kind in KINDS
        if kind.bounded or kind.may_pass or not asked.short
    ]
    tallies: dict[Kind, YearTally] = {kind: YearTally() for kind in kinds}
    began, number = time.monotonic(), sum(kind.years for kind in kinds)
    for done, (kind, tally) in enumerate(simulate_years(kinds, processes=asked.processes), start=1):
        tallies[kind].add(tally)
        print(f"{done:3} of {number}, {time.monotonic() - began:4.0f} s: {kind.name}", flush=True)
    judged = bounds.judge_years(tallies)
    print(f"\n{year_table.years(tallies)}\n\n{year_table.passes()}\n\n{table.bounds(judged)}")
    return 1 if asked.short and any(each.clearly_missed for each in judged) else 0


def _real(asked: argparse.Namespace) -> int:
    """1 in the short form where a verdict is wrong or a comparison could not be made."""
    if asked.short:
        with tempfile.TemporaryDirectory(prefix="govbench-verdicts-") as folder:
            store = Store(Path(folder))
            real.measure(store, {"aa": 1, "plus10": 1}, max_time=asked.max_time)
            print(real.report(store.runs()))
            return 0 if all(real.is_right(run) for run in store.runs()) else 1
    store = Store(asked.folder)
    wanted = {kind.option: _count(asked, kind.option) for kind in real.KINDS}
    wanted["aa"] -= wanted["hogs"] + wanted["queues"]
    real.measure(store, wanted, max_time=asked.max_time)
    print(real.report(store.runs()))
    return 0


def _count(asked: argparse.Namespace, option: str) -> int:
    count: int = getattr(asked, option.replace("-", "_"))
    return count
