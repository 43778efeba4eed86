"""What a comparison comes to for whoever waits for it: the types. ``compare/conclude.py`` decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from govbench.errors import ExitCode
from govbench.results.comparison import Verdict


class Weight(StrEnum):
    """What a finding, a threshold or the run as a whole does to the job that waits for the answer.

    A ``failure`` ends it with exit code 1, an ``error`` with 3; ``skipped`` says that nothing was judged.
    """

    OK = "ok"
    SKIPPED = "skipped"
    ERROR = "error"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The overall verdict, why, and the exit code; what each part of the comparison brought to it.

    ``findings`` and ``thresholds`` are in the order of the comparison's. ``run`` is what no part of it shows.
    """

    verdict: Verdict
    reason: str
    exit_code: ExitCode
    run: Weight = Weight.OK
    findings: tuple[Weight, ...] = ()
    thresholds: tuple[Weight, ...] = ()
