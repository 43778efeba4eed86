"""The submodules of a commit that is checked out: from what is on this machine, or refused.

Nothing is fetched: a checkout that needs the network would be another one tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from govbench.errors import ConfigError, StackError
from govbench.git import AS_COMMITTED, ask


def populate(root: Path, source: Path, *, ref: str, environ: Mapping[str, str]) -> None:
    """Write the submodules that the commit checked out at ``root`` asks for, and theirs.

    Args:
        root: the checkout.
        source: the user's own work tree of the same repository, whose submodules have the objects.
        ref: as it was asked for, for messages.
        environ: the environment.

    Raises:
        ConfigError: one of them is not on this machine, or lacks the commit.
        StackError: its files could not be written.
    """
    for path, commit in _submodules(root, environ).items():
        theirs = source / path
        if not (theirs / ".git").exists() or not _has(theirs, commit, environ):
            raise ConfigError(
                f"git:{ref}: submodule {path} is not on this machine at {commit[:9]}, which it asks for",
                hint=f"git submodule update --init --recursive; if that is not enough, git -C {path} fetch",
            )
        place = root / path
        clone = ("clone", "--quiet", "--shared", "--no-checkout", "--", str(theirs), str(place))
        for arguments, at in ((clone, root), (("checkout", "--quiet", "--detach", commit), place)):
            answer = ask(*arguments, at=at, environ=environ, settings=AS_COMMITTED)
            if answer.code != 0:
                raise StackError(f"git:{ref}: submodule {path} could not be written: {answer.err}")
        populate(place, theirs, ref=ref, environ=environ)


def _submodules(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The commit of each submodule of what is checked out, by its path."""
    answer = ask("ls-tree", "-r", "-z", "--full-tree", "HEAD", at=root, environ=environ)
    found = {}
    for line in filter(None, answer.text.split("\0")):
        told, _, path = line.partition("\t")
        _, kind, commit = told.split()
        if kind == "commit":
            found[path] = commit
    return found


def _has(repository: Path, commit: str, environ: Mapping[str, str]) -> bool:
    name = f"{commit}^{{commit}}"
    return ask("cat-file", "-e", name, at=repository, environ=environ).code == 0
