"""How long does ``govbench compare`` take on two runs of a million requests each (bound: 3 s, 500 MB)?

Writes the samples of both runs in the layout of the load process, summarises them as ``govbench run`` does
and stores the documents; then times the comparison, wall and peak memory, in a process of its own. Exits 1
when a run does not hold as many requests as were written, or the memory bound is missed; never for a time.

    python benchmarks/compare_million.py           # 5 comparisons
    python benchmarks/compare_million.py --short   # 1 comparison
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from govbench import __version__
from govbench.config.environment import environment
from govbench.config.profiles import build_phases, suite_version
from govbench.config.settings import CompareConfig, LoadConfig
from govbench.pipeline.documents import write_documents
from govbench.record.environment import describe_environment
from govbench.record.part import DTYPE
from govbench.record.reader import read_samples
from govbench.record.summarise import Recording, summarise
from govbench.results import codec
from govbench.results.comparison import Results
from govbench.results.plan import Api, Plan, Query, Scenario, Side
from govbench.results.run import Outcome, Provenance, RunInfo, RunStatus, Target, Window
from govbench.results.samples import CODE_OF, KERNEL_CLOCK, SamplesHeader

REQUESTS = 1_000_000
BOUND_S, BOUND_BYTES = 3.0, 500 * 10**6
STARTED_S = 1_760_000_000
URL = "http://127.0.0.1:8000"


def make_plan() -> Plan:
    """The plan of a run with the profile ``full``."""
    return Plan(
        phases=build_phases(LoadConfig(profile="full")),
        scenarios=(Scenario(name="citizen", queries=(Query(text="How do I renew my passport?"),)),),
        sides=(Side(name="candidate", url=URL, api=Api.GOVSTACK),),
    )


def make_windows(plan: Plan) -> dict[int, Window]:
    """The phases one after the other, each exactly as long as planned."""
    windows, start = {}, float(STARTED_S)
    for index, phase in enumerate(plan.phases):
        steady = start + phase.warmup_s
        end = start + phase.duration_s
        windows[index] = Window(
            start_s=start, steady_start_s=steady, steady_end_s=steady + phase.steady_s, end_s=end
        )
        start = end
    return windows


def write_samples(folder: Path, plan: Plan, windows: dict[int, Window], seed: int) -> None:
    """``REQUESTS`` records spread evenly: log-normal times around 40 ms, one in a thousand a 5xx."""
    rng = np.random.default_rng(seed)
    at_s = np.linspace(0.0, plan.duration_s, REQUESTS, endpoint=False)
    starts = np.array([window.start_s - STARTED_S for window in windows.values()])
    phase = np.searchsorted(starts, at_s, side="right") - 1
    failed = rng.random(REQUESTS) < 0.001
    records = np.zeros(REQUESTS, dtype=DTYPE)
    records["due_ns"] = STARTED_S * 10**9 + (at_s * 1e9).astype(np.int64)
    records["send_delay_ms"] = 0.05
    records["last_byte_ms"] = rng.lognormal(np.log(40.0), 0.3, REQUESTS)
    records["first_byte_ms"] = records["last_byte_ms"] * 0.95
    records["first_token_ms"] = records["dns_ms"] = records["connect_ms"] = records["tls_ms"] = np.nan
    records["lag_ms"] = 0.1
    records["response_bytes"], records["request_bytes"] = 900, 300
    records["input_tokens"], records["output_tokens"] = 60, 180
    records["status"] = np.where(failed, 500, 200)
    users = np.array([each.users for each in plan.phases])
    records["user"] = rng.integers(0, users[phase])
    records["phase"] = phase
    records["outcome"] = np.where(failed, CODE_OF[Outcome.HTTP_5XX], CODE_OF[Outcome.OK])
    records["flags"] = KERNEL_CLOCK
    header = SamplesHeader(offered=REQUESTS, dropped=0, sent=REQUESTS)
    with (folder / "samples").open("wb") as file:
        file.write(header.pack())
        records.tofile(file)
    (folder / "names.json").write_text(json.dumps(["POST /api/v1/chat"]), encoding="utf-8")


def make_run(folder: Path, seed: int) -> float:
    """One run folder, as ``govbench run`` leaves it; the seconds that summarising took."""
    folder.mkdir()
    plan = make_plan()
    windows = make_windows(plan)
    write_samples(folder, plan, windows, seed)
    began = time.perf_counter()
    summary = summarise(
        Recording(
            info=RunInfo(
                id=folder.name,
                suite="default",
                suite_version=suite_version(plan.phases, plan.scenarios),
                profile="full",
                status=RunStatus.COMPLETED,
                started_at=datetime.fromtimestamp(STARTED_S, UTC).isoformat().replace("+00:00", "Z"),
                duration_s=plan.duration_s,
                seed=seed,
                govbench_version=__version__,
            ),
            plan=plan,
            targets=(Target(name="candidate", form=URL, url=URL, api=Api.GOVSTACK.value),),
            environment=describe_environment(environment()),
            provenance=Provenance(),
            samples=read_samples(folder),
            windows=windows,
        )
    )
    took_s = time.perf_counter() - began
    write_documents(Results(summary=summary), folder, fail_on=CompareConfig().fail_on)
    return took_s


def compare(baseline: Path, candidate: Path) -> tuple[float, int, str]:
    """Seconds, peak bytes and verdict of one ``govbench compare``."""
    command = [sys.executable, "-m", "govbench", "compare", str(baseline), str(candidate), "--json"]
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, cwd=baseline.parent)
        _, _, usage = os.wait4(process.pid, 0)
        took_s = time.perf_counter() - began
        process.returncode = 0  # waited for above: Popen must not do it again
        output.seek(0)
        verdict = json.load(output)["comparison"]["verdict"]
    return took_s, peak_bytes(usage), verdict


def peak_bytes(usage: resource.struct_rusage) -> int:
    """Peak resident memory; Linux counts it in KiB, macOS in bytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    """Make the runs, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--make", nargs=2, metavar=("FOLDER", "SEED"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        folder, seed = Path(asked.make[0]), int(asked.make[1])
        print(f"summarised {folder.name}     {make_run(folder, seed):6.2f} s")
        return 0
    with tempfile.TemporaryDirectory(prefix="govbench-million-") as name:
        runs = [Path(name) / "A", Path(name) / "B"]
        for number, run in enumerate(runs):
            # In a child: a process that is started inherits the peak memory of the one that starts it.
            subprocess.run([sys.executable, __file__, "--make", str(run), str(number)], check=True)
        counts = [codec.read(run).summary.accounting for run in runs]
        results = [compare(runs[0], runs[1]) for _ in range(1 if asked.short else 5)]
    took_s, peak = statistics.median(r[0] for r in results), max(r[1] for r in results)
    kept = "met" if took_s <= BOUND_S else "missed"
    print(f"compared         {took_s:6.2f} s    bound {BOUND_S:.0f} s: {kept}")
    print(f"peak memory      {peak / 1e6:6.0f} MB   bound {BOUND_BYTES / 1e6:.0f} MB")
    print(f"verdict of equals: {results[0][2]}")
    whole = all(count.sent == REQUESTS and count.balanced and not count.lost for count in counts)
    return 0 if whole and peak <= BOUND_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
