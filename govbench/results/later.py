"""What a later govbench may have written and this one does not know: left out before a document is read."""

from __future__ import annotations

from typing import Any

from govbench.results.metrics import MetricName
from govbench.results.plan import TestType

_METRICS, _TEST_TYPES = frozenset(MetricName), frozenset(TestType)


def is_test_type(name: object) -> bool:
    """Whether this govbench knows a test type of that name."""
    return name in _TEST_TYPES


def is_metric(name: object) -> bool:
    """Whether this govbench knows a metric of that name."""
    return name in _METRICS


def without_unknown(value: Any) -> Any:
    """JSON without what stands in a list and is of a test type or a metric that nobody here knows.

    A finding, a noise or a metric names its own; the rest of a document means the same without them.
    """
    if isinstance(value, dict):
        return {key: without_unknown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_unknown(item) for item in value if not _is_unknown(item)]
    return value


def _is_unknown(item: object) -> bool:
    if not isinstance(item, dict):
        return False
    test_type, metric = item.get("test_type"), item.get("metric")
    if isinstance(test_type, str) and not is_test_type(test_type):
        return True
    if isinstance(metric, str) and not is_metric(metric):
        return True
    # A metric itself: a name and a value of so many observations.
    name = item.get("name")
    return {"value", "n"} <= item.keys() and isinstance(name, str) and not is_metric(name)
