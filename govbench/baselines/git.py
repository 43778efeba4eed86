"""The git repository that a run was started in: what it says of a commit, and one commit of given files.

Knows nothing of baselines. Never checks out, switches or resets: the user's work tree is left as it is, and
of the index only the paths that are committed are touched.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

# Without it the import itself fails on a machine that has no git; a call then raises GitCommandNotFound.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from git import Repo
from git.exc import GitCommandError, GitCommandNotFound, InvalidGitRepositoryError, NoSuchPathError

from govbench.errors import PublishError, ResultsError
from govbench.results.run import Provenance

COMMIT_ATTEMPTS = 10
_RETRY_PAUSE_S = 0.05
_FIELD, _RECORD = "\x1f", "\x1e"
_IDENTITY_ONLY_IF_CONFIGURED = ("-c", "user.useConfigOnly=true")


class GitFailed(Exception):
    """A git command ended with an error; the text is what git said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Files of one commit, relative to the root: those to add as they are on disk, those to remove."""

    added: tuple[PurePosixPath, ...]
    removed: tuple[PurePosixPath, ...]
    message: str


class Repository:
    """One git work tree, spoken to through git's own commands."""

    def __init__(self, repo: Repo, root: Path) -> None:
        self._repo = repo
        self.root = root

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """What a git command prints, run in the root.

        Raises:
            GitFailed: it ended with an error, or there is no git.
        """
        try:
            output = self._repo.git.execute(["git", *arguments], env=environment)
        except GitCommandNotFound as error:
            raise GitFailed("git is not installed") from error
        except GitCommandError as error:
            raise GitFailed(_said(error)) from error
        return str(output)

    def relative(self, path: Path) -> PurePosixPath:
        """``path`` as git names it, from the root.

        Raises:
            ResultsError: it lies outside the repository.
        """
        try:
            return PurePosixPath(path.resolve().relative_to(self.root))
        except ValueError as error:
            raise ResultsError(
                f"{path} lies outside the git repository {self.root}",
                hint="baselines are committed: choose a folder inside the repository",
            ) from error

    def is_shallow(self) -> bool:
        """Whether history was cut off when this repository was cloned."""
        return self.run("rev-parse", "--is-shallow-repository") == "true"

    def resolve(self, ref: str) -> str:
        """The full id of the commit that ``ref`` names.

        Raises:
            ResultsError: it names none, or one that this clone does not have.
        """
        try:
            return self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        except GitFailed as error:
            raise ResultsError(f"{ref}: no such commit, branch or tag", hint=self._fetch_hint(ref)) from error

    def files(self, commit: str, folder: PurePosixPath) -> tuple[PurePosixPath, ...]:
        """Every file below ``folder`` in the tree of ``commit``; none where there is no such folder.

        Raises:
            ResultsError: this clone lacks the objects.
        """
        listing = self._object("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--", f"{folder}")
        return tuple(PurePosixPath(name) for name in listing.split("\0") if name)

    def text(self, commit: str, path: PurePosixPath) -> str:
        """A file as it is in ``commit``.

        Raises:
            ResultsError: this clone lacks the object.
        """
        return self._object("cat-file", "blob", f"{commit}:{path}")

    def first_parents(self, commit: str, limit: int) -> tuple[str, ...]:
        """``commit`` and its ancestors along first parents, nearest first, at most ``limit``."""
        return tuple(self._object("rev-list", "--first-parent", f"--max-count={limit}", commit, "--").split())

    def trailers(self, key: str, *which: str) -> str:
        """For each commit its id and its values of a trailer, in fields and records.

        Raises:
            ResultsError: this clone lacks the objects.
        """
        values = f"%(trailers:key={key},valueonly,unfold,separator=%x1f)"
        return self._object("log", f"--format=%H%x1f{values}%x1e", *which, "--")

    def author(self) -> str:
        """The author that git would write into a commit.

        Raises:
            PublishError: none is configured; git's guess from user and host name is not taken.
        """
        try:
            return self.run(*_IDENTITY_ONLY_IF_CONFIGURED, "var", "GIT_AUTHOR_IDENT")
        except GitFailed as error:
            raise PublishError(
                "git has no author for the commit: user.name and user.email are not configured",
                hint="git config user.name NAME && git config user.email ADDRESS, or store without a commit",
            ) from error

    def commit(self, change: Change) -> str | None:
        """One commit of these files on top of HEAD, nothing else; None where HEAD already has them so.

        The tree is built in an index of its own, so what the user has staged stays staged and stays out.
        HEAD moves only from where it was read; when another process moved it meanwhile, the change is
        made anew on top of that. Hooks do not run; ``commit.gpgSign`` is honoured.

        Raises:
            PublishError: no author, no commit to build on, or HEAD moved at every attempt.
        """
        self.author()
        for attempt in range(COMMIT_ATTEMPTS):
            time.sleep(random.uniform(0, attempt * _RETRY_PAUSE_S))
            try:
                head = self.run("rev-parse", "--verify", "HEAD^{commit}")
                commit = self._commit_object(head, change)
            except GitFailed as error:
                raise PublishError(f"git could not make the commit: {error}") from error
            if commit is None:
                return None
            try:
                self.run("update-ref", "-m", change.message.partition("\n")[0], "HEAD", commit, head)
            except GitFailed as error:
                failure = error
                continue
            self._take_into_index(change)
            return commit
        raise PublishError(
            f"HEAD could not be moved to the new commit: {failure}",
            hint="the files are written; commit them when no other process works in this repository",
        )

    def _commit_object(self, head: str, change: Change) -> str | None:
        with tempfile.TemporaryDirectory(prefix="govbench-") as folder:
            environment = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.run("read-tree", head, environment=environment)
            self._update_index(change, environment)
            tree = self.run("write-tree", environment=environment)
        if tree == self.run("rev-parse", f"{head}^{{tree}}"):
            return None
        sign = ("-S",) if self._signs() else ()
        return self.run(
            *_IDENTITY_ONLY_IF_CONFIGURED,
            "commit-tree", *sign, "-p", head, "-m", change.message.rstrip("\n"), tree,
        )  # fmt: skip

    def _update_index(self, change: Change, environment: Mapping[str, str] | None = None) -> None:
        for path in change.added:
            blob = self.run("hash-object", "-w", "--no-filters", "--", str(self.root / path))
            entry = f"100644,{blob},{path}"
            self.run("update-index", "--add", "--cacheinfo", entry, environment=environment)
        if change.removed:
            paths = [str(path) for path in change.removed]
            self.run("update-index", "--force-remove", "--", *paths, environment=environment)

    def _take_into_index(self, change: Change) -> None:
        """Let the user's index agree with HEAD about the committed paths, as ``git commit --only`` does."""
        for attempt in range(COMMIT_ATTEMPTS):
            time.sleep(random.uniform(0, attempt * _RETRY_PAUSE_S))
            try:
                return self._update_index(change)
            except GitFailed as error:  # index.lock is held by another process
                failure = error
        raise PublishError(
            f"committed, but the index could not be brought up to date: {failure}",
            hint="git reset -- " + " ".join(str(path) for path in (*change.added, *change.removed)),
        )

    def _signs(self) -> bool:
        try:
            return self.run("config", "--type=bool", "--get", "commit.gpgSign") == "true"
        except GitFailed:
            return False

    def _object(self, *arguments: str) -> str:
        try:
            return self.run(*arguments)
        except GitFailed as error:
            raise ResultsError(
                f"this clone lacks what was asked for: {error}", hint=self._fetch_hint("the commit")
            ) from error

    def _fetch_hint(self, what: str) -> str:
        try:
            shallow = self.is_shallow()
        except GitFailed:
            shallow = False
        if shallow:
            return "the clone is shallow: git fetch --unshallow, or fetch-depth: 0 in actions/checkout"
        return f"git fetch origin, or name {what} as this clone knows it, such as origin/main"


