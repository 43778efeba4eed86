"""The one way to git: its own commands, without whatever its user has configured that would change an answer.

Commands are run rather than read from a library, so that git itself decides what a repository is, who may
read it and what a partial clone lacks, and so that it can be ended in order. Knows nothing of baselines.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from govbench.results.redact import redact

_END_S: Final = 5.0

# Set by git for its hooks and by hand; they would point git at another repository than the one around us, or
# have it read paths and histories otherwise. Configuration by variables stays: safe.directory may be in it.
_ELSEWHERE: Final = frozenset({
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH", "GIT_SHALLOW_FILE",
    "GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
    "GIT_ATTR_SOURCE", "GIT_EXTERNAL_DIFF", "GIT_TRACE", "GIT_TRACE_SETUP", "LANGUAGE",
})  # fmt: skip

# What a user may have configured and what would change what git prints, writes or runs.
_NEUTRAL: Final = (
    "advice.detachedHead=false",
    "color.ui=false",
    "column.ui=never",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "diff.mnemonicPrefix=false",
    "diff.noprefix=false",
    "gc.auto=0",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "log.showSignature=false",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "trailer.separators=:",
)

# How ``cat-file`` says that a link leads out of the commit, to nothing, or to itself.
_LINKS_ASTRAY: Final = frozenset({"symlink", "dangling", "loop"})

# For files written as they are in the commit: all of them, and not as the user's other files are written.
AS_COMMITTED: Final = ("core.autocrlf=false", "core.sparseCheckout=false", "index.sparse=false")


class GitFailed(Exception):
    """A git command ended with an error; the text is what git said."""


class GitMissing(GitFailed):
    """There is no git on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a git command came to."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """What it printed, without the line break at the end."""
        return self.out.decode("utf-8", errors="surrogateescape").rstrip("\n")


def ask(
    *arguments: str,
    at: Path,
    environ: Mapping[str, str],
    settings: Iterable[str] = (),
    variables: Mapping[str, str] | None = None,
    given: bytes | None = None,
) -> Answer:
    """What git says, whatever it is; ended in order when we are interrupted, so that it clears up.

    Args:
        arguments: the command and what follows.
        at: the folder that it runs in.
        environ: the environment of this process.
        settings: ``key=value``, besides the neutral ones.
        variables: of the environment, besides.
        given: what it reads from its input.

    Raises:
        GitMissing: there is no git, or no such folder.
    """
    told = [part for setting in (*_NEUTRAL, *settings) for part in ("-c", setting)]
    kept = {name: text for name, text in environ.items() if name not in _ELSEWHERE}
    try:
        process = subprocess.Popen(
            ["git", *told, *arguments],
            cwd=at,
            env={**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(variables or {})},
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise GitMissing("git is not installed" if at.is_dir() else f"{at}: no such folder") from error
    with process:
        try:
            out, err = process.communicate(given)
        except BaseException:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_END_S)
            process.kill()
            raise
    return Answer(code=process.returncode, out=out, err=redact(err.decode(errors="replace")).strip())


def contents_at(
    commit: str, paths: Sequence[PurePosixPath], *, at: Path, environ: Mapping[str, str]
) -> dict[PurePosixPath, bytes]:
    """What files hold in the tree of a commit, all of them from one process; links within it are followed.

    Left out is what is not there, or no file.

    Args:
        commit: full id.
        paths: from the root of the work tree.
        at: any folder of it.
        environ: the environment of this process.

    Raises:
        GitFailed: this clone lacks one of them, or one is a link that leads to no file of the commit.
    """
    if any("\n" in f"{path}" for path in paths):  # git is asked line by line
        raise GitFailed("a path has a line break")
    given = "".join(f"{commit}:{path}\n" for path in paths).encode(errors="surrogateescape")
    answer = ask("cat-file", "--batch", "--follow-symlinks", at=at, environ=environ, given=given)
    if answer.code != 0:
        raise GitFailed(answer.err or "no message")
    found, place = {}, 0
    for path in paths:
        end = answer.out.index(b"\n", place)
        said = answer.out[place:end].decode(errors="replace").split()
        place = end + 1
        if said[-1] == "missing":
            continue
        start, place = place, place + int(said[-1]) + 1  # what follows has that length, and a line break
        if said[0] in _LINKS_ASTRAY:
            raise GitFailed(f"{path} is a link that leads to no file of that commit")
        if said[1] == "blob":
            found[path] = answer.out[start : place - 1]
    return found
