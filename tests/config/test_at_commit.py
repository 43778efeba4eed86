"""Which stack a commit's own file names, what goes over it, and when the present configuration stands in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from govbench.config.at_commit import StackAtCommit, stack_at_commit
from govbench.config.load import load_settings
from govbench.config.targets import CommandTarget, EmbeddedTarget
from govbench.errors import ConfigError

THEN = '[target]\nform = "command:then {port}"\n[stack]\nbuild = "make then"\nhealth_path = "/then"\n'
NOW = '[target]\nform = "command:now {port}"\n[stack]\nbuild = "make now"\nport = 8000\n'
Find = Callable[..., StackAtCommit]


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """The stack at a commit of which ``then`` is the file, in a call where ``now`` is the file."""

    def call(
        then: str | None,
        now: str = NOW,
        *,
        name: str = "govbench.toml",
        environ: Mapping[str, str] | None = None,
        dotenv: str = "",
        config_file: Path | None = None,
        **flags: object,
    ) -> StackAtCommit:
        cwd, folder = tmp_path / "now", tmp_path / "then"
        for each in (cwd, folder):
            each.mkdir(exist_ok=True)
            (each / ".git").mkdir(exist_ok=True)
        (cwd / name).write_text(now)
        (cwd / ".env.test").write_text(dotenv)
        (folder / name).unlink(missing_ok=True)
        if then is not None:
            (folder / name).write_text(then)
        dotted = {"target.form": "git:v1"} | {key.replace("__", "."): value for key, value in flags.items()}
        settings = load_settings(flags=dotted, config_file=config_file, environ=environ or {}, cwd=cwd)
        named = None if config_file is None else folder / config_file
        return stack_at_commit(
            "v1", folder=folder, config_file=named, call=settings.call, environ=environ or {}
        )

    return call


def refused(find: Find, *args: str | None, **options: object) -> str:
    with pytest.raises(ConfigError) as caught:
        find(*args, **options)
    return str(caught.value)


def test_the_file_of_the_commit_counts(find: Find) -> None:
    found = find(THEN)

    assert found.target == CommandTarget(command="then {port}")
    assert (found.config.build, found.config.health_path, found.config.port) == ("make then", "/then", None)
    assert found.notes == ()


def test_a_table_in_pyproject_and_a_named_file_are_found_as_now(find: Find) -> None:
    table = '[tool.govbench.target]\nform = "{}"\n'
    in_pyproject = find(table.format("embedded:slots=2"), table.format("embedded"), name="pyproject.toml")
    named = find(THEN, name="load.toml", config_file=Path("load.toml"))

    assert isinstance(in_pyproject.target, EmbeddedTarget)
    assert in_pyproject.target.switches.slots == 2
    assert named.config.build == "make then"


def test_environment_and_options_of_now_go_over_it_but_for_the_form(find: Find) -> None:
    found = find(
        THEN,
        environ={"API_BASE_URL": "http://localhost:1", "GOVBENCH_STACK_HEALTH_PATH": "/variable"},
        dotenv="DATABASE_URL=postgresql://localhost/test\n",
        stack__boot_timeout_s="7s",
    )

    assert found.target == CommandTarget(command="then {port}")
    assert (found.config.health_path, found.config.boot_timeout_s) == ("/variable", 7)
    assert found.config.environment == {"DATABASE_URL": "postgresql://localhost/test"}


@pytest.mark.parametrize("then", [None, "[stack]\nbuild = 'make then'\n", "[load]\nmax_users = 3\n"])
def test_a_commit_that_names_no_stack_is_started_as_now(find: Find, then: str | None) -> None:
    found = find(then)

    assert found.target == CommandTarget(command="now {port}")
    assert (found.config.build, found.config.port) == ("make now", 8000)
    assert found.notes == (
        "git:v1: no stack is configured at that commit; it is started as now: command:now {port}",
    )


def test_the_present_form_may_come_from_anywhere_in_the_call(find: Find) -> None:
    by_variable = find(None, "", environ={"GOVBENCH_TARGET_FORM": "command:variable {port}"})
    by_option = find(None, "", target__form="command:option {port}")

    assert by_variable.target == CommandTarget(command="variable {port}")
    assert by_option.target == CommandTarget(command="option {port}")


def test_what_cannot_be_booted_at_a_commit(find: Find) -> None:
    url = '[target]\nform = "http://localhost:8000"\n'
    again = '[target]\nform = "git:main"\n'

    assert refused(find, url) == (
        "git:v1: govbench.toml: [target] form is http://localhost:8000 there, "
        "which cannot be started at a commit"
    )
    assert "form is git:main there" in refused(find, again)
    assert "form is http://localhost:8000 there" in refused(find, None, url)
    assert refused(find, None, again) == "git:v1: no stack is configured, at that commit or now"
    assert refused(find, None, "") == "git:v1: no stack is configured, at that commit or now"


def test_an_error_in_the_file_of_the_commit_says_where(find: Find) -> None:
    assert refused(find, "[stack]\nbiuld = 'make'\n") == (
        "git:v1: at that commit: govbench.toml: [stack] biuld: unknown key"
    )
