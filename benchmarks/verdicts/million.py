"""A million pairs: how long does their analysis take, and how much memory, in a process of its own?

Reads the samples, finds the pairs, and estimates the median of their log ratios with its error.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from govbench.config.rounds import round_load
from govbench.config.settings import AbConfig, LoadConfig
from govbench.record.pairs import pair_up
from govbench.record.part import DTYPE
from govbench.record.reader import read_samples
from govbench.results.plan import BASE, HEAD, Api, Plan, Query, Scenario, Side
from govbench.results.run import Outcome
from govbench.results.samples import CODE_OF, KERNEL_CLOCK, SamplesHeader
from govbench.stats import block_ids, paired_median

PAIRS = 1_000_000
USERS = 10
TRUE_CHANGE = 0.03
_STARTED_S = 1_760_000_000
_GAP_S = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What analysing the pairs cost and found; ``effect`` is a log ratio.

    It runs in one thread, so on an idle machine ``took_s`` is ``cpu_s``; on a busy one the latter holds.
    """

    took_s: float
    cpu_s: float
    peak_bytes: int
    pairs: int
    effect: float


def analyse_in_child(folder: Path) -> Analysis:
    """Write the samples, and analyse them in a fresh process."""
    write_samples(folder)
    command = [sys.executable, "-m", "benchmarks.verdicts.million", str(folder)]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=root)
    return Analysis(**json.loads(done.stdout))


def plan() -> Plan:
    """One phase of pairs."""
    url = "http://127.0.0.1:8000"
    names = ("base", "head", "control of base", "control of head")
    return Plan(
        phases=round_load(LoadConfig(), AbConfig(users=USERS)).phases(load_s=60.0, number=0),
        scenarios=(Scenario(name="citizen", queries=(Query(text="How do I renew my passport?"),)),),
        sides=tuple(Side(name=name, url=url, api=Api.GOVSTACK) for name in names),
    )


def write_samples(folder: Path) -> None:
    """Two million records: the users ask one after the other, each both sides in random order."""
    rng = np.random.default_rng(7)
    n = 2 * PAIRS
    records = np.zeros(n, dtype=DTYPE)
    place = np.arange(n)
    turn = place // USERS  # of a user; every second one ends a pair
    records["user"] = place % USERS
    records["due_ns"] = _STARTED_S * 10**9 + (place * _GAP_S * 1e9).astype(np.int64)
    head_first = rng.random((n // (2 * USERS), USERS)) < 0.5
    records["side"] = np.where(head_first[turn // 2, place % USERS] == (turn % 2 == 0), HEAD, BASE)
    times = rng.lognormal(np.log(25.0), 0.15, n)
    records["last_byte_ms"] = np.where(records["side"] == HEAD, times * (1.0 + TRUE_CHANGE), times)
    records["first_byte_ms"] = records["last_byte_ms"] * 0.95
    records["first_token_ms"] = records["dns_ms"] = records["connect_ms"] = records["tls_ms"] = np.nan
    records["status"], records["outcome"], records["flags"] = 200, CODE_OF[Outcome.OK], KERNEL_CLOCK
    header = SamplesHeader(offered=n, dropped=0, sent=n)
    with (folder / "samples").open("wb") as file:
        file.write(header.pack())
        records.tofile(file)
    (folder / "names.json").write_text(json.dumps(["POST /api/v1/chat"]), encoding="utf-8")


def analyse(folder: Path) -> Analysis:
    """From the file to the estimate."""
    asked = plan()
    began, cpu_began = time.perf_counter(), time.process_time()
    pairs = pair_up(read_samples(folder), asked)
    ratios = np.log(pairs.other.response_time_ms) - np.log(pairs.base.response_time_ms)
    estimate = paired_median(ratios, block_ids(pairs.first_s))
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Analysis(
        took_s=took_s,
        cpu_s=cpu_s,
        peak_bytes=peak * (1 if sys.platform == "darwin" else 1024),
        pairs=estimate.n,
        effect=estimate.effect,
    )


def main() -> None:
    """The child: analyse and print."""
    print(json.dumps(asdict(analyse(Path(sys.argv[1])))))


if __name__ == "__main__":
    main()
