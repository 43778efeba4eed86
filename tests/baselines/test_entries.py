from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from git import Repo

from govbench.baselines.entries import (
    Stored,
    entry_path,
    find_entry,
    list_entries,
    not_checked_out,
    other_classes,
    prune,
    read_window,
    store,
)
from govbench.errors import ConfigError, ExitCode, PublishError, ResultsError
from govbench.results.baseline import BaselineEntry, from_json, to_json
from govbench.results.comparison import Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.run import Accounting
from govbench.results.versions import PlanVersion

MACHINE = "linux-x86_64-amd-epyc-7b13-2c-24g"
OTHER_MACHINE = "linux-x86_64-intel-xeon-4c-16g"
BASELINES = Path("baselines")

EntryOf = Callable[..., BaselineEntry]


def put(folder: Path, entry: BaselineEntry, *, commit: bool = False, window: int = 30) -> Stored:
    return store(entry, folder=folder, baselines_folder=BASELINES, window=window, commit=commit)


def window_of(folder: Path, *, ref: str | None = None, machine_class: str = MACHINE) -> list[str]:
    return [e.commit for e in read_window(folder, BASELINES, "default", machine_class, ref=ref)]


def commits(repo: Repo, count: int = 4) -> list[str]:
    return str(repo.git.rev_list("--first-parent", f"--max-count={count}", "main")).split()


