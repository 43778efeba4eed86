"""Measures govbench's load generator and its peers in one run; ``README.md`` beside this file says how.

python benchmarks/generator/run.py                              # 5 rounds of 5 s windows
python benchmarks/generator/run.py --short                      # 1 round of 2 s windows
python benchmarks/generator/run.py --only capacity --clients govbench,k6
"""

from __future__ import annotations

import sys
from pathlib import Path

# A script's own folder is no package; imports begin at the top of the checkout.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.generator.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
