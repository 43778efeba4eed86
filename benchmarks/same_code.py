"""Same code, measured twice: how often does ``govbench compare`` raise a false alarm?

Measures the embedded API in pairs of runs (``--tries`` of them) and compares the two of each pair, then
measures it once more slowed by 1.5. Prints one line per pair and the counts; exits 1 when a pair of equals is
called anything but ``pass`` or ``inconclusive``, or the slow one is not called a regression.

    python benchmarks/same_code.py --tries 10      # 22 minutes
    python benchmarks/same_code.py --short         # a quarter of a minute a run, 2 tries
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

SHORT = ["--test-types", "concurrent", "--max-users", "10", "--test-duration", "8s"]


def measure(target: str, folder: Path, options: list[str]) -> Path:
    """Run once; the run folder."""
    command = [sys.executable, "-m", "govbench", "run", target, "--quiet", "--output", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return (folder / "latest").resolve()


def compare(baseline: Path, candidate: Path, folder: Path) -> tuple[str, int]:
    """The overall verdict and the exit code of ``govbench compare``."""
    command = [sys.executable, "-m", "govbench", "compare", str(baseline), str(candidate), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if not done.stdout:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)["comparison"]["verdict"], done.returncode


def main() -> int:
    """Run all pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument("--short", action="store_true")
    asked = parser.parse_args()
    tries, options = (min(asked.tries, 2), SHORT) if asked.short else (asked.tries, [])
    verdicts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="govbench-same-") as name:
        folder = Path(name)
        for number in range(tries):
            first = measure("embedded", folder, options)
            second = measure("embedded", folder, options)
            verdict, code = compare(first, second, folder)
            verdicts[verdict] += 1
            print(f"{number + 1:3} of {tries}: {verdict} (exit {code})", flush=True)
        slow = measure("embedded:slowdown=1.5", folder, options)
        slow_verdict, slow_code = compare(second, slow, folder)
    print(f"same code: {dict(verdicts)}")
    print(f"slowed by 1.5: {slow_verdict} (exit {slow_code})")
    quiet = set(verdicts) <= {"pass", "inconclusive"}
    return 0 if quiet and (slow_verdict, slow_code) == ("regression", 1) else 1


if __name__ == "__main__":
    sys.exit(main())
