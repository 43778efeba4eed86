"""The command line of the benchmark: which figures of which clients, how often, and where the result goes."""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
from pathlib import Path

from benchmarks.generator import environment, table, targets
from benchmarks.generator.clients.base import Client
from benchmarks.generator.clients.registry import CLIENTS
from benchmarks.generator.figures import FIGURES, Bench, Unavailable
from benchmarks.generator.measure import Cores
from benchmarks.generator.results import Results


def main() -> int:
    """Measure and print; 0 also when a target is missed, for this is a measurement and not a gate."""
    asked = _parse()
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("this benchmark pins client and server to different cores: it needs two")
    _raise_file_limit()
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, {cores.server})
    clients = [client for client in CLIENTS if client.name in asked.clients]
    results = Results(environment=environment.describe(clients))
    with tempfile.TemporaryDirectory(prefix="govbench-generator-") as folder:
        bench = Bench(seconds=asked.seconds, cores=cores, folder=Path(folder))
        for figure in asked.only:
            _measure_figure(figure, clients, bench, asked.rounds, results)
    judged = targets.judge(results)
    print(table.render(results, judged))
    if asked.json:
        asked.json.write_text(json.dumps(results.as_json(judged), indent=2) + "\n", encoding="utf-8")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often every client has its turn (5)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each measured window (5)")
    parser.add_argument("--only", type=_names(tuple(FIGURES)), default=tuple(FIGURES), metavar="FIGURE,...")
    names = tuple(client.name for client in CLIENTS)
    parser.add_argument("--clients", type=_names(names), default=names, metavar="NAME,...")
    parser.add_argument("--short", action="store_true", help="one round of 2 s windows")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all rounds to FILE")
    asked = parser.parse_args()
    if asked.short:
        asked.rounds, asked.seconds = 1, 2.0
    if asked.rounds < 1 or not asked.seconds > 0:
        parser.error("--rounds and --seconds must be positive")
    return asked


class _names:  # noqa: N801 - reads as a function where it is used
    """Converts ``a,b`` to a tuple of known names."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self._known = known

    def __call__(self, text: str) -> tuple[str, ...]:
        chosen = tuple(part.strip() for part in text.split(",") if part.strip())
        if not chosen or not set(chosen) <= set(self._known):
            raise argparse.ArgumentTypeError(f"{text!r}: choose from {', '.join(self._known)}")
        return chosen


def _measure_figure(figure: str, clients: list[Client], bench: Bench, rounds: int, results: Results) -> None:
    """All clients in turn within each round, so that a drift of the machine meets all of them alike."""
    skipped: set[str] = set()
    for number in range(rounds):
        for row in FIGURES[figure](clients):
            if row.name in skipped:
                continue
            try:
                values = row.measure(bench)
            except (Unavailable, RuntimeError) as reason:
                skipped.add(row.name)
                failed = isinstance(reason, RuntimeError)
                results.skip(
                    figure, row.name, f"failed in round {number + 1}: {reason}" if failed else str(reason)
                )
                continue
            results.add(figure, row.name, values)
            print(f"{figure} round {number + 1}/{rounds} {row.name}: {table.brief(values)}", flush=True)


def _raise_file_limit() -> None:
    """10,000 connections need as many descriptors on both sides; children inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
