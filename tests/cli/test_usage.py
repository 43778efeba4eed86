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
        (("run", ""), "TARGET: expected a text that is not empty"),
        (("run", "  "), "TARGET: expected a text that is not empty"),
        (("run", "--api-url", ""), "--api-url: expected a text that is not empty"),
        (("run", "", "--api-url", "embedded"), "name two targets"),
        (("quick-check", ""), "TARGET: expected a text that is not empty"),
        (("calibrate", ""), "TARGET: expected a text that is not empty"),
        (("stack", "up", ""), "TARGET: expected a text that is not empty"),
        (("ab", "--base", "", "--head", "embedded"), "'' is no target"),
        (("ab", "--base", "embedded", "--head", ""), "'' is no target"),
        (("calibrate", "embeded"), "TARGET: 'embeded' is no target"),
        (("run", "embedded", "--config", ""), "cannot be read: Is a directory"),
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


PHASE = '[[phases]]\nname = "p{}"\nusers = 1\n'


@pytest.mark.parametrize(
    ("toml", "word"),
    [
        (
            '[load]\ntest_types = ["baseline", "custom"]\n',
            "256 phases, and with those of the other test types 257",
        ),
        ("", "[[phases]]: 257 phases, and a run has at most 256"),
    ],
)
def test_more_phases_than_a_run_has(govbench: Cli, toml: str, word: str) -> None:
    count = 256 if toml else 257
    (govbench.cwd / "govbench.toml").write_text(toml + "".join(map(PHASE.format, range(count))))

    for command in (("run", "embedded"), ("quick-check", "embedded")):
        ended = govbench.here(*command)

        assert ended.code == 2, ended.err
        assert word in ended.complaint
        assert not (govbench.cwd / "results").exists()


def test_more_levels_than_a_round_has(govbench: Cli) -> None:
    levels = ",".join(map(str, range(1, 258)))

    ended = govbench.here("ab", "--base", "embedded", "--head", "embedded", "--levels", levels)

    assert ended.code == 2, ended.err
    assert "come to 257 phases, and a round has at most 256" in ended.complaint


SECRET = "hunter22"


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", f"ftp://h/x?api_key={SECRET}"),
        ("run", f"http://h/x?api_key={SECRET}#top"),
        ("run", f"h:80/x?api_key={SECRET}"),
        ("run", f"http://me:{SECRET}@h/"),
        ("run", f"comand:serve --api-key {SECRET}"),
        ("run", f"command:serve --token {SECRET} 'unbalanced"),
        ("run", f"command:serve --bearer {SECRET}"),
        ("run", f"http://h/x?key={SECRET}", "--api", "govstack"),
        ("run", f"http://h/?sig={SECRET}", "--api-url", "http://127.0.0.1:9"),
        ("run", f"http://far.invalid/?code={SECRET}", "--max-users", "99"),
        ("ab", "--base", f"command:serve --pass {SECRET}", "--head", "embedded"),
        ("ab", "--base", f"ftp://h/x?token={SECRET}", "--head", "embedded"),
        ("run", "embedded", "--max-users", f"password={SECRET}"),
        ("run", "embedded", "--header", f"X-Auth {SECRET}"),
        ("quick-check", f"http://h:1/x?access_token={SECRET}"),
        ("stack", "up", f"http://h/x?signature={SECRET}"),
    ],
)
def test_a_secret_in_a_wrong_call_is_not_repeated(govbench: Cli, arguments: tuple[str, ...]) -> None:
    ended = govbench(*arguments)

    assert ended.code in (2, 3), ended.err
    assert SECRET not in ended.out + ended.err
