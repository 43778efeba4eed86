"""How long 1,000 stored baselines take to be read: from the work tree, and from a commit.

Beside them lie as many of other machine classes, which are told by their names and not read.

    python benchmarks/read_baselines.py [--short] [--entries N]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path

from govbench.baselines.entries import entry_path, read_window
from govbench.results.baseline import BaselineEntry, BaselineTestType, to_json
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import Accounting, Distribution, Environment
from govbench.results.versions import PlanVersion

MACHINE, OTHER = "linux-x86_64-cpu-4c-16g", "linux-x86_64-other-4c-16g"
FOLDER = Path("baselines")
BOUND_S = 0.5  # for 1,000 entries


def entry_of(number: int) -> BaselineEntry:
    """An entry of two test types, of the usual size."""
    metrics = tuple(
        Metric(name=name, value=12.5 + number, low=12.0, high=14.0 + number, level=0.99, n=900,
               standard_error=0.004)
        for name in sorted(MetricName)[:9]
    )  # fmt: skip
    buckets = tuple((100 + index, 1 + (index * number) % 40) for index in range(90))
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    return BaselineEntry(
        run_id=f"run-{number}",
        suite="default",
        suite_version="1",
        profile="quick",
        commit=sha1(str(number).encode()).hexdigest(),
        committed_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        measured_at="2026-06-01T00:00:00Z",
        govbench_version="0.1.0",
        environment=Environment(
            machine_class=MACHINE, os="Linux", os_release="6.1", architecture="x86_64", cpu_model="CPU",
            cores=4, memory_bytes=16 << 30, python="3.12.1", packages={"govbench": "0.1.0"},
        ),
        accounting=Accounting(offered=900, sent=900, ok=900),
        test_types=tuple(
            BaselineTestType(
                test_type=test_type,
                metrics=metrics,
                distribution=Distribution(gamma=1.02, buckets=buckets),
            )
            for test_type in (TestType.BASELINE, TestType.CONCURRENT)
        ),
        versions={name: PlanVersion(hash="0f3a1c5d7e92") for name in ("baseline", "concurrent")},
    )  # fmt: skip


def store_all(root: Path, count: int) -> int:
    """A repository with that many entries of each of two machine classes; bytes of one class."""
    size = 0
    for number in range(count):
        entry = entry_of(number)
        elsewhere = replace(entry, environment=replace(entry.environment, machine_class=OTHER))
        for each in (entry, elsewhere):
            file = root / FOLDER / entry_path(each)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(to_json(each))
        size += len(to_json(entry))
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), (*author, "commit", "-q", "-m", "all")):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    return size


def cpu_s() -> float:
    """CPU time of this process and of the ones it has waited for: a busy machine does not lengthen it."""
    return sum(os.times()[:4])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--entries", type=int, default=1000)
    parser.add_argument("--short", action="store_true", help="read each once")
    options = parser.parse_args()
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        size = store_all(root, options.entries)
        print(f"{options.entries} entries of {size / options.entries / 1024:.1f} KiB")
        for name, ref in (("work tree", None), ("commit", "main")):
            took, cpu = [], []
            for _ in range(1 if options.short else 5):
                began, spent = time.perf_counter(), cpu_s()
                found = read_window(root, FOLDER, "default", MACHINE, ref=ref)
                took.append(time.perf_counter() - began)
                cpu.append(cpu_s() - spent)
                assert len(found) == options.entries
            bound = BOUND_S * options.entries / 1000
            slow = slow or min(cpu) > bound
            print(f"{name:10} {min(took):.3f} s, of that CPU {min(cpu):.3f} s (bound {bound:.2f} s)")
    return int(slow)


if __name__ == "__main__":
    raise SystemExit(main())
