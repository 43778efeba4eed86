"""A commit of the repository around us as files beside the work tree. Builds and boots nothing.

The user's work tree, index, branch and stash are never touched: the files come from ``git worktree``, which
shares the objects and nothing else. Hooks do not run; submodules come from this machine, or it is refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from govbench.config.environment import environment
from govbench.config.values import closest
from govbench.errors import ConfigError, StackError
from govbench.git import AS_COMMITTED, GitMissing, ask
from govbench.stack.home import is_named_in
from govbench.stack.submodules import populate

_PREFIX, _KEPT_PREFIX = "govbench-checkout-", "govbench-stack-"
_LOCK, _TREE, _KEPT_BY = "lock", "tree", "kept-by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """The files of one commit.

    Attributes:
        ref: as it was asked for.
        commit: full id.
        repository: root of the user's own work tree.
        root: the worktree.
        folder: the place in it that stands for the one that was asked from; the root where the commit has
            no such folder.
    """

    ref: str
    commit: str
    repository: Path
    root: Path
    folder: Path

    def counterpart(self, path: Path) -> Path:
        """What stands in this commit for a path of the user's work tree; one elsewhere is itself."""
        path = path.parent.resolve() / path.name
        inside = path.is_relative_to(self.repository)
        return self.root / path.relative_to(self.repository) if inside else path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a git command came to."""

    code: int
    out: str
    err: str


@contextlib.contextmanager
def checked_out(ref: str, *, repository: Path, parent: Path) -> Iterator[Checkout]:
    """The files of ``ref`` in a new folder below ``parent``, which is gone when the block is left.

    What processes that were killed have left behind is removed first.

    Args:
        ref: commit, branch or tag.
        repository: any folder of the user's work tree.
        parent: exists; outside of what anybody keeps.

    Raises:
        ConfigError: there is no repository, or ``ref`` names no commit of it.
        StackError: git could not write the files.
    """
    top, commit = _top(repository, ref), resolve(ref, repository=repository)
    _remove_leftovers(top)
    home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent)).resolve()
    with (home / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield _added(ref, commit, top=top, place=repository, root=home / _TREE)
        finally:
            remove(home / _TREE, repository=top)
            shutil.rmtree(home, ignore_errors=True)


def keep_checked_out(ref: str, *, repository: Path, kept_by: Path) -> tuple[Checkout, IO[str]]:
    """The files of ``ref`` in a new temporary folder, there to stay until ``remove_kept``.

    Args:
        ref: commit, branch or tag.
        repository: any folder of the user's work tree.
        kept_by: the file that will name the checkout as long as it is to stay.

    Returns:
        The checkout, and the lock that is held until ``kept_by`` names it.

    Raises:
        ConfigError: there is no repository, or ``ref`` names no commit of it.
        StackError: git could not write the files.
    """
    top, commit = _top(repository, ref), resolve(ref, repository=repository)
    _remove_leftovers(top)
    home = Path(tempfile.mkdtemp(prefix=_KEPT_PREFIX)).resolve()
    (home / _KEPT_BY).write_text(str(kept_by.absolute()), encoding="utf-8")
    lock = (home / _LOCK).open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        return _added(ref, commit, top=top, place=repository, root=home / _TREE), lock
    except BaseException:
        remove_kept(home / _TREE, repository=top)
        lock.close()
        raise


def remove_kept(root: Path, *, repository: Path) -> None:
    """Remove what ``keep_checked_out`` has made."""
    remove(root, repository=repository)
    if root.name == _TREE and root.parent.name.startswith(_KEPT_PREFIX):
        shutil.rmtree(root.parent, ignore_errors=True)


def resolve(ref: str, *, repository: Path) -> str:
    """The full id of the commit that ``ref`` names.

    Raises:
        ConfigError: it names none.
    """
    said = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", at=repository)
    if said.code == 0:
        return said.out
    kind = _git("cat-file", "-t", ref, at=repository)
    if kind.code == 0:
        raise ConfigError(
            f"git:{ref}: names a {kind.out}, not a commit", hint="name a commit, a branch or a tag"
        )
    raise ConfigError(f"git:{ref}: no such commit, branch or tag", hint=_unknown_hint(ref, repository))


def remove(root: Path, *, repository: Path) -> None:
    """Remove a worktree of ours with whatever was written into it; one that is gone already is no error."""
    # Twice --force: also one whose making was cut short, which git keeps locked. Other worktrees, and the
    # records of such on a disk that is not mounted now, stay as they are: no `git worktree prune`.
    if repository.is_dir():
        _git("worktree", "remove", "--force", "--force", str(root), at=repository)
    shutil.rmtree(root, ignore_errors=True)


def _added(ref: str, commit: str, *, top: Path, place: Path, root: Path) -> Checkout:
    said = _git("worktree", "add", "--detach", "--quiet", str(root), commit, at=top, settings=AS_COMMITTED)
    if said.code != 0:
        raise StackError(f"git:{ref}: its files could not be written: {said.err}")
    populate(root, top, ref=ref, environ=environment())
    folder = root / place.resolve().relative_to(top)
    return Checkout(
        ref=ref, commit=commit, repository=top, root=root, folder=folder if folder.is_dir() else root
    )


def _top(folder: Path, ref: str) -> Path:
    said = _git("rev-parse", "--show-toplevel", at=folder)
    if said.code == 0:
        return Path(said.out).resolve()
    if "not a git repository" in said.err:
        raise ConfigError(
            f"git:{ref}: {folder} is not in a git repository",
            hint="call govbench in the repository whose commit is meant",
        )
    raise ConfigError(f"git:{ref}: {said.err}")


def _unknown_hint(ref: str, repository: Path) -> str:
    if _git("rev-parse", "--is-shallow-repository", at=repository).out == "true":
        return "the clone is shallow: git fetch --unshallow, or fetch-depth: 0 in actions/checkout"
    listed = _git("for-each-ref", "--format=%(refname:short)", at=repository).out.split()
    like = f"origin/{ref}" if f"origin/{ref}" in listed else closest(ref, listed)
    return f"did you mean git:{like}?" if like else "git fetch origin, or name it as this clone knows it"


def _remove_leftovers(top: Path) -> None:
    """Remove the worktrees whose owner has ended: nobody holds their lock any more."""
    for line in _git("worktree", "list", "--porcelain", at=top).out.splitlines():
        root = Path(line.removeprefix("worktree "))
        ours = root.name == _TREE and root.parent.name.startswith((_PREFIX, _KEPT_PREFIX))
        if line.startswith("worktree ") and ours:
            _remove_if_left(root, top)


def _is_kept(root: Path) -> bool:
    """Whether a stack that stays up has this checkout: its state names it."""
    try:
        kept_by = Path((root.parent / _KEPT_BY).read_text(encoding="utf-8"))
    except OSError:
        return False
    return is_named_in(kept_by, root)


def _remove_if_left(root: Path, top: Path) -> None:
    try:
        lock = (root.parent / _LOCK).open("w")
    except OSError:  # the folder has been cleared away already, but git still has it on record
        return remove(root, repository=top)
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return None
        if _is_kept(root):
            return None
        remove(root, repository=top)
        shutil.rmtree(root.parent, ignore_errors=True)
    return None


def _git(*arguments: str, at: Path, settings: tuple[str, ...] = ()) -> _Said:
    """What git says.

    Raises:
        ConfigError: there is no git.
    """
    try:
        answer = ask(*arguments, at=at, environ=environment(), settings=settings)
    except GitMissing as error:
        raise ConfigError(str(error), hint="a target git:REF needs git and a repository") from error
    return _Said(code=answer.code, out=answer.text.strip(), err=answer.err)
