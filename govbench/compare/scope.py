"""What a person names when naming metrics: ``throughput_rps``, ``concurrent/throughput_rps`` or ``all``."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from govbench.errors import UsageError
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One metric, or all (None), of one test type or of all (None)."""

    metric: MetricName | None = None
    test_type: TestType | None = None

    def covers(self, test_type: TestType, metric: MetricName) -> bool:
        """Whether that metric of that test type is meant."""
        return self.test_type in {None, test_type} and self.metric in {None, metric}


def parse_scope(text: str) -> Scope:
    """The metrics that a word names.

    Raises:
        UsageError: there is no such metric or test type; the hint names the closest.
    """
    kind, slash, name = text.rpartition("/")
    return Scope(
        metric=None if name == ALL else MetricName(_known(name, [*MetricName, ALL], "metric")),
        test_type=TestType(_known(kind, list(TestType), "test type")) if slash else None,
    )


def _known(word: str, known: list[str], what: str) -> str:
    if word in known:
        return word
    close = get_close_matches(word, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
    raise UsageError(f"{word!r} is no {what}", hint=hint)
