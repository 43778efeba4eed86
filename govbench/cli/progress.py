"""Shows on stderr what a pipeline does: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from govbench.cli import standing
from govbench.cli.options import Output
from govbench.compare.trial import Trial
from govbench.report.format import load_in_words
from govbench.results.plan import Plan

PLAIN_INTERVAL_S = 10.0


class ShownProgress:
    """A ``pipeline.progress.Progress`` for people."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._console = Console(stderr=True, no_color=output.no_color, highlight=False)
        self._live = self._console.is_terminal and not output.quiet
        self._bar: Progress | None = None
        self._standing: Live | None = None
        self._plan: Plan | None = None
        self._phase = 0
        self._began = self._told = 0.0

    def step(self, text: str) -> None:
        """A new step has begun."""
        if not self._output.quiet:
            self._console.print(text, markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Something that the reader should know."""
        if not self._output.quiet:
            self._console.print(f"note: {text}", markup=False, soft_wrap=True)

    def load_begins(self, plan: Plan) -> None:
        """Show how long the load will take, and open the bar."""
        self._plan, self._began = plan, time.monotonic()
        self.step(_announced(plan))
        if self._live:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                TextColumn("of"),
                TimeRemainingColumn(elapsed_when_finished=True),
                console=self._console,
                transient=True,
            )
            self._bar.add_task("starting", total=plan.duration_s)
            self._bar.start()

    def load_event(self, event: Mapping[str, Any]) -> None:
        """Follow phases and counts."""
        if event["event"] == "phase":
            self._phase = event["index"]
            if not self._live and self._plan is not None:
                phase = self._plan.phases[self._phase]
                lasts = f", {phase.duration_s:.0f} s" if self._plan.max_requests is None else ""
                self.step(f"  {phase.name}: {load_in_words(phase)}{lasts}")
        elif event["event"] == "tick":
            self._tick(event)
        elif event["event"] == "waiting":
            self.step(f"  {event['ready']} of {event['of']} workers are here; waiting at {event['address']}")
        elif event["event"] == "worker_lost":
            self.note(event["message"])
        elif event["event"] == "stopping" and self._output.verbose:
            self.step("load: stopping, requests under way may finish")

    def load_ends(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def round_ends(self, trial: Trial) -> None:
        """How a paired comparison stands after a round."""
        if not self._live:
            self.step(f"  {standing.line(trial)}")
            return
        if self._standing is None:
            # Drawn at the end of a round only: redrawing by the clock would take CPU from the measured.
            self._standing = Live(console=self._console, auto_refresh=False, transient=True)
            self._standing.start()
        self._standing.update(standing.table(trial), refresh=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self.load_ends()
        if self._standing is not None:
            self._standing.stop()
            self._standing = None

    def _tick(self, event: Mapping[str, Any]) -> None:
        elapsed = time.monotonic() - self._began
        if self._bar is not None and self._plan is not None:
            failed = f", {event['failed']} failed" if event["failed"] else ""
            phase = self._plan.phases[self._phase]
            at_work = f"{event['users']} under way" if phase.users is None else _users(event["users"])
            text = f"{phase.name}: {at_work}, {event['ok']} ok{failed}"
            self._bar.update(self._bar.task_ids[0], completed=elapsed, description=text)
        elif self._output.verbose and elapsed - self._told >= PLAIN_INTERVAL_S:
            self._told = elapsed
            self.step(f"  {elapsed:.0f} s: {event['ok']} ok, {event['failed']} failed")


def _announced(plan: Plan) -> str:
    count = len(plan.phases)
    if plan.max_requests is not None:
        return f"load: {_phases(count)}, at most {plan.max_requests} requests"
    return f"load: {_phases(count)}, about {plan.duration_s:.0f} s"


def _phases(count: int) -> str:
    return "1 phase" if count == 1 else f"{count} phases"


def _users(count: int) -> str:
    return "1 user" if count == 1 else f"{count} users"
