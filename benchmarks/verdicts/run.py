"""How often are the verdicts of govbench wrong? ``README.md`` beside this file says how.

python benchmarks/verdicts/run.py simulated                     # 5,000 comparisons a scenario
python benchmarks/verdicts/run.py simulated --short             # 100 of the chief ones, for CI
python benchmarks/verdicts/run.py real --aa 60 --hogs 20 --queues 20 --plus5 20 --plus10 20 --folder DIR
python benchmarks/verdicts/run.py histories --file FILE         # recorded histories, replayed
python benchmarks/verdicts/run.py year                          # stored baselines: years of known truth
python benchmarks/verdicts/run.py table --folder DIR            # what DIR holds so far
"""

from __future__ import annotations

import sys
from pathlib import Path

# A script's own folder is no package; imports begin at the top of the checkout.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.verdicts.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
