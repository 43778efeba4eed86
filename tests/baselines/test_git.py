from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from git import Repo

from govbench.baselines.git import Change, Repository, provenance, repository, trailers
from govbench.errors import PublishError, ResultsError
from govbench.results.run import Provenance


@pytest.fixture
def found(folder: Path) -> Repository:
    its_repository = repository(folder)
    assert its_repository is not None
    return its_repository


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
    assert provenance(folder) == Provenance(note="The measured commit is not known: git is not installed.")


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
    clone = repository(tmp_path / "clone")
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
    found = repository(folder)
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


# What a user has configured: besides this, every test here runs with all of it, too.


def signed(repo: Repo, folder: Path, message: str) -> str:
    """A commit on HEAD that carries a signature, which no key here belongs to."""
    tree, parent = repo.git.rev_parse("HEAD^{tree}"), repo.git.rev_parse("HEAD")
    who = "Ada <ada@example.org> 1767290400 +0000"
    signature = "-----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----"
    (folder.parent / "commit").write_text(
        f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\ngpgsig {signature}\n\n{message}\n"
    )
    sha = str(repo.git.hash_object("-t", "commit", "-w", str(folder.parent / "commit")))
    repo.git.update_ref("HEAD", sha)
    return sha


def test_a_signed_commit_is_read_as_any_other(repo: Repo, folder: Path) -> None:
    sha = signed(repo, folder, "signed\n\nGovbench-Accept: all with a signature")
    with repo.config_writer() as config:
        config.set_value("log", "showSignature", "true")

    found = provenance(folder)
    assert (found.commit, found.committed_at) == (sha, "2026-01-01T18:00:00Z")
    assert trailers(folder, "Govbench-Accept", base="HEAD~1", head="HEAD") == ((sha, "all with a signature"),)


def test_messages_are_written_and_read_as_utf_8(found: Repository, repo: Repo, folder: Path) -> None:
    with repo.config_writer() as config:
        config.set_value("i18n", "commitEncoding", "ISO-8859-1")
        config.set_value("i18n", "logOutputEncoding", "ISO-8859-1")
    write(folder, "kept/a.json", "{}\n")
    message = "größer\n\nGovbench-Accept: all größer"
    sha = found.commit(Change(added=(PurePosixPath("kept/a.json"),), removed=(), message=message))

    assert "encoding" not in repo.git.cat_file("commit", sha)
    assert trailers(folder, "Govbench-Accept", base=None, head="HEAD") == ((sha, "all größer"),)


def test_files_come_with_the_names_and_contents_that_they_have(found: Repository, folder: Path) -> None:
    odd = 'kept/gr\u00f6\u00dfe \\ "a".json'
    write(folder, odd, "ü\r\n")
    write(folder, "kept/empty.json", "")
    (folder / "kept/link.json").symlink_to("empty.json")
    added = tuple(PurePosixPath(name) for name in (odd, "kept/empty.json"))
    sha = found.commit(Change(added=added, removed=(), message="odd"))
    assert sha is not None

    files = found.files(sha, PurePosixPath("kept"))
    assert set(files) == set(added)
    assert found.contents(files.values()) == {files[added[0]]: "ü\r\n".encode(), files[added[1]]: b""}
    assert found.text(sha, added[0]) == "ü\r\n"
    assert found.contents(()) == {}
    with pytest.raises(ResultsError, match=r"lacks what was asked for: 0{40} missing"):
        found.contents(["0" * 40])


def test_a_link_is_no_file(repo: Repo, found: Repository, folder: Path) -> None:
    (folder / "link.json").symlink_to("app.py")
    repo.git.add("link.json")
    repo.git.commit("-q", "-m", "a link")

    assert list(found.files("HEAD", PurePosixPath("link.json"))) == []


def test_variables_of_a_git_hook_do_not_lead_elsewhere(
    repo: Repo, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = repo.head.commit.hexsha
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")

    found = provenance(folder)

    assert (found.commit, found.dirty) == (head, False)


def test_a_submodule_at_another_commit_is_dirt_and_files_in_it_are_not(
    repo: Repo, folder: Path, tmp_path: Path
) -> None:
    with Repo.init(tmp_path / "part") as part:
        for number in range(2):
            part.git.execute([
                "git", "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q",
                "--allow-empty", "-m", str(number),
            ])  # fmt: skip
    allowed = ["git", "-c", "protocol.file.allow=always"]
    repo.git.execute([*allowed, "submodule", "add", "-q", str(tmp_path / "part"), "part"])
    repo.git.commit("-q", "-m", "a part")
    (folder / "part/built").write_text("by a build")
    assert provenance(folder).dirty is False

    Repo(folder / "part").git.checkout("-q", "--detach", "HEAD~1")
    assert provenance(folder).dirty is True
