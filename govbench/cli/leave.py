"""Somebody else's machine is not loaded by a slip of the hand."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from govbench.config.targets import describe, is_local, parse_target
from govbench.errors import UsageError
from govbench.results.plan import Phase

ASK_ABOVE_USERS = 50
ASK_ABOVE_RPS = 50


def ask_for_leave(forms: Sequence[str], phases: Sequence[Phase], *, assume_yes: bool) -> None:
    """Ask before much load is put on targets that are not this machine.

    Raises:
        UsageError: nobody is there to ask, or the answer was no.
    """
    far = [target for target in map(parse_target, dict.fromkeys(forms)) if not is_local(target)]
    users = max((phase.users or 0 for phase in phases), default=0)
    rate = max((point.rate_rps for p in phases if p.arrivals for point in p.arrivals.points), default=0)
    if not far or assume_yes or (users <= ASK_ABOVE_USERS and rate <= ASK_ABOVE_RPS):
        return
    load = " and ".join(
        [f"{users} concurrent users"] * bool(users) + [f"{rate:g} requests a second"] * bool(rate)
    )
    where = " and ".join(map(describe, far))
    question = f"{where} {'is' if len(far) == 1 else 'are'} not this machine. Put {load} on it?"
    if not sys.stdin.isatty():
        raise UsageError(question, hint="say so with --yes where nobody can be asked")
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:  # the end of the input, as by Ctrl-D
        agreed = False
    if not agreed:
        raise UsageError("nothing was measured: the load was not agreed to")
