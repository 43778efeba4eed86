"""Commits checked out beside the work tree: what is there, what is left behind, what is never touched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from govbench.errors import ConfigError, ExitCode, StackError
from govbench.stack.checkout import checked_out, keep_checked_out, remove_kept, resolve
from tests.stack.repository import Repository


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    folder = tmp_path / "parent"
    folder.mkdir()
    return folder


def refused(ref: str, at: Path) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        resolve(ref, repository=at)
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value), caught.value.hint or ""


def test_the_files_are_those_of_the_commit_and_go_with_the_block(
    repository: Repository, parent: Path
) -> None:
    with checked_out("HEAD~1", repository=repository.root, parent=parent) as found:
        assert "'one'" in (found.folder / "app.py").read_text()
        assert found.commit == repository.git("rev-parse", "HEAD~1")
        assert found.root.is_relative_to(parent)
        (found.folder / "built").mkdir()
        (found.folder / "app.py").write_text("changed by a build")
        assert len(repository.worktrees()) == 1
    assert repository.worktrees() == []
    assert list(parent.iterdir()) == []


def test_a_subfolder_stands_for_itself_where_the_commit_has_it(repository: Repository, parent: Path) -> None:
    with checked_out("HEAD", repository=repository.root / "docs", parent=parent) as found:
        assert found.folder == found.root / "docs"
        assert found.counterpart(repository.root / "app.py") == found.root / "app.py"
        assert found.counterpart(parent / "x.toml") == parent.resolve() / "x.toml"
    with checked_out("HEAD~1", repository=repository.root / "docs", parent=parent) as found:
        assert found.folder == found.root


@pytest.mark.parametrize("error", [KeyboardInterrupt, StackError("boot failed")])
def test_it_goes_after_a_failure_too(
    repository: Repository, parent: Path, error: BaseException | type[BaseException]
) -> None:
    with (
        pytest.raises((KeyboardInterrupt, StackError)),
        checked_out("main", repository=repository.root, parent=parent),
    ):
        raise error
    assert repository.worktrees() == []
    assert list(parent.iterdir()) == []


def test_a_dirty_work_tree_is_left_as_it_is(repository: Repository, parent: Path) -> None:
    repository.write("app.py", "stashed")
    repository.git("stash")
    repository.write("staged.py", "staged")
    repository.git("add", "staged.py")
    repository.write("app.py", "edited")
    repository.write("untracked.py", "untracked")
    before = repository.state()

    with checked_out("HEAD~1", repository=repository.root, parent=parent) as found:
        assert "'one'" in (found.folder / "app.py").read_text()
        assert not (found.folder / "untracked.py").exists()
        assert repository.state() == before

    assert repository.state() == before


def test_no_hook_runs(repository: Repository, parent: Path) -> None:
    hook = repository.root / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {parent}/ran\n")
    hook.chmod(0o755)

    with checked_out("HEAD", repository=repository.root, parent=parent):
        assert not (parent / "ran").exists()


def test_variables_of_a_git_hook_do_not_lead_elsewhere(
    repository: Repository, parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere" / "index"))

    with checked_out("HEAD", repository=repository.root, parent=parent) as found:
        assert (found.folder / "app.py").exists()


def test_the_files_are_as_committed_and_all_of_them(repository: Repository, parent: Path) -> None:
    """Whatever conversion of line ends and whatever part of the tree the user has chosen to work on."""
    repository.write("run.sh", "#!/bin/sh\necho\n")
    repository.write("docs/deep/page.md", "a page\n")
    repository.commit()
    repository.git("sparse-checkout", "set", "--cone", "--sparse-index", "docs/deep")
    repository.git("config", "core.autocrlf", "true")
    repository.write("kept.md", "untracked")
    before = repository.state()

    with checked_out("HEAD", repository=repository.root, parent=parent) as found:
        assert (found.root / "run.sh").read_bytes() == b"#!/bin/sh\necho\n"
        assert (found.root / "docs/deep/page.md").exists()
        assert (found.root / "docs/page.md").exists()
        assert (found.root / "app.py").exists()
    assert repository.state() == before


def killed_owner(repository: Repository, parent: Path) -> Path:
    """The worktree of a process that was killed while it had it."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom govbench.stack.checkout import checked_out\n"
        "with checked_out('HEAD', repository=Path(sys.argv[1]), parent=Path(sys.argv[2])) as found:\n"
        "    print(found.root, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(repository.root), str(parent)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        root = Path(owner.stdout.readline().strip())
        owner.send_signal(signal.SIGKILL)
    return root


