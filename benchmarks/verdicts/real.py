"""Real comparisons with ``govbench ab``, one at a time, and the tables of what they came to."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.verdicts import usual
from benchmarks.verdicts.hogs import hogs
from benchmarks.verdicts.rates import Rate, at_share
from benchmarks.verdicts.store import Ended, Run, Store, known, run_of
from benchmarks.verdicts.table import markdown
from govbench.errors import ResultsError
from govbench.results import codec
from govbench.results.comparison import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What both sides are, and how many users ask them; None: the default."""

    target: str = "embedded"
    users: int | None = None

    def slowed(self, factor: float | None) -> str:
        """The target for head."""
        if factor is None:
            return self.target
        return f"{self.target}{',' if ':' in self.target else ':'}slowdown={factor:.2f}"


# Users who ask as many requests at once as 0.3 to 1.5 times what both sides can answer at once. Above 1 the
# excess waits, now at one side and now at the other.
_SERVICE_MS = {1: 50, 2: 40, 3: 40, 4: 40}
_SHARES = (0.3, 0.6, 0.9, 1.2, 1.5)
QUEUES = tuple(
    Setting(
        target=f"embedded:slots={slots},latency={_SERVICE_MS[slots]}ms",
        users=max(1, round(2 * slots * share)),
    )
    for share in _SHARES
    for slots in _SERVICE_MS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of comparison: its option, what the count means, what is asked, whether hogs run beside it.

    The k-th comparison has the k-th of the settings, and begins anew after the last.
    """

    option: str
    meaning: str
    label: str
    slowdown: float | None = None
    beside_hogs: bool = False
    settings: tuple[Setting, ...] = (Setting(),)

    @property
    def change(self) -> float:
        """The true relative change of what one answer takes."""
        return 0.0 if self.slowdown is None else self.slowdown - 1.0


KINDS = (
    Kind(option="aa", meaning="A/A in all, those with hogs and queues included", label="A/A, idle"),
    Kind(
        option="hogs",
        meaning="of them with a CPU hog per core beside",
        label="A/A, CPU hogs beside",
        beside_hogs=True,
    ),
    Kind(
        option="plus5",
        meaning="head slowed by 1.05",
        label="+5 %",
        slowdown=1.05,
    ),
    Kind(
        option="plus10",
        meaning="head slowed by 1.10",
        label="+10 %",
        slowdown=1.10,
    ),
    Kind(
        option="queues",
        meaning="of the A/A on 1 to 4 slots, users for 0.3 to 1.5 times as many",
        label="A/A, 1 to 4 slots",
        settings=QUEUES,
    ),
    Kind(
        option="queues-plus5",
        meaning="head slowed by 1.05 on 1 to 4 slots",
        label="+5 %, 1 to 4 slots",
        slowdown=1.05,
        settings=QUEUES,
    ),
)
_KIND = {kind.option: kind for kind in KINDS}
_AA = frozenset(kind.option for kind in KINDS if kind.slowdown is None)
_SEEDS_PER_KIND = 1000


def order(wanted: Mapping[str, int]) -> list[tuple[str, int]]:
    """Kind and number of every comparison: the kinds mixed evenly, so that part of the list is a fair one."""
    places = [((k + 0.5) / count, kind, k) for kind, count in wanted.items() for k in range(count)]
    return [(kind, k) for _, kind, k in sorted(places)]


def measure(store: Store, wanted: Mapping[str, int], *, max_time: str) -> None:
    """Run what is not finished yet, one comparison at a time."""
    store.folder.mkdir(parents=True, exist_ok=True)
    done = Counter(run.kind for run in store.runs())
    ahead = [(kind, number) for kind, number in order(wanted) if number >= done[kind]]
    began = time.monotonic()
    for count, (kind, number) in enumerate(ahead, start=1):
        run = _compare(store, _KIND[kind], number, max_time)
        change = "" if run.change is None else f" {run.change:+.1%} [{run.low:+.1%}, {run.high:+.1%}]"
        print(
            f"{count:3} of {len(ahead)}, {(time.monotonic() - began) / 60:5.1f} min: {_KIND[kind].label}:"
            f" {run.verdict}{change}, {run.rounds} rounds, {run.load_s:.0f} s of load",
            flush=True,
        )


def _compare(store: Store, kind: Kind, number: int, max_time: str) -> Run:
    seed = _SEEDS_PER_KIND * (1 + KINDS.index(kind)) + number
    setting = kind.settings[number % len(kind.settings)]
    command = [sys.executable, "-m", "govbench", "ab"]
    command += ["--base", setting.target, "--head", setting.slowed(kind.slowdown)]
    command += ["--max-time", max_time, "--seed", str(seed), "--quiet", "--output", "results"]
    command += [] if setting.users is None else ["--users", str(setting.users)]
    with (
        tempfile.TemporaryDirectory(prefix="run-", dir=store.folder) as name,
        contextlib.ExitStack() as beside,
    ):
        if kind.beside_hogs:
            beside.enter_context(hogs(len(os.sched_getaffinity(0)), seed=seed))
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=name)
        wall_s = time.monotonic() - began
        beside.close()
        path = Path(name) / "results" / "latest" / "results.json"
        ended = Ended(kind=kind.option, seed=seed, exit_code=done.returncode, wall_s=wall_s)
        try:
            run = run_of(ended, codec.read(path))
        except ResultsError as error:  # counted as invalid: one failure must not end an hour of others
            print(f"{' '.join(command)}\nexit {done.returncode}: {error}\n{done.stderr}", file=sys.stderr)
            run = run_of(ended, None)
        store.add(run, path if path.exists() else None)
    return run


def is_right(run: Run) -> bool:
    """Whether a verdict is none that is wrong; ``inconclusive`` is none, and a busy machine may force it."""
    right = {Verdict.PASS} if run.kind in _AA else {Verdict.REGRESSION}
    return run.verdict in right | {Verdict.INCONCLUSIVE} and not run.improved


def report(runs: Sequence[Run]) -> str:
    """All tables, as Markdown."""
    if not runs:
        return "Nothing is finished yet."
    groups = [(kind, [run for run in runs if run.kind == kind.option]) for kind in KINDS]
    groups = [(kind, mine) for kind, mine in groups if mine]
    verdicts = [_verdicts(kind.label, mine) for kind, mine in groups]
    alike = [run for run in runs if run.kind in _AA]
    if len({run.kind for run in alike}) > 1:
        verdicts.append(_verdicts("A/A together", alike))
    return "\n\n".join(
        (
            markdown(_VERDICTS, verdicts),
            markdown(_CHANGES, [_changes(kind, mine) for kind, mine in groups]),
            "The usual ways, on the same measurements: called a regression.",
            markdown(_USUAL, [_usual(name, way, runs) for name, way in usual.WAYS.items()]),
        )
    )


_VERDICTS = (
    "real comparison",
    "n",
    "a metric regressed",
    "a metric improved",
    "that n allows at most",
    "pass",
    "inconclusive",
    "invalid",
    "unconfirmed",
)
_CHANGES = (
    "real comparison",
    "median change",
    "by their own clocks",
    "own change inside",
    "nominal change inside",
    "rounds, median / p90",
    "load, median / p90",
    "wall time, median",
)
_USUAL = ("way", "A/A", "+5 %", "+10 %")


def _verdicts(label: str, runs: Sequence[Run]) -> list[str]:
    found = Counter(run.verdict for run in runs)
    worse, better = (sum(each) for each in ([r.regressed for r in runs], [r.improved for r in runs]))
    return [
        label,
        str(len(runs)),
        str(worse),
        str(better),
        f"{Rate(hits=max(worse, better), n=len(runs)).bound:.1%}",
        *(str(found[verdict]) for verdict in (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.INVALID)),
        str(sum(run.unconfirmed for run in runs)),
    ]


def _changes(kind: Kind, runs: Sequence[Run]) -> list[str]:
    rounds, load_s = [run.rounds for run in runs], [run.load_s for run in runs]
    return [
        kind.label,
        _median([run.change for run in runs]),
        _median([run.own_change for run in runs]),
        _share([run.holds(run.own_change) for run in runs]),
        _share([run.holds(kind.change) for run in runs]),
        f"{at_share(rounds, 0.5):.0f} / {at_share(rounds, 0.9):.0f}",
        f"{at_share(load_s, 0.5):.1f} / {at_share(load_s, 0.9):.1f} s",
        f"{statistics.median(run.wall_s for run in runs):.1f} s",
    ]


def _usual(name: str, way: usual.Way, runs: Sequence[Run]) -> list[str]:
    said = (usual.alarms(runs, way, kinds) for kinds in (_AA, frozenset({"plus5"}), frozenset({"plus10"})))
    return [name, *(_share(each) for each in said)]


def _median(values: Sequence[float | None]) -> str:
    measured = known(values)
    return f"{statistics.median(measured):+.1%}" if measured else "–"


def _share(held: Sequence[bool | None]) -> str:
    told = [each for each in held if each is not None]
    return f"{sum(told)} of {len(told)}" if told else "–"
