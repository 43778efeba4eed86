"""What a pipeline tells while it works; who shows it, and how, is the caller's business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from govbench.compare.trial import Trial
from govbench.results.plan import Plan


class Progress(Protocol):
    """Receives the course of a command."""

    def step(self, text: str) -> None:
        """A new step has begun."""

    def note(self, text: str) -> None:
        """Something that the reader should know, but that stops nothing."""

    def load_begins(self, plan: Plan) -> None:
        """The load is about to start; it will take ``plan.duration_s``."""

    def load_event(self, event: Mapping[str, Any]) -> None:
        """The load process tells of itself (``govbench.load.launch``)."""

    def load_ends(self) -> None:
        """The load is over."""

    def round_ends(self, trial: Trial) -> None:
        """A round of a paired comparison is over: how it stands."""
