"""What was measured, round by round, and the medians and ratios made of it. Prints nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.generator.targets import Judged

Values = Mapping[str, float | None]
GOVBENCH = "govbench"


@dataclass(slots=True, kw_only=True)
class Results:
    """All rounds by figure and row; rows that could not be measured keep the reason instead."""

    environment: dict[str, str]
    rounds: dict[str, dict[str, list[Values]]] = field(default_factory=dict)
    skipped: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, figure: str, row: str, values: Values) -> None:
        """Keep one round of a row."""
        self.rounds.setdefault(figure, {}).setdefault(row, []).append(values)

    def skip(self, figure: str, row: str, reason: str) -> None:
        """Keep why a row has no values."""
        self.skipped.setdefault(figure, {})[row] = reason

    def median(self, figure: str, row: str, value: str) -> float | None:
        """The median of a value over the rounds; None where it was not measured."""
        measured = [v for values in self._of(figure, row) if (v := values.get(value)) is not None]
        return median(measured) if measured else None

    def median_size(self, figure: str, row: str, value: str) -> float | None:
        """The median of a value's size, without its sign."""
        measured = [abs(v) for values in self._of(figure, row) if (v := values.get(value)) is not None]
        return median(measured) if measured else None

    def ratio(self, figure: str, row: str, peer: str, value: str) -> float | None:
        """Median over the rounds of (row / peer), each quotient taken within a round."""
        pairs = zip(self._of(figure, row), self._of(figure, peer), strict=False)
        quotients = [a / b for ours, theirs in pairs if (a := ours.get(value)) and (b := theirs.get(value))]
        return median(quotients) if quotients else None

    def _of(self, figure: str, row: str) -> list[Values]:
        return self.rounds.get(figure, {}).get(row, [])

    def as_json(self, judged: list[Judged]) -> dict[str, Any]:
        """The document that ``--json`` writes."""
        return {
            "environment": self.environment,
            "rounds": self.rounds,
            "medians": {
                figure: {row: self._medians(figure, row) for row in rows}
                for figure, rows in self.rounds.items()
            },
            "skipped": self.skipped,
            "targets": [
                {"target": j.text, "measured": j.measured, "met": j.met, "stretch_met": j.stretch_met}
                for j in judged
            ],
        }

    def _medians(self, figure: str, row: str) -> dict[str, float | None]:
        names = dict.fromkeys(name for values in self._of(figure, row) for name in values)
        return {name: self.median(figure, row, name) for name in names}
