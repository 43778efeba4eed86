"""The git repository that a run was started in: what it says of a commit, and one commit of given files.

Knows nothing of baselines. Never checks out, switches or resets: the user's work tree is left as it is, and
of the index only the paths that are committed are touched.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

# Without it the import itself fails on a machine that has no git.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from git import Repo
from git.exc import InvalidGitRepositoryError, NoSuchPathError

from govbench.config.environment import environment
from govbench.errors import PublishError, ResultsError
from govbench.git import Answer, GitFailed, GitMissing, ask
from govbench.results.run import Provenance

COMMIT_ATTEMPTS = 10
_RETRY_PAUSE_S = 0.05
_FIELD, _RECORD = "\x1f", "\x1e"
_FILE_MODES: Final = frozenset({"100644", "100755"})
SHALLOW_HINT: Final = "git fetch --unshallow, or fetch-depth: 0 in actions/checkout"
NO_TEXT_HINT: Final = "restore it with git, or write a new one"
_IDENTITY_ONLY_IF_CONFIGURED = ("-c", "user.useConfigOnly=true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Files of one commit, relative to the root: those to add as they are on disk, those to remove."""

    added: tuple[PurePosixPath, ...]
    removed: tuple[PurePosixPath, ...]
    message: str


class Refused(ResultsError):
    """Git will not read a repository that belongs to somebody else, until its user says that it may."""


class Repository:
    """One git work tree, spoken to through git's own commands."""

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.root = root

    def run(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        given: bytes | None = None,
        settings: tuple[str, ...] = (),
    ) -> str:
        """What a git command prints, run in the root.

        Raises:
            GitFailed: it ended with an error, or there is no git.
        """
        return self._answer(*arguments, variables=environment, given=given, settings=settings).text

    def _answer(self, *arguments: str, **how: Any) -> Answer:
        answer = ask(*arguments, at=self.root, environ=self._environ, **how)
        if "dubious ownership" in answer.err:
            raise Refused(
                f"git refuses to read the repository: {answer.err.partition(chr(10))[0]}",
                hint=f"if you trust it: git config --global --add safe.directory {self.root}",
            )
        if answer.code != 0:
            raise GitFailed(answer.err or "no message")
        return answer

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

    def files(self, commit: str, folder: PurePosixPath) -> dict[PurePosixPath, str]:
        """Every file below ``folder`` in the tree of ``commit``, with the id of its content, by path.

        None where there is no such folder. A link, or a submodule, is no file.

        Raises:
            ResultsError: this clone lacks the objects.
        """
        listing = self._object("ls-tree", "-r", "-z", "--full-tree", commit, "--", f"{folder}")
        found = {}
        for line in filter(None, listing.split("\0")):
            told, _, name = line.partition("\t")
            mode, _, blob = told.split()
            if mode in _FILE_MODES:
                found[PurePosixPath(name)] = blob
        return found

    def left_out(self, folder: PurePosixPath) -> tuple[str, ...]:
        """The files below ``folder`` that a sparse checkout leaves out of the work tree, from the root."""
        listed = self._object("ls-files", "-t", "-z", "--", str(folder))
        return tuple(line[2:] for line in listed.split("\0") if line.startswith("S "))

    def contents(self, blobs: Iterable[str]) -> dict[str, bytes]:
        """What files hold, by the ids of their contents; all of them from one git process.

        Raises:
            ResultsError: this clone lacks one of them.
        """
        asked = tuple(dict.fromkeys(blobs))
        if not asked:
            return {}
        try:
            out = self._answer(
                "cat-file", "--batch", given="".join(f"{blob}\n" for blob in asked).encode()
            ).out
        except GitFailed as error:
            raise self._lacks(str(error)) from error
        found, place = {}, 0
        for blob in asked:
            end = out.index(b"\n", place)
            said = out[place:end].decode(errors="replace").split()
            if len(said) != 3:  # "ID missing"
                raise self._lacks(" ".join(said))
            start, size = end + 1, int(said[2])
            found[blob] = out[start : start + size]
            place = start + size + 1
        return found

    def text(self, commit: str, path: PurePosixPath) -> str:
        """A file as it is in ``commit``.

        Raises:
            ResultsError: there is none, this clone lacks it, or it is no text.
        """
        blob = self._object("rev-parse", "--verify", "--end-of-options", f"{commit}:{path}")
        try:
            return self.contents([blob])[blob].decode("utf-8")
        except UnicodeDecodeError as error:
            raise ResultsError(f"{path}: is no text", hint=NO_TEXT_HINT) from error

    def first_parents(self, commit: str, limit: int, *, without: str | None = None) -> tuple[str, ...]:
        """``commit`` and its ancestors along first parents, nearest first, at most ``limit``.

        Those that ``without`` has, itself included, are left out.
        """
        range_ = (commit,) if without is None else (commit, f"^{without}")
        listed = self._object("rev-list", "--first-parent", f"--max-count={limit}", *range_, "--")
        return tuple(listed.split())

    def merge_base(self, commit: str, others: Sequence[str]) -> str | None:
        """The best common ancestor of ``commit`` and any of ``others``; None where there is none."""
        try:
            return self.run("merge-base", commit, *others)
        except GitFailed:
            return None

    def known(self, commits: Collection[str]) -> frozenset[str]:
        """Those of these commit ids that this clone has; nothing is fetched for it."""
        asked = "".join(f"{commit}\n" for commit in sorted(commits)).encode()
        said = self.run("cat-file", "--batch-check", given=asked, environment={"GIT_NO_LAZY_FETCH": "1"})
        lines = [line.split() for line in said.splitlines()]
        return frozenset(line[0] for line in lines if line[1:2] == ["commit"])

    def existing(self, refs: Iterable[str]) -> tuple[str, ...]:
        """The commits of those of these branches that there are, each once."""
        found = []
        for ref in refs:
            with suppress(ResultsError):
                found.append(self.resolve(ref))
        return tuple(dict.fromkeys(found))

    def deepen(self) -> None:
        """Fetch the whole history that this shallow clone was cut off from.

        Raises:
            ResultsError: git could not; the message is what it said.
        """
        try:
            self.run("fetch", "--quiet", "--unshallow", "--no-tags", "--no-recurse-submodules")
        except GitFailed as error:
            raise ResultsError(f"the history could not be fetched: {error}", hint=SHALLOW_HINT) from error

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
            raise self._lacks(str(error)) from error

    def _lacks(self, said: str) -> ResultsError:
        return ResultsError(
            f"this clone lacks what was asked for: {said}", hint=self._fetch_hint("the commit")
        )

    def _fetch_hint(self, what: str) -> str:
        try:
            shallow = self.is_shallow()
        except GitFailed:
            shallow = False
        if shallow:
            return f"the clone is shallow: {SHALLOW_HINT}"
        return f"git fetch origin, or name {what} as this clone knows it, such as origin/main"


