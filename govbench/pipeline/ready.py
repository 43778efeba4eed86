"""Makes named targets bootable within a command: what is told on the way, and which commit is measured."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from govbench.baselines.git import provenance
from govbench.config.settings import Settings
from govbench.config.targets import Target, describe
from govbench.pipeline.progress import Progress
from govbench.results.run import Provenance
from govbench.stack.prepare import Prepared, Workshop, prepared


@contextlib.contextmanager
def ready_to_boot(
    settings: Settings,
    target: Target,
    *,
    name: str,
    log_folder: Path,
    environ: Mapping[str, str],
    progress: Progress,
) -> Iterator[Prepared]:
    """``target`` checked out, configured and built, as far as it needs that, until the block is left.

    Raises:
        ConfigError: ``git:REF`` names no commit, or one without a stack that could be booted.
        StackError: its files could not be written, or it could not be built.
    """
    workshop = Workshop(
        name=name, call=settings.call, log_folder=log_folder, environ=environ, step=progress.step
    )
    with prepared(target, settings.stack, workshop) as ready:
        for note in ready.notes:
            progress.note(note)
        progress.step(f"booting {describe(target)}" if target.is_started else "looking for the target")
        yield ready


def settings_at(settings: Settings, ready: Prepared) -> Settings:
    """The settings with the stack's section, and the notes, of what is booted."""
    return replace(settings, stack=ready.config, notes=(*settings.notes, *ready.notes))


def measured_commit(ready: Prepared) -> Provenance | None:
    """The commit that ``git:REF`` names; None where the work tree is measured.

    What a build changes in a checkout does not make it dirty: nobody has edited anything there.
    """
    if ready.checkout is None:
        return None
    return replace(provenance(ready.checkout.root), dirty=False)
