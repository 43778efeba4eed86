"""How much anonymous memory does summarising a run take, a sample? At most 100 bytes, whatever its length.

Writes a samples file as a load leaves it, summarises it in a process of its own, and takes the growth of
that process's anonymous memory at its peak (RssAnon, looked at every millisecond; what is mapped from the
file can be dropped at any time and is not counted). ``soak`` is one long phase of one target, ``run`` has
two; ``ab`` is rounds of pairs with their controls, each read and observed as it ends, and all of them
summarised at the end. Exits 1 beyond the bound. Streamed events are not part of it: they take some
40 bytes each on top.

    python benchmarks/summarise_memory.py            # two million samples, about a minute
    python benchmarks/summarise_memory.py --short    # one million
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from govbench.record.pairs import observe
from govbench.record.part import DTYPE
from govbench.record.reader import read_samples
from govbench.record.summarise import Recording, summarise
from govbench.results.plan import Api, Phase, Plan, Query, Scenario, Side, TestType
from govbench.results.run import Environment, Outcome, Provenance, RunInfo, RunStatus, Window
from govbench.results.samples import CODE_OF, KERNEL_CLOCK, Kind, SamplesHeader, kinds_json

MAX_BYTES = 100.0
SAMPLES, SHORT = 2_000_000, 1_000_000
ROUNDS = 4
RATE_RPS = 5_000.0
START_S = 1_780_000_000
LOOK_S = 0.001
NAMES = 5
KINDS = tuple(
    Kind(scenario, category) for scenario in ("citizen", "official") for category in ("a", "b", "c")
)


def make_plan(*, paired: bool, phases: int) -> Plan:
    """Phases of a run, or of a paired comparison."""
    names = ("base", "head", "control", "control of head") if paired else ("candidate",)
    return Plan(
        phases=tuple(
            Phase(name=f"{at}", test_type=TestType.CONCURRENT, users=100, steady_s=60.0, paired=paired)
            for at in range(phases)
        ),
        scenarios=(Scenario(name="citizens", queries=(Query(text="q"),)),),
        sides=tuple(Side(name=name, url="http://127.0.0.1", api=Api.GOVSTACK) for name in names),
    )


def write(folder: Path, count: int, first: int, *, paired: bool, phases: int) -> dict[int, Window]:
    """``count`` records from the ``first`` of the whole run on, evenly spread; the windows of phases."""
    rng = np.random.default_rng(first)
    folder.mkdir(parents=True, exist_ok=True)
    begin_s, length_s = first / RATE_RPS, count / RATE_RPS
    records = np.zeros(count, dtype=DTYPE)
    at_s = np.linspace(begin_s, begin_s + length_s, count, endpoint=False)
    records["due_ns"] = START_S * 10**9 + (at_s * 1e9).astype(np.int64)
    records["send_delay_ms"] = 0.05
    records["last_byte_ms"] = rng.lognormal(np.log(40.0), 0.3, count)
    records["first_byte_ms"] = records["first_token_ms"] = records["last_byte_ms"] * 0.9
    for name in ("first_answer_ms", "dns_ms", "connect_ms", "tls_ms"):
        records[name] = np.nan
    records["lag_ms"], records["input_tokens"], records["output_tokens"] = 0.1, 60, 180
    records["outcome"] = np.where(rng.random(count) < 0.001, CODE_OF[Outcome.HTTP_5XX], CODE_OF[Outcome.OK])
    records["status"], records["flags"] = 200, KERNEL_CLOCK
    records["name"], records["kind"] = np.arange(count) % NAMES, np.arange(count) // 7 % len(KINDS)
    records["connect_ms"][::1000] = 0.3
    if paired:
        pair = np.arange(count) // 2
        is_control = pair % 10 == 0
        base, other = np.where(is_control, pair // 10 % 2, 0), np.where(is_control, 2 + pair // 10 % 2, 1)
        records["side"] = np.where(np.arange(count) % 2, other, base)
        records["user"] = pair % 100
    else:
        records["phase"] = np.arange(count) * phases // count
        records["user"] = rng.integers(0, 100, count)
    with (folder / "samples").open("wb") as file:
        file.write(SamplesHeader(offered=count, dropped=0, sent=count).pack())
        records.tofile(file)
    (folder / "names.json").write_text(json.dumps([f"GET /{at}" for at in range(NAMES)]))
    (folder / "kinds.json").write_text(kinds_json(list(KINDS)))
    return {
        index: Window(
            start_s=START_S + begin_s + index * length_s / phases,
            steady_start_s=START_S + begin_s + (index + 0.05) * length_s / phases,
            steady_end_s=START_S + begin_s + (index + 1) * length_s / phases,
            end_s=START_S + begin_s + (index + 1) * length_s / phases,
        )
        for index in range(phases)
    }


class Peak:
    """The most anonymous memory of this process while a block runs, beyond what it had before."""

    def __enter__(self) -> Peak:
        self.bytes = 0
        self._before, self._stop = _anonymous(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_S):
            self.bytes = max(self.bytes, _anonymous() - self._before)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _anonymous() -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.partition("RssAnon:")[2].split()[0]) * 1024


def recording(folder: Path, plan: Plan, windows: list[dict[int, Window]]) -> Recording:
    """What a load of ``plan`` left in ``folder``, in one go or in rounds."""
    paired = len(windows) > 1
    whole = {
        index: Window(
            start_s=windows[0][index].start_s,
            steady_start_s=windows[0][index].steady_start_s,
            steady_end_s=windows[-1][index].steady_end_s,
            end_s=windows[-1][index].end_s,
        )
        for index in windows[0]
    }
    return Recording(
        info=RunInfo(
            id="memory",
            suite="default",
            suite_version="1",
            profile="ab" if paired else "full",
            status=RunStatus.COMPLETED,
            started_at="2026-06-01T00:00:00Z",
            duration_s=1.0,
            seed=1,
            govbench_version="0",
        ),
        plan=plan,
        targets=(),
        environment=Environment(
            machine_class="m", os="o", os_release="1", architecture="a", cpu_model="c", cores=2,
            memory_bytes=1, python="3", packages={},
        ),
        provenance=Provenance(),
        samples=read_samples(folder),
        windows=whole,
        round_windows=tuple(windows) if paired else (),
    )  # fmt: skip


def write_run(folder: Path, samples: int, *, paired: bool, phases: int) -> list[dict[int, Window]]:
    """The samples of a whole run, in rounds where it is paired; the windows of each round."""
    if not paired:
        return [write(folder, samples, 0, paired=False, phases=phases)]
    share = samples // ROUNDS
    return [
        write(round_folder(folder, number), share, number * share, paired=True, phases=phases)
        for number in range(ROUNDS)
    ]


def round_folder(folder: Path, number: int) -> Path:
    """Where a round has its samples."""
    return folder / f"round-{number:03d}"


def measure(kind: str, name: str, samples: int, windows: list[dict[int, Window]]) -> None:
    """Print what one kind takes; in a process of its own, for freed memory may stay with a process."""
    paired, phases, folder = kind == "ab", len(windows[0]), Path(name)
    plan = make_plan(paired=paired, phases=phases)
    with tempfile.TemporaryDirectory() as small:  # first allocations are no matter of size
        summarise(recording(Path(small), plan, [write(Path(small), 2_000, 0, paired=paired, phases=phases)]))
    began = time.perf_counter()
    with Peak() as peak:
        for number in range(ROUNDS if paired else 0):
            observe(read_samples(round_folder(folder, number)), plan, windows[number])
        summary = summarise(recording(folder, plan, windows))
    took_s = time.perf_counter() - began
    each = peak.bytes / samples
    counted = summary.accounting.ok + summary.accounting.failed == samples
    print(f"{kind:4} {samples:10,} samples  {each:6.1f} bytes each, at most {MAX_BYTES:.0f}  {took_s:6.2f} s")
    sys.exit(0 if counted and each <= MAX_BYTES else 1)


def main() -> int:
    """Measure both kinds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--short", action="store_true")
    samples = SHORT if parser.parse_args().short else SAMPLES
    if not sys.platform.startswith("linux"):
        print("anonymous memory is told by /proc: Linux only")
        return 0
    good = True
    for kind in ("soak", "run", "ab"):
        with tempfile.TemporaryDirectory(prefix="govbench-memory-") as folder:
            windows = write_run(Path(folder), samples, paired=kind == "ab", phases=2 if kind == "run" else 1)
            arguments = (kind, folder, samples, windows)
            process = multiprocessing.get_context("spawn").Process(target=measure, args=arguments)
            process.start()
            process.join()
            good = good and process.exitcode == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
