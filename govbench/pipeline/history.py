"""The history of the committed baselines: read, look for change points, choose what is shown."""

from __future__ import annotations

from pathlib import Path

from govbench.baselines import entries as baselines
from govbench.compare.calibration import InForce
from govbench.compare.findings import is_gated
from govbench.compare.history import all_histories
from govbench.compare.scope import Scope
from govbench.config.settings import Settings
from govbench.errors import ResultsError
from govbench.pipeline.calibrations import calibration_for_stored
from govbench.results.history import MetricHistory


def read_history(
    settings: Settings,
    cwd: Path,
    *,
    scope: Scope,
    only_gated: bool = False,
    suite: str | None = None,
    machine_class: str | None = None,
    ref: str | None = None,
) -> tuple[MetricHistory, ...]:
    """The metrics that ``scope`` covers, with ``only_gated`` those of them that are; by plan.

    Raises:
        ResultsError: a baseline cannot be read, or none has such a metric.
    """
    folder = settings.baselines.folder
    entries = baselines.list_entries(cwd, folder, suite=suite, machine_class=machine_class, ref=ref)

    def known_of(suite: str, machine_class: str) -> InForce:
        return calibration_for_stored(suite, machine_class, settings, cwd, ref=ref)

    found = tuple(
        history
        for history in all_histories(entries, settings.compare, known_of)
        if scope.covers(history.test_type, history.metric)
        and (not only_gated or is_gated(settings.compare, history.test_type, history.metric))
    )
    if not found:
        if not entries:
            raise ResultsError(
                f"{folder}: no baseline is there",
                hint="measure with govbench run, then govbench baseline update",
            )
        raise ResultsError(
            f"{folder}: no baseline has such a metric",
            hint="govbench baseline list shows what is stored, govbench baseline show its metrics",
        )
    return found
