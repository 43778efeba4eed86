"""``govbench quick-check`` and the look before a load: one real request to a target. Measures nothing."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from govbench.config.requests import build_sides
from govbench.config.settings import Settings
from govbench.config.targets import Target, describe, parse_target
from govbench.errors import StackError
from govbench.pipeline.interrupt import Stopper
from govbench.pipeline.progress import Progress
from govbench.pipeline.ready import ready_to_boot, settings_at
from govbench.results.plan import Side
from govbench.stack.boot import boot
from govbench.stack.probe import Check, probe

STACK_NAME = "quick-check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a target was asked, and what came of it."""

    target: str
    checks: tuple[Check, ...]

    @property
    def works(self) -> bool:
        """Whether everything that was looked at works."""
        return bool(self.checks) and all(check.ok for check in self.checks)


def quick_check(settings: Settings, *, environ: Mapping[str, str], progress: Progress) -> Checked:
    """Check the configured target; one that is not running is booted for it and taken down again.

    A target that does not come up is a check that failed, not an error.

    Raises:
        ConfigError: the target cannot be asked at all.
        Interrupted: a signal ended it; nothing is left running.
    """
    target = parse_target(settings.target.form)
    with Stopper():
        if target.address is None:
            checks = _booted(settings, target, environ, progress)
        else:
            progress.step(f"asking {describe(target)}")
            checks = _probed(settings, target, target.address)
    return Checked(target=describe(target), checks=checks)


def preflight(side: Side, settings: Settings, target: Target, progress: Progress) -> float | None:
    """Ask one question before the load, so that a wrong address, key or API is told at once.

    What may pass by itself, such as a 503 or an answer that takes too long, is for the load to measure.

    Returns:
        What the answer took in seconds; None where there was none.

    Raises:
        StackError: no request of the load could succeed.
    """
    answer_s = None
    for check in _ask(side, settings, target):
        if check.lasting:
            raise StackError(f"{describe(target)}: {check.detail}", hint=check.hint)
        if not check.ok:
            progress.note(f"first request: {check.detail}")
        if check.elapsed_ms is not None:
            answer_s = check.elapsed_ms / 1e3
    return answer_s


def _booted(
    settings: Settings, target: Target, environ: Mapping[str, str], progress: Progress
) -> tuple[Check, ...]:
    with tempfile.TemporaryDirectory(prefix="govbench-") as folder, contextlib.ExitStack() as running:
        try:
            ready = running.enter_context(
                ready_to_boot(
                    settings,
                    target,
                    name=STACK_NAME,
                    log_folder=Path(folder),
                    environ=environ,
                    progress=progress,
                )
            )
            stack = running.enter_context(
                boot(
                    ready.target,
                    ready.config,
                    name=STACK_NAME,
                    log_folder=Path(folder),
                    environ=environ,
                    seed=settings.load.seed,
                    folder=ready.folder,
                    tell=progress.step,
                )
            )
        except StackError as error:
            # The folder is about to go, so the message may not send anybody there.
            detail = str(error).replace(f"{folder}/", "")
            return (Check(name="boot", ok=False, detail=detail, hint=error.hint),)
        waited_s = stack.health.waited_s if stack.health else 0.0
        up = Check(name="boot", ok=True, detail=f"healthy after {waited_s:.1f} s")
        return (up, *_probed(settings_at(settings, ready), ready.target, stack.url))


def _probed(settings: Settings, target: Target, address: str) -> tuple[Check, ...]:
    (side,) = build_sides(settings, [(STACK_NAME, address)])
    return _ask(side, settings, target)


def _ask(side: Side, settings: Settings, target: Target) -> tuple[Check, ...]:
    return probe(
        side,
        settings.load.scenarios[0].queries[0].text,
        health_path=target.own_health_path or settings.stack.health_path,
        deadlines=settings.target.deadlines,
    )
