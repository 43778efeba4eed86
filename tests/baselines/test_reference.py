"""Which stored runs a commit is held against, in real histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from git import Repo

from govbench.baselines.entries import list_entries, read_readable, store
from govbench.baselines.git import Refused, provenance, repository, trailers, why_unread
from govbench.baselines.reference import Chosen, choose
from govbench.errors import PublishError
from govbench.results.baseline import BaselineEntry
from tests.baselines.conftest import FIRST_COMMIT_AT, MACHINE, commit_file

BASELINES = Path("baselines")
EntryOf = Callable[..., BaselineEntry]


def shas(chosen: Chosen) -> list[str]:
    return [entry.commit for entry in chosen.entries]


def newest_first(*entries: BaselineEntry) -> list[BaselineEntry]:
    return sorted(entries, key=lambda entry: entry.committed_at, reverse=True)


def rev(repo: Repo, ref: str) -> str:
    return str(repo.git.rev_parse(ref))


def commit(repo: Repo, name: str, hours: float) -> str:
    return commit_file(repo, name, f"{name} {hours}\n", FIRST_COMMIT_AT + timedelta(hours=hours))


@pytest.fixture
def merged(repo: Repo, entry_of: EntryOf) -> list[BaselineEntry]:
    """A branch ``topic`` from main~2 that has merged main~1; both and main are measured."""
    repo.git.checkout("-q", "-b", "topic", "main~2")
    commit(repo, "topic.py", 1.5)
    repo.git.merge("-q", "--no-ff", "-m", "merge main", "main~1")
    commit(repo, "topic2.py", 2.5)
    return newest_first(*(entry_of(f"main~{back}") for back in range(4)))


@pytest.mark.parametrize("onto", [None, "main"])
def test_a_branch_that_merged_main_is_held_against_what_it_merged(
    repo: Repo, folder: Path, merged: Sequence[BaselineEntry], onto: str | None
) -> None:
    chosen = choose(folder, merged, measured=rev(repo, "topic"), onto=onto)

    assert shas(chosen) == [rev(repo, f"main~{back}") for back in (1, 2, 3)]
    assert (chosen.distance, chosen.notes) == (3, ())


def test_the_measured_commit_counts_where_a_ref_is_named(
    repo: Repo, folder: Path, merged: Sequence[BaselineEntry]
) -> None:
    """The tip of main is no ancestor of what was measured, though the baselines are read there."""
    chosen = choose(folder, merged, measured=rev(repo, "main~2"), onto="main")

    assert (shas(chosen)[0], chosen.distance) == (rev(repo, "main~2"), 0)


def test_a_rebased_branch_is_held_against_where_it_stands_now(
    repo: Repo, folder: Path, merged: Sequence[BaselineEntry]
) -> None:
    repo.git.checkout("-q", "-b", "moved", "main~2")
    commit(repo, "moved.py", 1.6)
    before = choose(folder, merged, measured=rev(repo, "moved"), onto="main")
    repo.git.rebase("-q", "main")
    after = choose(folder, merged, measured=rev(repo, "moved"), onto="main")

    assert (shas(before)[0], shas(after)[0]) == (rev(repo, "main~2"), rev(repo, "main"))
    assert (before.distance, after.distance) == (1, 1)


def test_main_is_followed_and_not_a_merged_branch(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    repo.git.checkout("-q", "-b", "topic", "HEAD~1")
    commit(repo, "topic.py", 2.5)
    entries = newest_first(entry_of("topic"), entry_of("main~2"))
    repo.git.checkout("-q", "main")
    repo.git.merge("-q", "--no-ff", "-m", "merge", "topic")

    chosen = choose(folder, entries, measured=rev(repo, "main"))
    assert (shas(chosen), chosen.distance) == ([rev(repo, "main~3")], 3)


def test_commits_of_a_branch_count_where_main_does_not_ask(
    repo: Repo, folder: Path, merged: Sequence[BaselineEntry], entry_of: EntryOf
) -> None:
    entries = newest_first(*merged, entry_of("topic~1"))

    own = choose(folder, entries, measured=rev(repo, "topic"))
    assert (shas(own)[0], own.distance) == (rev(repo, "topic~1"), 1)
    asked = choose(folder, entries, measured=rev(repo, "topic"), onto="main")
    assert rev(repo, "topic~1") not in shas(asked)


def test_none_that_is_an_ancestor_is_told_and_all_count(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    chosen = choose(folder, [entry_of("HEAD")], measured=rev(repo, "HEAD~2"))

    assert (len(chosen.entries), chosen.distance) == (1, None)
    assert "none of the 1 stored runs" in chosen.notes[0]


def test_a_commit_that_the_clone_lacks(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    gone = replace(entry_of("HEAD~3"), commit="a" * 40)
    chosen = choose(folder, [entry_of("HEAD~1"), gone], measured="f" * 40)

    assert shas(chosen) == [rev(repo, "HEAD~1"), "a" * 40]
    assert "lacks the measured commit fffffffff" in chosen.notes[0]
    assert "1 stored runs are of commits that this clone lacks" in chosen.notes[1]


def test_without_a_repository_all_count(tmp_path: Path, entry_of: EntryOf) -> None:
    assert choose(tmp_path, [entry_of()], measured=None) == Chosen(entries=(entry_of(),))


@pytest.fixture
def shallow(folder: Path, tmp_path: Path) -> Path:
    Repo.clone_from(f"file://{folder}", tmp_path / "shallow", depth=1).close()
    return tmp_path / "shallow"


@pytest.mark.parametrize("deepen", [False, True])
def test_a_shallow_clone_says_what_it_lacks_or_fetches_it_where_it_may(
    repo: Repo, shallow: Path, entry_of: EntryOf, deepen: bool
) -> None:
    chosen = choose(shallow, [entry_of("HEAD~1")], measured=rev(repo, "HEAD"), deepen=deepen)

    assert chosen.distance == (1 if deepen else None)
    said = " ".join(chosen.notes)
    assert ("its history was fetched" if deepen else "git fetch --unshallow, or fetch-depth: 0") in said


def test_history_that_cannot_be_fetched_is_told(shallow: Path, folder: Path, entry_of: EntryOf) -> None:
    entry = entry_of("HEAD~1")
    folder.rename(folder.with_name("gone"))
    chosen = choose(shallow, [entry], measured=None, deepen=True)

    assert chosen.distance is None
    assert "the history could not be fetched: fatal: " in chosen.notes[0]


def test_trailers_that_a_shallow_clone_hides_are_told(repo: Repo, shallow: Path, folder: Path) -> None:
    base, head = rev(repo, "HEAD~2"), rev(repo, "HEAD")

    said = why_unread(shallow, base=base, head=head)
    assert said is not None
    assert f"lacks {base[:9]}; the clone is shallow: git fetch --unshallow" in said
    assert why_unread(folder, base=base, head=head) is None
    assert why_unread(folder, base=None, head=head) is None


def test_a_repository_of_somebody_else_is_refused_in_gits_words(
    repo: Repo, folder: Path, entry_of: EntryOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = entry_of()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    chosen = choose(folder, [entry], measured=entry.commit)
    found = provenance(folder)
    for said in (chosen.notes[0], found.note or ""):
        assert "detected dubious ownership" in said
        assert f"git config --global --add safe.directory {folder}" in said
    assert found.commit is None
    with pytest.raises(Refused):
        trailers(folder, "Govbench-Accept", base=None, head="HEAD")
    with pytest.raises(PublishError, match="dubious ownership"):
        store(entry, folder=folder, baselines_folder=BASELINES)


def test_a_linked_worktree_and_a_partial_clone_are_repositories_like_any(
    repo: Repo, folder: Path, tmp_path: Path, entry_of: EntryOf
) -> None:
    store(entry_of("HEAD~1"), folder=folder, baselines_folder=BASELINES, commit=True)
    repo.git.config("uploadpack.allowFilter", "true")
    Repo.clone_from(
        f"file://{folder}", tmp_path / "partial", multi_options=["--filter=blob:none", "--no-checkout"]
    ).close()
    repo.git.worktree("add", "-q", "--detach", str(tmp_path / "tree"))

    for place in (tmp_path / "partial", tmp_path / "tree"):
        entries = list_entries(place, BASELINES, ref="HEAD")
        chosen = choose(place, entries, measured=rev(repo, "HEAD"))
        assert (len(entries), chosen.distance, chosen.notes) == (1, 2, ())
    (tmp_path / "tree/sub").mkdir()
    found = repository(tmp_path / "tree/sub")
    assert found is not None
    assert found.root == (tmp_path / "tree").resolve()


# What cannot be used is left out.


def test_a_damaged_entry_is_named_and_left_out(folder: Path, entry_of: EntryOf) -> None:
    for ref in ("HEAD", "HEAD~1", "HEAD~2"):
        store(entry_of(ref), folder=folder, baselines_folder=BASELINES)
    newest, second, _ = sorted((folder / "baselines/default" / MACHINE).iterdir(), reverse=True)
    newest.write_text(newest.read_text().replace('"value": 12.5', '"value": "fast"'))
    second.write_bytes(b"\xff")

    found = read_readable(folder, BASELINES, "default", MACHINE, ref=None)

    assert len(found.entries) == 1
    told = " ".join(found.notes)
    assert f"{newest.name}: test_types.baseline.metrics.response_time_p50_ms.value" in told
    assert f"{second.name}: is no text" in told


def test_profiles_of_one_commit_lie_side_by_side(folder: Path, entry_of: EntryOf) -> None:
    quick, standard = entry_of(), entry_of(profile="standard")
    for entry in (quick, standard, quick):
        store(entry, folder=folder, baselines_folder=BASELINES, window=1)

    assert {entry.profile for entry in list_entries(folder, BASELINES)} == {"quick", "standard"}


def test_an_entry_under_its_older_name_is_read_and_replaced(
    repo: Repo, folder: Path, entry_of: EntryOf
) -> None:
    stored = store(entry_of(), folder=folder, baselines_folder=BASELINES, commit=True)
    older = stored.path.with_name(stored.path.name.replace("-quick.json", ".json"))
    stored.path.rename(older)
    repo.git.add("-A")
    repo.git.commit("-q", "-m", "as it was called")
    assert len(list_entries(folder, BASELINES)) == 1

    again = entry_of("HEAD~2", run_id="again")
    store(again, folder=folder, baselines_folder=BASELINES, commit=True)

    assert [entry.run_id for entry in list_entries(folder, BASELINES)] == ["again"]
    assert not older.exists()
    assert repo.git.status("--porcelain") == ""
