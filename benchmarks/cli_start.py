"""How long does ``govbench --help`` take against importing the command line library alone?

Both are started in turns, so that a busy machine slows both alike. Prints the medians and their ratio
(target: at most 3). Exits 1 only when the help fails or leaves a command out, never for a time.

    python benchmarks/cli_start.py           # 15 rounds
    python benchmarks/cli_start.py --short   # 5 rounds
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from govbench.cli.main import COMMANDS

TARGET_RATIO = 3.0
HELP = [sys.executable, "-m", "govbench", "--help"]
PEER = [sys.executable, "-c", "import typer"]


def seconds(command: list[str]) -> float:
    """Wall time of one call that must succeed."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--short", action="store_true")
    rounds = 5 if parser.parse_args().short else 15
    text = subprocess.run(HELP, check=True, capture_output=True, text=True).stdout
    missing = [name for name, _, _ in COMMANDS if name not in text]
    seconds(PEER)  # both are compiled and in the page cache from here on
    times = [(seconds(HELP), seconds(PEER)) for _ in range(rounds)]
    ours, peer = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = ours / peer
    print(f"govbench --help   {ours * 1e3:6.0f} ms  median of {rounds}")
    print(f"import typer      {peer * 1e3:6.0f} ms  median of {rounds}")
    kept = "met" if ratio <= TARGET_RATIO else "missed"
    print(f"ratio             {ratio:6.2f}     target <= {TARGET_RATIO:.0f}: {kept}")
    if missing:
        print(f"not in the help: {', '.join(missing)}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
