"""How large is a run on disk: bytes of samples per request, and all other files together (at most 1 MiB)?

Measures the embedded API, then looks at the run folder. Exits 1 when the samples are not one record per
request, when requests do not add up, or when the other files are too large.

    python benchmarks/run_size.py            # the profile quick, about a minute
    python benchmarks/run_size.py --short    # ten users for five seconds
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from govbench.results import codec
from govbench.results.samples import HEADER_BYTES, RECORD_BYTES

MAX_OTHERS_BYTES = 2**20
SHORT = ["--test-types", "concurrent", "--max-users", "10", "--test-duration", "5s"]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--short", action="store_true")
    options = SHORT if parser.parse_args().short else []
    with tempfile.TemporaryDirectory(prefix="govbench-size-") as name:
        command = [sys.executable, "-m", "govbench", "run", "embedded", "--quiet", "--output", name, *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=name)
        folder = (Path(name) / "latest").resolve()
        accounting = codec.read(folder).summary.accounting
        sizes = {path.name: path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}
    samples = sizes.pop("samples")
    others = sum(sizes.values())
    for file, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"  {size:9,} bytes  {file}")
    print(
        f"samples           {samples / accounting.sent:9.1f} bytes per request, {accounting.sent:,} requests"
    )
    print(f"all other files   {others / 2**20:9.2f} MiB         at most {MAX_OTHERS_BYTES / 2**20:.0f}")
    exact = samples == HEADER_BYTES + accounting.sent * RECORD_BYTES
    good = exact and accounting.balanced and others <= MAX_OTHERS_BYTES
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
