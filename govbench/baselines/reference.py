"""Which stored runs a measured commit is held against: those of the states that main was in before it.

Reads the history of commits only; whether two runs compare, and what follows, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from govbench.baselines.git import SHALLOW_HINT, Repository, repository
from govbench.errors import ResultsError
from govbench.results.baseline import BaselineEntry

ANCESTRY_LIMIT: Final = 1000
# Where a clone says that main is. What is not there is no harm: they are asked which of them is nearest.
MAINS: Final = ("origin/HEAD", "main", "master", "origin/main", "origin/master")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The stored runs to be held against, the nearest first, and how many commits away that is.

    ``distance`` is None where none of them was measured at an ancestor; then they are all there are.
    ``notes`` say what a reader should know of how they were found.
    """

    entries: tuple[BaselineEntry, ...]
    distance: int | None = None
    notes: tuple[str, ...] = ()


def choose(
    folder: Path,
    entries: Sequence[BaselineEntry],
    *,
    measured: str | None,
    onto: str | None = None,
    deepen: bool = False,
) -> Chosen:
    """The entries from the nearest measured ancestor of a commit on, along the states that main was in.

    These are the first parents of the commit that the measured one and main have in common last: what main
    was after it is the business of nobody, and a branch that has merged main is held against what it merged.
    Commits of the branch itself come first, where they have been measured.

    Args:
        folder: any folder of the work tree; where there is no repository, all entries count.
        entries: newest first.
        measured: the commit that was measured; None, or one that this clone lacks: the checked-out one.
        onto: the branch that the measured commit is to be held against; its own commits then do not count.
            None: main, as far as this clone knows it.
        deepen: fetch the history that a shallow clone lacks, where it is needed.
    """
    repo = repository(folder)
    if repo is None or not entries:
        return Chosen(entries=tuple(entries))
    try:
        chosen = _chosen(repo, entries, measured=measured, onto=onto)
        if repo.is_shallow() and chosen.distance is None:
            if not deepen:
                return replace(chosen, notes=(*chosen.notes, f"The clone is shallow: {SHALLOW_HINT}."))
            repo.deepen()
            chosen = _chosen(repo, entries, measured=measured, onto=onto)
            return replace(chosen, notes=("The clone was shallow; its history was fetched.", *chosen.notes))
    except ResultsError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return Chosen(entries=tuple(entries), notes=(f"All stored runs count: {error}{hint}.",))
    return chosen


def _chosen(
    repo: Repository, entries: Sequence[BaselineEntry], *, measured: str | None, onto: str | None
) -> Chosen:
    tip, notes = _tip(repo, measured)
    line, base = _line(repo, tip, onto)
    if base is None and repo.is_shallow():
        found = f"this clone does not hold what {tip[:9]} and {onto or 'main'} have in common"
        return Chosen(entries=tuple(entries), notes=(*notes, f"All stored runs count: {found}."))
    places = {commit: place for place, commit in enumerate(line)}
    if onto is not None and base is not None:  # what the branch itself has measured does not count
        places = {commit: place for commit, place in places.items() if place >= line.index(base)}
    on_line = [entry for entry in entries if entry.commit in places]
    if not on_line:
        where = f"none of the {len(entries)} stored runs is of one of the {len(line)} commits up to {tip[:9]}"
        return Chosen(entries=tuple(entries), notes=(*notes, f"All stored runs count: {where}."))
    nearest = min(on_line, key=lambda entry: places[entry.commit])
    here = repo.known({entry.commit for entry in entries})
    lost = [entry for entry in entries if entry.commit not in here and _is_before(entry, nearest)]
    if lost:
        notes = (
            *notes,
            f"{len(lost)} stored runs are of commits that this clone lacks: placed by their time.",
        )
    kept = {id(entry) for entry in (*on_line, *lost)} - {id(nearest)}
    return Chosen(
        entries=(nearest, *(entry for entry in entries if id(entry) in kept)),
        distance=places[nearest.commit],
        notes=notes,
    )


def _tip(repo: Repository, measured: str | None) -> tuple[str, tuple[str, ...]]:
    if measured is not None:
        if measured in repo.known({measured}):
            return measured, ()
        lacking = f"This clone lacks the measured commit {measured[:9]}: the checked-out one stands for it."
        return repo.resolve("HEAD"), (lacking,)
    return repo.resolve("HEAD"), ()


def _line(repo: Repository, tip: str, onto: str | None) -> tuple[tuple[str, ...], str | None]:
    """The commits of the branch and then those of main, nearest first; and where main begins in them."""
    mains = (repo.resolve(onto),) if onto is not None else repo.existing(MAINS)
    base = repo.merge_base(tip, mains) if mains else tip
    if base is None:
        return repo.first_parents(tip, ANCESTRY_LIMIT), None
    own = repo.first_parents(tip, ANCESTRY_LIMIT, without=base)
    return (*own, *repo.first_parents(base, ANCESTRY_LIMIT)), base


def _is_before(entry: BaselineEntry, nearest: BaselineEntry) -> bool:
    return (entry.committed_at, entry.measured_at) < (nearest.committed_at, nearest.measured_at)