@contextmanager
def repository(folder: Path) -> Iterator[Repository | None]:
    """The repository whose work tree holds ``folder``, closed at the end; None where there is none."""
    try:
        repo = Repo(folder, search_parent_directories=True)
    except (InvalidGitRepositoryError, NoSuchPathError):
        yield None
        return
    try:
        root = repo.working_tree_dir
        yield Repository(repo, Path(root).resolve()) if root is not None else None
    finally:
        repo.close()


def provenance(folder: Path, *, baselines_folder: Path = Path("baselines")) -> Provenance:
    """Which commit the work tree around ``folder`` stands at.

    Dirty means that a tracked file differs from it: untracked results do not count, nor do the baselines,
    whose update is itself such a difference. All None where there is no repository or no commit yet.

    Args:
        folder: any folder of the work tree.
        baselines_folder: absolute, or relative to ``folder``.
    """
    with repository(folder) as found:
        if found is None:
            return Provenance()
        try:
            commit = found.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
            seconds = found.run("show", "-s", "--format=%ct", commit)
            return Provenance(
                commit=commit,
                branch=_branch(found),
                dirty=_dirty(found, folder / baselines_folder),
                committed_at=datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
        except GitFailed:
            return Provenance()


def trailers(folder: Path, key: str, *, base: str | None, head: str) -> tuple[tuple[str, str], ...]:
    """The commits that carry a trailer, each with its value; newest first, a commit once per value.

    Read are the commits up to ``head`` that ``base`` does not have; ``head`` alone where ``base`` is None or
    not known here. None where there is no repository, or ``head`` is not known.
    """
    with repository(folder) as found:
        if found is None:
            return ()
        try:
            tip = found.resolve(head)
        except ResultsError:
            return ()
        commits = ["--max-count=1", tip]
        if base is not None:
            with suppress(ResultsError):
                commits = [f"{found.resolve(base)}..{tip}"]
        messages = found.trailers(key, *commits)
    lines = [record.strip().split(_FIELD) for record in messages.split(_RECORD)]
    return tuple((commit, value) for commit, *values in lines for value in values if value)


def _branch(repo: Repository) -> str | None:
    try:
        return repo.run("symbolic-ref", "--quiet", "--short", "HEAD")
    except GitFailed:  # detached
        return None


def _dirty(repo: Repository, baselines_folder: Path) -> bool:
    pathspec = [":(top)"]
    if baselines_folder.resolve().is_relative_to(repo.root):
        pathspec.append(f":(top,exclude,literal){repo.relative(baselines_folder)}")
    status = repo.run("--no-optional-locks", "status", "--porcelain", "--untracked-files=no", "--", *pathspec)
    return bool(status)


def _said(error: GitCommandError) -> str:
    """Git's own words, without GitPython's frame and without an address's credentials."""
    text = str(error.stderr or error).strip()
    text = re.sub(r"^stderr: '|'$", "", text).strip()
    return re.sub(r"://[^/@\s]+@", "://", text) or "no message"
