"""Does ``govbench demo`` end within 75 seconds?

Prints how long each demo took, its verdict and exit code. Exits 1 when one wrote no result or its requests do
not add up, never for a time.

    python benchmarks/demo_time.py           # 3 demos
    python benchmarks/demo_time.py --short   # 1 demo
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from govbench.errors import ResultsError
from govbench.results import codec

BOUND_S = 75.0


def demo(folder: Path) -> bool:
    """Run one; whether its result is there and adds up."""
    command = [sys.executable, "-m", "govbench", "demo", "--quiet", "--output", str(folder)]
    began = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    took_s = time.perf_counter() - began
    try:
        results = codec.read(folder / "latest")
    except ResultsError as error:
        print(f"exit {done.returncode}: {error}\n{done.stderr}")
        return False
    verdict = results.comparison.verdict if results.comparison else None
    kept = "met" if took_s <= BOUND_S else "missed"
    print(
        f"{took_s:6.1f} s   bound {BOUND_S:.0f} s: {kept}   {verdict}, exit {done.returncode}, "
        f"{results.summary.accounting.sent:,} requests",
        flush=True,
    )
    return results.summary.accounting.balanced


def main() -> int:
    """Run all demos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--short", action="store_true")
    times = 1 if parser.parse_args().short else 3
    with tempfile.TemporaryDirectory(prefix="govbench-demo-") as name:
        good = [demo(Path(name)) for _ in range(times)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
