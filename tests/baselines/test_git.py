from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from git import Repo

from govbench.baselines.git import Change, Repository, provenance, repository, trailers
from govbench.errors import PublishError, ResultsError
from govbench.results.run import Provenance


@pytest.fixture
def found(folder: Path) -> Iterator[Repository]:
    with repository(folder) as its_repository:
        assert its_repository is not None
        yield its_repository


def change(name: str = "kept/a.json", removed: tuple[str, ...] = ()) -> Change:
    return Change(
        added=(PurePosixPath(name),),
        removed=tuple(map(PurePosixPath, removed)),
        message="subject\n\nKey: value",
    )


def test_provenance_of_a_clean_commit(repo: Repo, folder: Path) -> None:
    assert provenance(folder) == Provenance(
        commit=repo.head.commit.hexsha, branch="main", dirty=False, committed_at="2026-01-01T15:00:00Z"
    )


def test_provenance_from_a_folder_below(repo: Repo, folder: Path) -> None:
    (folder / "deep/down").mkdir(parents=True)
    assert provenance(folder / "deep/down").commit == repo.head.commit.hexsha


def test_no_repository_has_no_provenance(tmp_path: Path) -> None:
    assert provenance(tmp_path) == Provenance()
    assert provenance(tmp_path / "missing") == Provenance()


def test_empty_and_bare_repositories_have_no_provenance(empty_repo: Repo, tmp_path: Path) -> None:
    assert provenance(Path(empty_repo.working_dir)) == Provenance()
    Repo.init(tmp_path / "bare.git", bare=True).close()
    assert provenance(tmp_path / "bare.git") == Provenance()