@pytest.mark.parametrize("cleared", [False, True])
def test_what_a_killed_process_left_goes_at_the_next_start(
    repository: Repository, parent: Path, cleared: bool
) -> None:
    left = killed_owner(repository, parent)
    assert left.is_dir()
    if cleared:
        shutil.rmtree(left.parent)

    with checked_out("HEAD", repository=repository.root, parent=parent) as found:
        assert not left.parent.exists()
        assert len(repository.worktrees()) == 1
        assert found.root.is_dir()


def test_worktrees_in_use_and_of_the_user_are_left_alone(
    repository: Repository, parent: Path, tmp_path: Path
) -> None:
    repository.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    repository.git("worktree", "add", "-q", "--detach", str(tmp_path / "unmounted"))
    shutil.rmtree(tmp_path / "unmounted")

    with checked_out("HEAD~1", repository=repository.root, parent=parent) as first:
        with checked_out("HEAD", repository=repository.root, parent=parent) as second:
            assert "'one'" in (first.folder / "app.py").read_text()
            assert "'two'" in (second.folder / "app.py").read_text()
        assert first.folder.is_dir()

    left = [record.splitlines()[0] for record in repository.worktrees()]
    assert left == [str(tmp_path / "tree"), str(tmp_path / "unmounted")]


def test_one_that_stays(repository: Repository, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    found, lock = keep_checked_out("HEAD~1", repository=repository.root, kept_by=state)
    lock.close()

    assert "'one'" in (found.folder / "app.py").read_text()
    remove_kept(found.root, repository=found.repository)
    remove_kept(found.root, repository=found.repository)
    assert not found.root.parent.exists()
    assert repository.worktrees() == []

    orphan, lock = keep_checked_out("HEAD", repository=repository.root, kept_by=state)
    lock.close()
    shutil.rmtree(repository.root)
    remove_kept(orphan.root, repository=orphan.repository)
    assert not orphan.root.parent.exists()


def test_one_that_was_to_stay_goes_when_its_maker_was_killed(
    repository: Repository, parent: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    found, lock = keep_checked_out("HEAD", repository=repository.root, kept_by=state)

    def look() -> bool:
        with checked_out("HEAD", repository=repository.root, parent=parent):
            return found.root.exists()

    assert look(), "its maker still lives"
    lock.close()
    state.write_text(json.dumps({"checkout": str(found.root)}))
    assert look(), "the state of a stack names it"
    state.write_text(json.dumps({"checkout": "/another"}))
    assert not look()
    assert not found.root.parent.exists()


def test_an_interrupted_git_leaves_nothing(repository: Repository, parent: Path) -> None:
    marker = parent.parent / "smudged"
    repository.write(".gitattributes", "big.bin filter=slow\n")
    repository.write("big.bin", "content\n")
    repository.commit()
    repository.git("config", "filter.slow.smudge", f"touch {marker}; sleep 60; cat")
    # A parent that ignores the signal hands that on, and Python then leaves it ignored.
    code = (
        "import signal, sys\nfrom pathlib import Path\nfrom govbench.stack.checkout import checked_out\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with checked_out('HEAD', repository=Path(sys.argv[1]), parent=Path(sys.argv[2])):\n"
        "    print('checked out')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(repository.root), str(parent)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        while not marker.exists():
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=30)

    assert out == ""
    assert process.returncode != 0
    assert list(parent.iterdir()) == []
    assert repository.worktrees() == []


def test_refs_that_are_unknown(repository: Repository, tmp_path: Path) -> None:
    repository.git("branch", "feature/login")
    repository.git("update-ref", "refs/remotes/origin/release", "HEAD")

    assert refused("feature/logn", repository.root) == (
        "git:feature/logn: no such commit, branch or tag",
        "did you mean git:feature/login?",
    )
    assert refused("release", repository.root)[1] == "did you mean git:origin/release?"
    assert "git fetch" in refused("0123456789", repository.root)[1]
    blob = repository.git("rev-parse", "HEAD:app.py")
    assert refused(blob, repository.root)[0] == f"git:{blob}: names a blob, not a commit"

    shallow = tmp_path / "shallow"
    repository.git("clone", "-q", "--depth=1", f"file://{repository.root}", str(shallow))
    assert "fetch-depth: 0" in refused("HEAD~1", shallow)[1]


def test_where_no_repository_is(repository: Repository, parent: Path) -> None:
    with (
        pytest.raises(ConfigError, match="is not in a git repository"),
        checked_out("HEAD", repository=parent, parent=parent),
    ):
        pass
    empty = Repository(root=parent)
    empty.git("init", "-q")
    assert refused("HEAD", parent)[0] == "git:HEAD: no such commit, branch or tag"


def test_where_there_is_no_git(repository: Repository, parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(parent))

    assert refused("HEAD", repository.root)[0] == "git is not installed"
