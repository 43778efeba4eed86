"""The files of the commit that the gate is read from, by git. What they say is up to ``config/gate.py``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from govbench.baselines.git import repository
from govbench.baselines.work_tree import require
from govbench.config.environment import environment
from govbench.config.gate import CommitFiles, files_of_the_gate
from govbench.errors import ConfigError
from govbench.git import GitFailed, contents_at


def files_at(ref: str, *, cwd: Path, config_file: Path | None) -> CommitFiles:
    """What configures the gate at ``ref``: the files of that commit where a call from ``cwd`` looks for them.

    Raises:
        ConfigError: the named file is not of the repository, or one cannot be read there.
        ResultsError: there is no repository, or ``ref`` names no commit of it.
    """
    repo = require(repository(cwd), cwd)
    commit = repo.resolve(ref)
    wanted = {
        _place(path, repo.root, ref): path for path in files_of_the_gate(cwd, config_file, root=repo.root)
    }
    try:
        found = contents_at(commit, tuple(wanted), at=repo.root, environ=environment())
    except GitFailed as error:
        raise ConfigError(f"--gate-from {ref}: cannot be read there: {error}") from error
    texts = {wanted[place]: _text(content, f"{ref}:{place}") for place, content in found.items()}
    return CommitFiles(ref=ref, commit=commit, texts=texts)


def _place(path: Path, root: Path, ref: str) -> PurePosixPath:
    # What the name itself links to, the commit says and not the work tree.
    path = path.parent.resolve() / path.name
    if not path.is_relative_to(root):
        raise ConfigError(
            f"--gate-from {ref}: {path} lies outside the git repository {root}, so no commit has it",
            hint="name a file of the repository with --config, or leave --gate-from out",
        )
    return PurePosixPath(path.relative_to(root))


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: is not UTF-8 text", hint="save it as UTF-8") from error
