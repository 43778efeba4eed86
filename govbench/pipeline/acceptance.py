"""The acceptances that the commits between baseline and candidate carry, read and applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from govbench.baselines.git import trailers, why_unread
from govbench.compare.acceptance import TRAILER, Acceptance, accept, parse_acceptance
from govbench.errors import ResultsError, UsageError
from govbench.results.comparison import Comparison


def with_acceptances(comparison: Comparison, cwd: Path, others: Sequence[Acceptance] = ()) -> Comparison:
    """The comparison with what people accepted: ``others`` first, then the commits, newest first.

    Read are the commits since that of the baseline, up to that of the candidate; of a commit that this
    clone does not know, none. A trailer that cannot be understood is told in a note, and so is what could not
    be read.
    """
    base = comparison.baseline.commit if comparison.baseline else None
    found, notes = _of_commits(cwd, base, comparison.candidate.commit)
    accepted = accept(comparison, [*others, *found])
    return replace(accepted, notes=(*accepted.notes, *notes))


def _of_commits(cwd: Path, base: str | None, head: str | None) -> tuple[list[Acceptance], list[str]]:
    if head is None:
        return [], []
    try:
        values = trailers(cwd, TRAILER, base=base, head=head)
        unread = why_unread(cwd, base=base, head=head)
    except ResultsError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return [], [f"What commits accept was not read: {error}{hint}."]
    found, notes = [], [unread] if unread else []
    for commit, value in values:
        try:
            found.append(parse_acceptance(value, source=f"commit {commit[:9]}"))
        except UsageError as error:
            notes.append(f"{error} ({error.hint}): ignored." if error.hint else f"{error}: ignored.")
    return found, notes
