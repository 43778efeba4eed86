"""From ``git:REF`` to stacks that answer: two commits at once, each with its own configuration and data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from govbench.config.load import load_settings
from govbench.config.settings import StackConfig
from govbench.config.targets import CommandTarget, EmbeddedTarget, GitTarget, parse_target
from govbench.errors import ConfigError, StackError
from govbench.stack.boot import boot, own_port
from govbench.stack.prepare import Workshop, prepared
from tests.stack.repository import FORM, PYTHON, Repository, app, config_text

Workbench = Callable[..., Workshop]


@pytest.fixture
def workshop(repository: Repository, tmp_path: Path, environ: Mapping[str, str]) -> Workbench:
    def make(name: str = "base", steps: list[str] | None = None, cwd: Path | None = None) -> Workshop:
        settings = load_settings(
            flags={"target.form": "git:main"}, config_file=None, environ={}, cwd=cwd or repository.root
        )
        return Workshop(
            name=name,
            call=settings.call,
            log_folder=tmp_path / "logs",
            environ=environ,
            step=steps.append if steps is not None else ignored,
        )

    return make


def ignored(_step: str) -> None:
    """For tests that do not look at the steps."""


def answer(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(url, trust_env=False).json()
    return found


def test_two_commits_run_at_once_and_share_nothing(
    repository: Repository, workshop: Workbench, tmp_path: Path, environ: dict[str, str]
) -> None:
    repository.commit(app=app("three"), govbench=config_text(health_path="/alive"))
    logs = tmp_path / "logs"
    with (
        prepared(GitTarget(ref="HEAD~2"), StackConfig(), workshop("base")) as base,
        prepared(GitTarget(ref="HEAD"), StackConfig(), workshop("head")) as head,
        boot(
            base.target, own_port(base.target, base.config), name="base", log_folder=logs, environ=environ,
            folder=base.folder,
        ) as one,
        boot(
            head.target, own_port(head.target, head.config), name="head", log_folder=logs, environ=environ,
            folder=head.folder,
        ) as other,
    ):  # fmt: skip
        assert (base.config.health_path, head.config.health_path) == ("/health", "/alive")
        answers = [answer(one.url), answer(other.url)]
        assert [found["answer"] for found in answers] == ["one", "three"]
        assert [found["seen"] for found in answers] == [[], []]
        assert answers[0]["data"] != answers[1]["data"]
        assert all(found["data"] == found["variable"] for found in answers)
        assert (logs / "base.log").read_text() == f"started in {base.folder}\n"
    assert not any(Path(found["data"]).exists() for found in answers)
    assert repository.worktrees() == []


def test_a_commit_is_booted_again_and_again_with_fresh_data(
    workshop: Workbench, tmp_path: Path, environ: dict[str, str]
) -> None:
    with prepared(GitTarget(ref="main"), StackConfig(), workshop()) as ready:
        for _ in range(2):
            with boot(
                ready.target,
                ready.config,
                name="base",
                log_folder=tmp_path,
                environ=environ,
                folder=ready.folder,
            ) as stack:
                assert answer(stack.url)["seen"] == []


def test_the_build_of_the_commit_is_run_in_its_files(repository: Repository, workshop: Workbench) -> None:
    repository.commit(govbench=config_text(build="cp app.py built"))
    repository.commit(govbench=config_text(build="cp app.py built-now"))
    steps: list[str] = []

    with prepared(GitTarget(ref="HEAD~1"), StackConfig(), workshop(steps=steps)) as ready:
        assert ready.folder is not None
        assert (ready.folder / "built").exists()
    assert steps == ["checking out git:HEAD~1", "building git:HEAD~1"]
    assert not (repository.root / "built").exists()


def test_a_build_that_fails_leaves_no_checkout(repository: Repository, workshop: Workbench) -> None:
    repository.commit(govbench=config_text(build=f"{PYTHON} -c 'raise SystemExit(9)'"))

    with (
        pytest.raises(StackError, match="the build of base ended with exit code 9"),
        prepared(GitTarget(ref="HEAD"), StackConfig(), workshop()),
    ):
        pass
    assert repository.worktrees() == []


def test_a_command_of_the_work_tree_is_built_here_and_an_embedded_api_is_not(
    repository: Repository, workshop: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.root)
    config = StackConfig(build="cp app.py built")

    with prepared(EmbeddedTarget(), config, workshop()) as ready:
        assert (ready.folder, ready.checkout) == (None, None)
        assert not (repository.root / "built").exists()
    with prepared(CommandTarget(command="x {port}"), config, workshop()) as ready:
        assert ready.folder is None
        assert (repository.root / "built").exists()


def test_a_named_file_is_read_as_it_is_at_the_commit(
    repository: Repository, tmp_path: Path, environ: dict[str, str]
) -> None:
    repository.write("conf/load.toml", config_text(health_path="/then"))
    repository.commit()
    repository.write("conf/load.toml", config_text(health_path="/now"))
    (repository.root / "docs").mkdir(exist_ok=True)
    settings = load_settings(
        flags={"target.form": "git:HEAD"},
        config_file=Path("../conf/load.toml"),
        environ={},
        cwd=repository.root / "docs",
    )
    workshop = Workshop(name="base", call=settings.call, log_folder=tmp_path, environ=environ, step=ignored)

    with prepared(parse_target(settings.target.form), settings.stack, workshop) as ready:
        assert ready.config.health_path == "/then"
        assert ready.folder is not None
        assert ready.folder.name == "docs"


def test_two_instances_get_ports_of_their_own() -> None:
    config = StackConfig(port=8000)
    target = parse_target(FORM)
    assert not isinstance(target, GitTarget)

    assert own_port(target, config).port is None
    assert own_port(EmbeddedTarget(), config).port is None
    with pytest.raises(ConfigError, match="cannot listen on the same port") as caught:
        own_port(CommandTarget(command="serve --port 8000"), config)
    assert "{port}" in (caught.value.hint or "")