def test_stored_entry_lies_by_suite_class_and_commit(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    stored = put(folder, entry_of())
    sha = repo.head.commit.hexsha
    assert stored == Stored(
        path=folder / f"baselines/default/{MACHINE}/20260101T150000Z-{sha[:12]}-quick.json"
    )
    assert stored.path.read_text() == to_json(entry_of())
    assert [path.name for path in stored.path.parent.iterdir()] == [stored.path.name]
    assert repo.git.status("--porcelain", "-uall").split() == [
        "??",
        str(stored.path.relative_to(folder)),
    ]


def test_window_is_newest_commit_first_whatever_the_order_of_storing(
    repo: Repo, folder: Path, entry_of: EntryOf
) -> None:
    for ref in ("HEAD~1", "HEAD~3", "HEAD", "HEAD~2"):
        put(folder, entry_of(ref))
    assert window_of(folder) == commits(repo)


def test_no_baseline(folder: Path, entry_of: EntryOf) -> None:
    assert window_of(folder) == []
    assert window_of(folder, ref="HEAD") == []
    assert other_classes(folder, BASELINES, "default", MACHINE, ref=None) == ()


def test_another_machine_class_is_told_apart(folder: Path, entry_of: EntryOf) -> None:
    put(folder, entry_of(machine_class=OTHER_MACHINE), commit=True)
    put(folder, replace(entry_of(machine_class="macos-arm64-apple-m2-8c-16g"), suite="other"), commit=True)
    assert window_of(folder) == []
    for ref in (None, "main"):
        assert other_classes(folder, BASELINES, "default", MACHINE, ref=ref) == (OTHER_MACHINE,)
    assert len(list_entries(folder, BASELINES)) == 2
    assert [e.suite for e in list_entries(folder, BASELINES, suite="other")] == ["other"]


def test_the_work_tree_needs_no_git(tmp_path: Path, folder: Path, entry_of: EntryOf) -> None:
    put(folder, entry_of())
    (folder / "baselines").rename(tmp_path / "baselines")
    assert len(window_of(tmp_path)) == 1


def test_a_ref_is_read_without_a_checkout(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    newest, second, third, _ = commits(repo)
    put(folder, entry_of(third), commit=True)
    repo.git.branch("before")
    put(folder, entry_of(second), commit=True)
    put(folder, entry_of(newest))
    for file in (folder / "baselines").rglob("*.json"):
        file.write_text("nonsense of the work tree")
    assert window_of(folder, ref="before") == [third]
    assert window_of(folder, ref="main") == [second, third]
    with pytest.raises(ResultsError, match="not valid JSON"):
        window_of(folder)


def test_a_baselines_folder_below_a_subfolder(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    (folder / "service").mkdir()
    put(folder / "service", entry_of(), commit=True)
    assert len(window_of(folder / "service", ref="HEAD")) == 1
    assert window_of(folder, ref="HEAD") == []
    with pytest.raises(ResultsError, match="outside"):
        store(entry_of(), folder=folder, baselines_folder=folder.parent / "elsewhere")


def test_unknown_ref_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="nowhere: no such commit"):
        window_of(folder, ref="nowhere")
    with pytest.raises(ResultsError, match="not in a git repository"):
        window_of(tmp_path, ref="main")


def test_a_file_edited_by_hand_is_named(folder: Path, entry_of: EntryOf) -> None:
    stored = put(folder, entry_of())
    document = json.loads(stored.path.read_text())
    document["test_types"]["baseline"]["metrics"]["response_time_p50_ms"]["value"] = "fast"
    stored.path.write_text(json.dumps(document))
    with pytest.raises(ResultsError) as caught:
        window_of(folder)
    assert f"{stored.path.name}: test_types.baseline.metrics.response_time_p50_ms.value" in str(caught.value)
    with pytest.raises(ResultsError):
        put(folder, entry_of("HEAD~1"))


def test_a_copy_into_another_class_is_noticed(folder: Path, entry_of: EntryOf) -> None:
    stored = put(folder, entry_of())
    elsewhere = folder / "baselines/default" / OTHER_MACHINE / stored.path.name
    elsewhere.parent.mkdir()
    elsewhere.write_text(stored.path.read_text())
    with pytest.raises(ResultsError, match="machine_class"):
        window_of(folder, machine_class=OTHER_MACHINE)


def test_other_files_beside_entries_are_let_be(folder: Path, entry_of: EntryOf) -> None:
    stored = put(folder, entry_of())
    (stored.path.parent / "calibration.json").write_text("{}")
    (stored.path.parent / "README.md").write_text("notes")
    (folder / "baselines/notes.json").write_text("{}")
    assert len(list_entries(folder, BASELINES)) == 1
    (stored.path.parent / "bytes.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ResultsError, match="is no text"):
        list_entries(folder, BASELINES)


def test_measuring_a_commit_again_replaces(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    sha = repo.head.commit.hexsha
    put(folder, entry_of(), commit=True)
    again = put(folder, entry_of(sha, run_id="second"), commit=True)
    assert [e.run_id for e in read_window(folder, BASELINES, "default", MACHINE, ref="main")] == ["second"]
    assert again.commit_sha == repo.head.commit.hexsha
    unchanged = put(folder, entry_of(sha, run_id="second"), commit=True)
    assert unchanged.commit_sha is None


def test_commit_names_suite_commit_and_run(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    sha = repo.head.commit.hexsha
    put(folder, entry_of(accepted="slower on purpose", verdict=Verdict.REGRESSION), commit=True)
    assert repo.head.commit.message == (
        f"chore(govbench): baseline default @ {sha[:12]}\n\n"
        f"Govbench-Run: run-{sha[:6]}\nGovbench-Accepted: slower on purpose\n"
    )


def test_what_the_user_staged_survives(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    (folder / "app.py").write_text("staged = True\n")
    repo.git.add("app.py")
    (folder / "app.py").write_text("not_staged = True\n")
    stored = put(folder, entry_of(), commit=True)
    assert repo.git.show("--name-only", "--format=", "HEAD") == str(stored.path.relative_to(folder))
    assert repo.git.show(":app.py") == "staged = True"
    assert (folder / "app.py").read_text() == "not_staged = True\n"
    assert repo.git.status("--porcelain").split() == ["MM", "app.py"]


def test_detached_head(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    repo.git.checkout("-q", "--detach")
    stored = put(folder, entry_of(), commit=True)
    assert stored.commit_sha == repo.git.rev_parse("HEAD") != repo.git.rev_parse("main")


def test_not_a_repository_is_refused(tmp_path: Path, entry_of: EntryOf) -> None:
    with pytest.raises(PublishError, match="not in a git repository") as caught:
        put(tmp_path, entry_of())
    assert caught.value.exit_code is ExitCode.NOT_PUBLISHED
    assert "git init" in (caught.value.hint or "")


def test_a_dirty_run_is_refused_unless_allowed(folder: Path, entry_of: EntryOf) -> None:
    with pytest.raises(PublishError, match="uncommitted"):
        put(folder, entry_of(dirty=True))
    store(entry_of(dirty=True), folder=folder, baselines_folder=BASELINES, allow_dirty=True)
    assert read_window(folder, BASELINES, "default", MACHINE, ref=None)[0].dirty


@pytest.mark.parametrize(
    "unsound",
    [
        {"verdict": Verdict.REGRESSION},
        {"verdict": Verdict.INVALID},
        {"saturated": True},
        {"accounting": Accounting(offered=9, sent=9, failed=9)},
    ],
)
def test_an_unsound_run_needs_a_person(unsound: dict[str, object], folder: Path, entry_of: EntryOf) -> None:
    with pytest.raises(PublishError, match="not") as caught:
        put(folder, entry_of(**unsound))
    assert "--accept" in (caught.value.hint or "")
    assert window_of(folder) == []
    put(folder, entry_of(**unsound, accepted="known, see the changelog"))
    assert len(window_of(folder)) == 1


def test_a_regression_is_remembered_where_that_is_asked_for(folder: Path, entry_of: EntryOf) -> None:
    key = "baseline/response_time_p50_ms"
    regressed = {"verdict": Verdict.REGRESSION, "suspects": (key,), "accepted_metrics": (key,)}

    def remember(entry: BaselineEntry) -> None:
        store(entry, folder=folder, baselines_folder=BASELINES, remember=True)

    with pytest.raises(PublishError, match="regression"):
        put(folder, entry_of(**regressed))
    for unsound in (
        {"verdict": Verdict.INVALID},
        {"verdict": Verdict.REGRESSION},
        {**regressed, "saturated": True},
    ):
        with pytest.raises(PublishError, match="not stored"):
            remember(entry_of(**unsound))
    remember(entry_of(**regressed))
    (kept,) = read_window(folder, BASELINES, "default", MACHINE, ref=None)
    assert kept.is_open(TestType.BASELINE, MetricName.RESPONSE_TIME_P50)
    assert kept.is_suspect(TestType.BASELINE, MetricName.RESPONSE_TIME_P50)


def of_target(entry: BaselineEntry, target: str) -> BaselineEntry:
    version = PlanVersion(hash=f"{len(target):012x}", settings={"target": target})
    return replace(entry, versions={"baseline": version}, run_id=f"run-of-{target.partition(',')[0]}")


def test_another_kind_of_target_lies_beside(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    entries = [of_target(entry_of(), target) for target in ("embedded", "url, this machine")]
    places = [put(folder, entry).path.name for entry in entries]
    sha = repo.head.commit.hexsha
    assert places == [
        f"20260101T150000Z-{sha[:12]}-quick-embedded.json",
        f"20260101T150000Z-{sha[:12]}-quick-url-this-machine.json",
    ]
    again = replace(entries[0], run_id="again")
    put(folder, again)
    found = read_window(folder, BASELINES, "default", MACHINE, ref=None)
    assert sorted(each.run_id for each in found) == ["again", "run-of-url"]


@pytest.mark.parametrize("older", ["-quick.json", ".json"])
def test_an_older_name_is_read_and_replaced_by_its_own_kind_alone(
    folder: Path, entry_of: EntryOf, older: str
) -> None:
    embedded, url = (of_target(entry_of(), target) for target in ("embedded", "url, this machine"))
    path = put(folder, embedded).path
    before = path.rename(path.with_name(path.name.replace("-quick-embedded.json", older)))
    assert read_window(folder, BASELINES, "default", MACHINE, ref=None) == (embedded,)
    put(folder, url)
    assert before.exists()
    stored = put(folder, replace(embedded, run_id="again"))
    assert stored.removed == (before,)
    assert len(read_window(folder, BASELINES, "default", MACHINE, ref=None)) == 2


def test_a_sparse_checkout_tells_how_many_it_leaves_out(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    def hidden() -> int:
        return not_checked_out(folder, BASELINES, "default", MACHINE)

    for ref in commits(repo)[:2]:
        put(folder, entry_of(ref), commit=True)
    put(folder, entry_of(machine_class=OTHER_MACHINE), commit=True)
    assert hidden() == 0
    repo.git.status()  # or git leaves what it has not looked at
    repo.git.sparse_checkout("set", "--no-cone", "/*", "!/baselines/")
    assert not (folder / "baselines").exists()
    assert hidden() == 2
    assert len(window_of(folder, ref="HEAD")) == 2
    assert not_checked_out(folder, folder.parent / "elsewhere", "default", MACHINE) == 0


@pytest.mark.parametrize("verdict", [v for v in Verdict if v not in {Verdict.REGRESSION, Verdict.INVALID}])
def test_every_other_verdict_may_be_stored(verdict: Verdict, folder: Path, entry_of: EntryOf) -> None:
    put(folder, entry_of(verdict=verdict))
    assert len(window_of(folder)) == 1


def test_window_drops_the_oldest_and_keeps_anchors(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    newest, second, third, first = commits(repo)
    put(folder, entry_of(first, anchor="v1.0"), commit=True)
    put(folder, entry_of(third), commit=True)
    put(folder, entry_of(second), commit=True, window=2)
    stored = put(folder, entry_of(newest), commit=True, window=2)
    assert stored.removed == (folder / BASELINES / entry_path(entry_of(third)),)
    assert window_of(folder) == window_of(folder, ref="main") == [newest, second, first]
    assert repo.git.status("--porcelain") == ""


def test_an_entry_older_than_the_window_is_refused(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    put(folder, entry_of("HEAD"), window=1)
    with pytest.raises(PublishError, match="older than"):
        put(folder, entry_of("HEAD~1"), window=1)
    assert window_of(folder) == [repo.head.commit.hexsha]
    put(folder, entry_of("HEAD~1", anchor="v0"), window=1)
    assert len(window_of(folder)) == 2


def test_an_anchor_stays_one_when_measured_again(folder: Path, entry_of: EntryOf) -> None:
    put(folder, entry_of(anchor="v1.0"))
    put(folder, entry_of(run_id="again"))
    (entry,) = read_window(folder, BASELINES, "default", MACHINE, ref=None)
    assert (entry.run_id, entry.anchor) == ("again", "v1.0")


def test_prune(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    for ref in ("HEAD", "HEAD~1", "HEAD~2"):
        put(folder, entry_of(ref))
    assert len(prune(folder, BASELINES, "default", MACHINE, window=1)) == 2
    assert window_of(folder) == [repo.head.commit.hexsha]
    assert prune(folder, BASELINES, "default", MACHINE, window=1) == ()
    with pytest.raises(ConfigError, match="window"):
        prune(folder, BASELINES, "default", MACHINE, window=0)


def test_a_file_in_the_way_of_a_folder(folder: Path, entry_of: EntryOf) -> None:
    (folder / "baselines").mkdir()
    (folder / "baselines/default").write_text("in the way")
    with pytest.raises(PublishError, match="cannot be written"):
        put(folder, entry_of())


def test_no_author_writes_nothing(repo: Repo, folder: Path, entry_of: EntryOf) -> None:
    with repo.config_writer() as config:
        config.remove_section("user")
    with pytest.raises(PublishError, match=r"user\.email"):
        put(folder, entry_of(), commit=True)
    assert not (folder / "baselines").exists()
    put(folder, entry_of())


def test_lookup_by_commit_anchor_and_file(folder: Path, entry_of: EntryOf) -> None:
    stored = put(folder, entry_of(anchor="v1.0"))
    put(folder, entry_of("HEAD~1"))
    expected = entry_of(anchor="v1.0")
    for what in (expected.commit, expected.commit[:7].upper(), "v1.0", str(stored.path)):
        assert find_entry(folder, BASELINES, what) == expected
    assert find_entry(folder, BASELINES, str(stored.path.relative_to(folder))) == expected
    for nothing in ("ffffffff", expected.commit[:3], ""):
        with pytest.raises(ResultsError, match="no such baseline"):
            find_entry(folder, BASELINES, nothing)


def test_an_ambiguous_commit_lists_what_it_may_be(folder: Path, entry_of: EntryOf) -> None:
    here, there = entry_of(), entry_of(machine_class=OTHER_MACHINE)
    put(folder, here)
    put(folder, there)
    with pytest.raises(ResultsError, match="several") as caught:
        find_entry(folder, BASELINES, here.commit[:8])
    assert str(entry_path(here)) in str(caught.value)
    assert str(entry_path(there)) in str(caught.value)
    assert find_entry(folder, BASELINES, here.commit, machine_class=MACHINE) == here


STORE = """
import sys
from pathlib import Path
from govbench.baselines.entries import store
from govbench.results.baseline import from_json
entry = from_json(Path(sys.argv[2]).read_text(), source="entry")
print("ready", flush=True)
sys.stdin.readline()
stored = store(entry, folder=Path(sys.argv[1]), baselines_folder=Path("baselines"), window=30, commit=True)
print(stored.commit_sha)
"""


def test_stores_at_once_all_land(repo: Repo, folder: Path, tmp_path: Path, entry_of: EntryOf) -> None:
    before = repo.head.commit.hexsha
    entries = [entry_of(sha) for sha in commits(repo, 3)]
    processes = []
    for number, entry in enumerate(entries):
        file = tmp_path / f"entry-{number}.json"
        file.write_text(to_json(entry))
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", STORE, str(folder), str(file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = [process.communicate("go\n", timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert set(str(repo.git.rev_list(f"{before}..HEAD")).split()) == set(answers)
    assert window_of(folder, ref="HEAD") == window_of(folder) == [entry.commit for entry in entries]
    assert repo.git.status("--porcelain") == ""
    repo.git.fsck("--strict")


def test_the_example_in_the_docs_is_an_entry() -> None:
    page = (Path(__file__).parents[2] / "docs/baselines.md").read_text()
    example = page.split("```json\n")[1].split("```")[0]
    entry = from_json(example, source="docs/baselines.md")
    assert to_json(entry) == example
    assert str(entry_path(entry)) in page
    assert datetime.fromisoformat(entry.committed_at).year >= 2025
