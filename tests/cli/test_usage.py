"""What is wrong with a call, its configuration or its files: one line, exit code 2, nothing measured."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli


@pytest.mark.parametrize(
    ("toml", "words", "hint"),
    [
        ("[load]\nmax_user = 5\n", ("govbench.toml: [load] max_user", "unknown"), "did you mean max_users?"),
        ("[laod]\nmax_users = 5\n", ("govbench.toml: laod", "unknown"), "[load]"),
        ('[load]\nmax_users = "many"\n', ("govbench.toml: [load] max_users", "'many'"), None),
        ("[load\n", ("govbench.toml:1:",), "not valid TOML"),
        (
            '[target]\napi = "govstack-message"\nstream = true\n',
            ("[target] stream", "govstack"),
            "openai-chat",
        ),
        ('[target]\napi = "govstack"\nform = "http://127.0.0.1:9/chat"\n', ("/chat", "govstack"), "path"),
        ('[target]\nform = "embeded"\n', ("'embeded' is no target",), "did you mean embedded?"),
    ],
)
def test_configuration_file(govbench: Cli, toml: str, words: tuple[str, ...], hint: str | None) -> None:
    (govbench.cwd / "govbench.toml").write_text(toml)

    ended = govbench.here("run")

    assert ended.code == 2, ended.err
    for word in words:
        assert word in ended.complaint
    assert hint is None or hint in ended.err.partition("  hint: ")[2]
    assert ended.out == ""
    assert not (govbench.cwd / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("run", "--no-such-option"), "--no-such-option"),
        (("run", "--max-users", "many"), "--max-users"),
        (("run", "embedded", "--max-users", "0"), "--max-users"),
        (("run", "embedded", "--profile", "quik"), "quik"),
        (("run", "embedded", "--test-types", "baseline,strss"), "strss"),
        (("run", "embedded", "--api-url", "http://127.0.0.1:9"), "two targets"),
        (("run", "embedded", "--verbose", "--quiet"), "exclude each other"),
        (("run", "embedded", "--config", "missing.toml"), "missing.toml"),
        (("run", "embedded:latency=soon"), "latency"),
        (("run", "ftp://127.0.0.1"), "ftp://"),
        (("stack", "up", "http://127.0.0.1:9"), "not started by govbench"),
        (("stack", "logs", "api"), "no log of a stack 'api'"),
        (("stack", "down", "api", "--all"), "--all"),
        (("no-such-command",), "no-such-command"),
        (("compare", "missing.json", "missing.json"), "missing.json"),
        (("report", "missing"), "missing"),
        (("report",), "no run here yet"),
        (("compare",), "no run here yet"),
        (("run", "embeded"), "TARGET: 'embeded' is no target"),
        (("quick-check", "embeded"), "TARGET: 'embeded' is no target"),
        (("stack", "up", "embeded"), "TARGET: 'embeded' is no target"),
        (("run", "--api-url", "embeded"), "--api-url: 'embeded' is no target"),
        (("run", "embedded", "--header", "nocolon"), "write it as Name: value, with a colon"),
        (("baseline", "show", "1a2b3c"), "no such baseline"),
        (("baseline", "update"), "no run here yet"),
    ],
)
def test_a_wrong_call(govbench: Cli, arguments: tuple[str, ...], word: str) -> None:
    ended = govbench.here(*arguments)

    assert ended.code == 2, ended.err
    assert word in ended.err
    assert ended.out == ""
    assert not (govbench.cwd / "results").exists()


@pytest.mark.parametrize(
    ("name", "value"), [("GOVBENCH_LOAD_MAX_USER", "5"), ("MAX_USERS", "many"), ("API_TIMEOUT", "soon")]
)
def test_a_wrong_variable(govbench: Cli, name: str, value: str) -> None:
    ended = govbench.here("run", "embedded", env={name: value})

    assert ended.code == 2, ended.err
    assert name in ended.complaint


def test_a_header_that_is_none_is_not_repeated(govbench: Cli) -> None:
    ended = govbench("run", "embedded", "--header", "token-without-a-colon")

    assert ended.complaint == (
        'govbench: --header: expected "Name: value" lines, a JSON object, or in the file a table'
    )
    assert "token-without" not in ended.err


def test_no_baselines_is_no_mistake(govbench: Cli) -> None:
    ended = govbench("baseline", "list")

    assert (ended.code, ended.out) == (0, "")
    assert "baselines: no baselines" in ended.err
    assert "hint: measure with govbench run, then govbench baseline update" in ended.err


def test_an_output_folder_with_a_file_in_the_way(govbench: Cli) -> None:
    (govbench.cwd / "results").write_text("a file")

    ended = govbench.here("run", "embedded")

    assert ended.code == 2
    assert "results: cannot be written" in ended.complaint
    assert "--output" in ended.err
    assert (govbench.cwd / "results").read_text() == "a file"