def test_a_machine_without_git_has_no_provenance(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert provenance(folder) == Provenance()


@pytest.mark.parametrize("staged", [False, True])
def test_a_changed_tracked_file_is_dirty(repo: Repo, folder: Path, staged: bool) -> None:
    (folder / "app.py").write_text("changed\n")
    if staged:
        repo.git.add("app.py")
    assert provenance(folder).dirty is True


def test_results_and_baselines_are_not_dirt(found: Repository, folder: Path) -> None:
    (folder / "results").mkdir()
    (folder / "results/results.json").write_text("{}")
    (folder / "baselines").mkdir()
    (folder / "baselines/a.json").write_text("{}")
    found.commit(change("baselines/a.json"))
    (folder / "baselines/a.json").write_text('{"changed": 1}')
    assert provenance(folder).dirty is False
    assert provenance(folder, baselines_folder=Path("elsewhere")).dirty is True


def test_detached_head_has_no_branch(repo: Repo, folder: Path) -> None:
    repo.git.checkout("-q", "--detach", "HEAD~1")
    found = provenance(folder)
    assert (found.branch, found.commit) == (None, repo.head.commit.hexsha)


@pytest.mark.parametrize("ref", ["nowhere", "main~99", "--all", "", "main:app.py"])
def test_unknown_ref_is_named(found: Repository, ref: str) -> None:
    with pytest.raises(ResultsError) as caught:
        found.resolve(ref)
    assert str(caught.value).startswith(f"{ref}: ")
    assert "fetch" in (caught.value.hint or "")


def test_a_shallow_clone_says_how_to_deepen_it(folder: Path, tmp_path: Path) -> None:
    Repo.clone_from(f"file://{folder}", tmp_path / "clone", depth=1).close()
    with repository(tmp_path / "clone") as clone:
        assert clone is not None
        with pytest.raises(ResultsError) as caught:
            clone.resolve("main~2")
    assert "fetch-depth: 0" in (caught.value.hint or "")


def test_missing_objects_are_an_error(found: Repository, repo: Repo, folder: Path) -> None:
    blob = str(repo.git.rev_parse("HEAD:app.py"))
    (folder / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(ResultsError, match="lacks"):
        found.text(repo.head.commit.hexsha, PurePosixPath("app.py"))


def test_a_path_outside_is_refused(found: Repository, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="outside"):
        found.relative(tmp_path / "elsewhere")


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_commit_holds_only_its_files_and_leaves_the_rest_staged(
    found: Repository, repo: Repo, folder: Path
) -> None:
    write(folder, "staged.txt", "staged")
    repo.git.add("staged.txt")
    write(folder, "app.py", "not staged\n")
    write(folder, "kept/a.json", "{}\n")
    before = repo.head.commit.hexsha
    sha = found.commit(change())
    assert sha == repo.git.rev_parse("main")
    assert repo.git.rev_parse(f"{sha}^") == before
    assert repo.git.show("--name-only", "--format=%an %ae%n%B", sha).split() == [
        "Ada", "ada@example.org", "subject", "Key:", "value", "kept/a.json",
    ]  # fmt: skip
    assert repo.git.diff("--cached", "--name-only") == "staged.txt"
    assert repo.git.diff("--name-only") == "app.py"


def test_commit_removes(found: Repository, repo: Repo, folder: Path) -> None:
    write(folder, "kept/a.json", "{}\n")
    found.commit(change())
    (folder / "kept/a.json").unlink()
    write(folder, "kept/b.json", "{}\n")
    found.commit(change("kept/b.json", removed=("kept/a.json", "kept/never-there.json")))
    assert repo.git.ls_tree("-r", "--name-only", "HEAD").split() == ["app.py", "kept/b.json"]
    assert repo.git.status("--porcelain") == ""


def test_unchanged_is_no_commit(found: Repository, folder: Path) -> None:
    write(folder, "kept/a.json", "{}\n")
    assert found.commit(change()) is not None
    assert found.commit(change()) is None


def test_detached_head_takes_a_commit(found: Repository, repo: Repo, folder: Path) -> None:
    repo.git.checkout("-q", "--detach", "HEAD~1")
    main = repo.git.rev_parse("main")
    write(folder, "kept/a.json", "{}\n")
    sha = found.commit(change())
    assert repo.git.rev_parse("HEAD") == sha
    assert repo.git.rev_parse("main") == main


def test_no_author_is_an_error_that_says_how_to_set_one(found: Repository, repo: Repo, folder: Path) -> None:
    with repo.config_writer() as config:
        config.remove_section("user")
    write(folder, "kept/a.json", "{}\n")
    with pytest.raises(PublishError, match=r"user\.name") as caught:
        found.commit(change())
    assert "git config" in (caught.value.hint or "")


def test_empty_repository_takes_no_commit(empty_repo: Repo) -> None:
    folder = Path(empty_repo.working_dir)
    write(folder, "kept/a.json", "{}\n")
    with repository(folder) as found:
        assert found is not None
        with pytest.raises(PublishError, match="commit"):
            found.commit(change())


def test_a_head_that_moved_meanwhile_is_built_upon(
    found: Repository, repo: Repo, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "kept/a.json", "{}\n")
    make_object = found._commit_object
    moved: list[str] = []

    def move_head_once(head: str, its_change: Change) -> str | None:
        made = make_object(head, its_change)
        if not moved:
            moved.append(str(repo.git.commit_tree("-p", head, "-m", "other", f"{head}^{{tree}}")))
            repo.git.update_ref("HEAD", moved[0])
        return made

    monkeypatch.setattr(found, "_commit_object", move_head_once)
    sha = found.commit(change())
    assert repo.git.rev_parse(f"{sha}^") == moved[0]


def test_a_head_that_cannot_move_is_reported(
    found: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govbench.baselines.git._RETRY_PAUSE_S", 0)
    write(folder, "kept/a.json", "{}\n")
    (folder / ".git/refs/heads/main.lock").touch()
    with pytest.raises(PublishError, match="HEAD could not be moved"):
        found.commit(change())


def test_a_locked_index_is_reported_after_the_commit(
    found: Repository, repo: Repo, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govbench.baselines.git._RETRY_PAUSE_S", 0)
    write(folder, "kept/a.json", "{}\n")
    (folder / ".git/index.lock").touch()
    with pytest.raises(PublishError, match="committed, but the index") as caught:
        found.commit(change())
    assert caught.value.hint == "git reset -- kept/a.json"
    assert repo.git.show("HEAD:kept/a.json") == "{}"


# Trailers.


def say(repo: Repo, message: str) -> str:
    repo.git.commit("-q", "--allow-empty", "-m", message)
    return str(repo.git.rev_parse("HEAD"))


def test_the_trailers_of_the_commits_between(repo: Repo, folder: Path) -> None:
    say(repo, "before\n\nGovbench-Accept: all before the base")
    base = say(repo, "base")
    told = "Govbench-Accept: throughput_rps fewer\n workers\nGovbench-Accept: error_rate x"
    first = say(repo, f"one\n\ntext\n\n{told}")
    say(repo, "two\n\nGovbench-Accepted: another key\nSigned-off-by: Ada")
    head = say(repo, "three\n\nGovbench-Accept: in the text, not at the end\n\nThe end.")
    last = say(repo, "four\n\nGovbench-accept: all ünïcödé")

    assert trailers(folder, "Govbench-Accept", base=base, head=head) == (
        (first, "throughput_rps fewer workers"),
        (first, "error_rate x"),
    )
    assert trailers(folder, "Govbench-Accept", base=base, head=last)[0] == (last, "all ünïcödé")


@pytest.mark.parametrize("base", [None, "0" * 40, "no-such-ref", "--all"])
def test_without_a_base_the_head_alone_is_read(repo: Repo, folder: Path, base: str | None) -> None:
    say(repo, "one\n\nGovbench-Accept: all first")
    head = say(repo, "two\n\nGovbench-Accept: all second")
    assert trailers(folder, "Govbench-Accept", base=base, head=head) == ((head, "all second"),)


def test_what_the_base_has_accepted_accepts_nothing_new(repo: Repo, folder: Path) -> None:
    older = say(repo, "one\n\nGovbench-Accept: all first")
    base = say(repo, "two\n\nGovbench-Accept: all second")
    assert trailers(folder, "Govbench-Accept", base=base, head=base) == ()
    assert trailers(folder, "Govbench-Accept", base=base, head=older) == ()


@pytest.mark.parametrize("head", ["0" * 40, "no-such-ref", "--output=x"])
def test_an_unknown_head_has_no_trailers(repo: Repo, folder: Path, head: str) -> None:
    say(repo, "one\n\nGovbench-Accept: all first")
    assert trailers(folder, "Govbench-Accept", base=None, head=head) == ()
    assert not (folder / "x").exists()


def test_there_are_no_trailers_without_a_repository(tmp_path: Path) -> None:
    assert trailers(tmp_path, "Govbench-Accept", base=None, head="HEAD") == ()
