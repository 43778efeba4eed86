"""From a target as it is named to one that can be booted: checked out, configured, built. Boots nothing."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from govbench.config.at_commit import stack_at_commit
from govbench.config.settings import Call, StackConfig
from govbench.config.targets import Target, describe
from govbench.stack.build import build
from govbench.stack.checkout import Checkout, checked_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What ``boot`` takes, as often as wanted.

    Attributes:
        target: what is booted where ``git:REF`` was named; else the named target itself.
        config: how it comes up, at that commit.
        checkout: the commit's files, which are there as long as the block lasts; None: the work tree.
        notes: what a reader should know of how the stack was found.
    """

    target: Target
    config: StackConfig
    checkout: Checkout | None = None
    notes: tuple[str, ...] = ()

    @property
    def folder(self) -> Path | None:
        """Where its processes start; None: here."""
        return None if self.checkout is None else self.checkout.folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What preparing needs beside the target: where logs go, the environment, whom to tell of each step.

    ``name`` is that of the stack: the build's log is ``log_folder/NAME-build.log``.
    """

    name: str
    call: Call
    log_folder: Path
    environ: Mapping[str, str]
    step: Callable[[str], None]


@contextlib.contextmanager
def prepared(target: Target, config: StackConfig, workshop: Workshop) -> Iterator[Prepared]:
    """``target`` ready to be booted until the block is left: ``git:REF`` checked out, a command built.

    Args:
        target: as it was named.
        config: the present section ``[stack]``.
        workshop: see there.

    Raises:
        ConfigError: there is no such commit, or no stack that could be booted is configured at it.
        StackError: the files could not be written, or the build failed.
    """
    if target.at_ref is None:
        found = Prepared(target=target, config=config)
        _build(found, describe(target), workshop)
        yield found
        return
    workshop.step(f"checking out {describe(target)}")
    parent = Path(tempfile.gettempdir())
    with checked_out(target.at_ref, repository=workshop.call.cwd, parent=parent) as checkout:
        yield prepare_checkout(checkout, workshop)


def prepare_checkout(checkout: Checkout, workshop: Workshop) -> Prepared:
    """The stack that is configured at a commit, built.

    Raises:
        ConfigError: none that could be booted is configured at it.
        StackError: the build failed.
    """
    call = workshop.call
    named = None if call.config_file is None else checkout.counterpart(call.cwd / call.config_file)
    found = stack_at_commit(
        checkout.ref, folder=checkout.folder, config_file=named, call=call, environ=workshop.environ
    )
    ready = Prepared(target=found.target, config=found.config, checkout=checkout, notes=found.notes)
    _build(ready, f"git:{checkout.ref}", workshop)
    return ready


def _build(ready: Prepared, form: str, workshop: Workshop) -> None:
    if ready.target.is_built and ready.config.build is not None:
        workshop.step(f"building {form}")
        build(
            ready.config,
            name=workshop.name,
            log_folder=workshop.log_folder,
            environ=workshop.environ,
            folder=ready.folder,
        )
