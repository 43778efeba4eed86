"""Submodules of a commit that is checked out: populated from this machine, or refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from govbench.errors import ConfigError
from govbench.stack.checkout import checked_out
from tests.stack.repository import Repository, make_repository

ALLOWED = ("-c", "protocol.file.allow=always")


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    folder = tmp_path / "parent"
    folder.mkdir()
    return folder


@pytest.fixture
def with_parts(repository: Repository, tmp_path: Path) -> Repository:
    """A repository whose submodule ``lib/part`` has a submodule ``inner`` of its own."""
    inner = make_repository(tmp_path / "inner")
    part = make_repository(tmp_path / "part")
    part.git(*ALLOWED, "submodule", "add", "-q", str(inner.root), "inner")
    part.commit()
    repository.git(*ALLOWED, "submodule", "add", "-q", str(part.root), "lib/part")
    repository.git(*ALLOWED, "submodule", "update", "--init", "--recursive", "-q")
    repository.commit()
    Repository(root=repository.root / "lib/part").git("checkout", "-q", "--detach", "HEAD~1")
    return repository


def test_submodules_come_at_the_commits_that_are_asked_for(with_parts: Repository, parent: Path) -> None:
    before = with_parts.state()
    with checked_out("HEAD", repository=with_parts.root, parent=parent) as found:
        assert (found.root / "lib/part/app.py").exists()
        assert (found.root / "lib/part/inner/app.py").exists()
        asked = with_parts.git("rev-parse", "HEAD:lib/part")
        assert Repository(root=found.root / "lib/part").git("rev-parse", "HEAD") == asked
    assert with_parts.state() == before
    assert with_parts.worktrees() == []
    assert list(parent.iterdir()) == []


def test_one_that_is_not_here_is_refused_and_named(with_parts: Repository, parent: Path) -> None:
    with_parts.git("submodule", "deinit", "-q", "--force", "lib/part")
    shutil.rmtree(with_parts.root / ".git/modules")

    with (
        pytest.raises(ConfigError, match=r"git:HEAD: submodule lib/part is not on this machine at") as caught,
        checked_out("HEAD", repository=with_parts.root, parent=parent),
    ):
        pass
    assert "git submodule update --init --recursive" in (caught.value.hint or "")
    assert with_parts.worktrees() == []
    assert list(parent.iterdir()) == []


def test_a_commit_without_submodules_asks_for_none(with_parts: Repository, parent: Path) -> None:
    with checked_out("HEAD~1", repository=with_parts.root, parent=parent) as found:
        assert not (found.root / "lib").exists()
