"""Results of real runs, for tests of what is made of them: ``recorded("first_run")``.

``python -m tests.recorded.record`` runs them again. Edit none by hand: what nobody measured hides faults.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from govbench.results import codec
from govbench.results.comparison import Results

DATA = Path(__file__).parent / "data"
NAMES = (
    "ab_equal",
    "ab_regression",
    "endpoints",
    "first_run",
    "mass_failure",
    "open_loop",
    "stored_regression",
)


def recorded(name: str) -> Results:
    """The results of one of ``NAMES``, as ``govbench`` wrote them."""
    return codec.from_json(recorded_text(name), source=f"{name}.json")


def recorded_text(name: str) -> str:
    """Its document, without the names of the machine that it was measured on."""
    return gzip.decompress((DATA / f"{name}.json.gz").read_bytes()).decode()
