"""The files of the gate, read from a real repository: refs, links, folders, and what git cannot give."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from git import Repo

from govbench.errors import ConfigError, ResultsError
from govbench.pipeline.gate import files_at


@pytest.fixture
def root(repo: Repo) -> Path:
    return Path(repo.working_dir).resolve()


def commit(repo: Repo, **files: str) -> str:
    root = Path(repo.working_dir)
    for name, text in files.items():
        path = (
            root
            / {"own": "govbench.toml", "shared": "pyproject.toml", "inner": "größe 1/govbench.toml"}[name]
        )
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    repo.git.add("-A")
    repo.git.commit("-q", "-m", "state")
    return str(repo.head.commit.hexsha)


def test_files_are_those_of_the_commit(repo: Repo, root: Path) -> None:
    base = commit(repo, own="suite = 'then'\n", shared="[project]\n")
    (root / "govbench.toml").write_text("suite = 'now'\n")
    (root / ".env.test").write_text("MAX_ERROR_RATE=1\n")

    for ref in ("HEAD", "main", base, base[:9]):
        found = files_at(ref, cwd=root, config_file=None)
        assert (found.ref, found.commit) == (ref, base)
        assert dict(found.texts) == {
            root / "govbench.toml": "suite = 'then'\n",
            root / "pyproject.toml": "[project]\n",
        }


def test_from_a_folder_within_the_nearest_comes_first(repo: Repo, root: Path) -> None:
    commit(repo, own="suite = 'outer'\n", inner="\ufeffsuite = 'inner'\n")

    found = files_at("HEAD", cwd=root / "größe 1", config_file=None)

    assert list(found.texts.items()) == [
        (root / "größe 1" / "govbench.toml", "suite = 'inner'\n"),
        (root / "govbench.toml", "suite = 'outer'\n"),
    ]


def test_a_link_leads_to_what_the_commit_has_there(repo: Repo, root: Path) -> None:
    (root / "settings").mkdir()
    (root / "settings" / "gate.toml").write_text("suite = 'then'\n")
    (root / "govbench.toml").symlink_to("settings/gate.toml")
    commit(repo)
    (root / "govbench.toml").unlink()
    (root / "govbench.toml").symlink_to("/dev/null")

    assert files_at("HEAD", cwd=root, config_file=None).texts == {root / "govbench.toml": "suite = 'then'\n"}


@pytest.mark.parametrize("leads_to", ["/etc/hostname", "nowhere.toml", "govbench.toml"])
def test_a_link_that_leads_nowhere(repo: Repo, root: Path, leads_to: str) -> None:
    (root / "govbench.toml").symlink_to(leads_to)
    commit(repo)

    with pytest.raises(
        ConfigError, match=r"--gate-from HEAD: .*govbench\.toml is a link that leads to no file"
    ):
        files_at("HEAD", cwd=root, config_file=None)


def test_a_folder_of_that_name_is_no_file(repo: Repo, root: Path) -> None:
    (root / "govbench.toml").mkdir()
    (root / "govbench.toml" / "file").write_text("text")
    commit(repo)

    assert files_at("HEAD", cwd=root, config_file=None).texts == {}


def test_folders_with_strange_names(repo: Repo, root: Path) -> None:
    plain, broken = root / os.fsdecode(b"caf\xe9 missing"), root / "two\nlines"
    for folder in (plain, broken):
        folder.mkdir()
        (folder / "govbench.toml").write_text("suite = 'then'\n")
    commit(repo)

    assert files_at("HEAD", cwd=plain, config_file=None).texts == {
        plain / "govbench.toml": "suite = 'then'\n"
    }
    with pytest.raises(ConfigError, match="a path has a line break"):
        files_at("HEAD", cwd=broken, config_file=None)


def test_refs_that_are_none(repo: Repo, root: Path) -> None:
    commit(repo, own="suite = 'then'\n")

    for ref in ("no-such-branch", "", "--all", "HEAD:govbench.toml"):
        with pytest.raises(ResultsError, match="no such commit, branch or tag"):
            files_at(ref, cwd=root, config_file=None)


def test_without_a_repository(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="is not in a git repository"):
        files_at("main", cwd=tmp_path, config_file=None)


def test_a_named_file_outside_the_repository(repo: Repo, root: Path) -> None:
    commit(repo, own="suite = 'then'\n")
    (root.parent / "gate.toml").write_text("")

    with pytest.raises(ConfigError, match=r"gate\.toml lies outside the git repository"):
        files_at("HEAD", cwd=root, config_file=Path("../gate.toml"))


def test_a_file_that_is_no_text(repo: Repo, root: Path) -> None:
    (root / "govbench.toml").write_bytes(b"suite = '\xff'\n")
    commit(repo)

    with pytest.raises(ConfigError, match=r"^HEAD:govbench.toml: is not UTF-8 text"):
        files_at("HEAD", cwd=root, config_file=None)