def repository(folder: Path) -> Repository | None:
    """The repository whose work tree holds ``folder``; None where there is none.

    One that git refuses to read, or that there is no git for, is one: what is then asked of it says so.
    """
    environ = environment()
    try:
        answer = ask("rev-parse", "--show-toplevel", at=folder, environ=environ)
    except GitMissing:
        root = _root_by_files(folder)
    else:
        if answer.code == 0:
            root = Path(answer.text)
        else:
            root = None if "not a git repository" in answer.err else _root_by_files(folder)
    return None if root is None else Repository(root.resolve(), environ)


def _root_by_files(folder: Path) -> Path | None:
    """The root of the work tree where git itself does not say."""
    try:
        with Repo(folder, search_parent_directories=True) as repo:
            return None if repo.working_tree_dir is None else Path(repo.working_tree_dir)
    except (InvalidGitRepositoryError, NoSuchPathError):
        return None


def provenance(folder: Path, *, baselines_folder: Path = Path("baselines")) -> Provenance:
    """Which commit the work tree around ``folder`` stands at.

    ``note`` says why nothing is known, where there is a repository all the same. Dirty means that a tracked
    file differs from the commit: untracked results do not count, nor do the baselines, whose update is itself
    such a difference. All None where there is no repository or no commit yet.

    Args:
        folder: any folder of the work tree.
        baselines_folder: absolute, or relative to ``folder``.
    """
    found = repository(folder)
    if found is None:
        return Provenance()
    try:
        commit = found.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        seconds = found.run("log", "--max-count=1", "--format=%ct", commit, "--")
        return Provenance(
            commit=commit,
            branch=_branch(found),
            dirty=_dirty(found, folder / baselines_folder),
            committed_at=datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
    except GitFailed as error:
        unborn = "ambiguous argument" in str(error) or str(error) == "no message"
        return Provenance(note=None if unborn else f"The measured commit is not known: {error}.")
    except Refused as error:
        return Provenance(note=f"The measured commit is not known: {error} ({error.hint}).")


def trailers(folder: Path, key: str, *, base: str | None, head: str) -> tuple[tuple[str, str], ...]:
    """The commits that carry a trailer, each with its value; newest first, a commit once per value.

    Read are the commits up to ``head`` that ``base`` does not have; ``head`` alone where ``base`` is None or
    not known here. None where there is no repository, or ``head`` is not known.

    Raises:
        Refused: git will not read the repository.
    """
    found = repository(folder)
    if found is None:
        return ()
    try:
        tip = found.resolve(head)
    except Refused:
        raise
    except ResultsError:
        return ()
    commits = ["--max-count=1", tip]
    if base is not None:
        with suppress(ResultsError):
            commits = [f"{found.resolve(base)}..{tip}"]
    messages = found.trailers(key, *commits)
    lines = [record.strip().split(_FIELD) for record in messages.split(_RECORD)]
    return tuple((commit, value) for commit, *values in lines for value in values if value)


def why_unread(folder: Path, *, base: str | None, head: str) -> str | None:
    """Why ``trailers`` has not read all commits between, as a sentence; None where it has, or needs none.

    Raises:
        Refused: git will not read the repository.
    """
    found = repository(folder)
    if found is None or base is None:
        return None
    lacking = sorted({base, head} - found.known({base, head}))
    if not lacking and (not found.is_shallow() or found.merge_base(head, [base]) == base):
        return None
    what = f"lacks {' and '.join(commit[:9] for commit in lacking)}" if lacking else "is cut off between them"
    remedy = f"; the clone is shallow: {SHALLOW_HINT}" if found.is_shallow() else ""
    return f"What the commits after {base[:9]} accept was not read whole: this clone {what}{remedy}."


def _branch(repo: Repository) -> str | None:
    try:
        return repo.run("symbolic-ref", "--quiet", "--short", "HEAD")
    except GitFailed:  # detached
        return None


def _dirty(repo: Repository, baselines_folder: Path) -> bool:
    pathspec = [":(top)"]
    if baselines_folder.resolve().is_relative_to(repo.root):
        pathspec.append(f":(top,exclude,literal){repo.relative(baselines_folder)}")
    how = ("--porcelain", "--untracked-files=no", "--ignore-submodules=untracked")
    status = repo.run("--no-optional-locks", "status", *how, "--", *pathspec)
    return bool(status)
