"""Which value wins, and what is told of one that a variable beats."""

from __future__ import annotations

import pytest

from tests.config.conftest import Load

BEATEN = [
    (
        "[target]\nform = 'http://a:1'",
        "API_BASE_URL",
        "http://b:2",
        "[target] form: http://a:1",
        "http://b:2",
    ),
    ("[thresholds]\nerror_rate = 0.01", "MAX_ERROR_RATE", "0.5", "[thresholds] error_rate: 0.01", "0.5"),
    ("[load]\nmax_users = 5", "GOVBENCH_LOAD_MAX_USERS", "7", "[load] max_users: 5", "7"),
    (
        "[compare]\nfail_on = ['regression']",
        "GOVBENCH_COMPARE_FAIL_ON",
        "none",
        "[compare] fail_on: regression",
        "none",
    ),
    ("[load]\nassume_yes = true", "GOVBENCH_LOAD_ASSUME_YES", "false", "[load] assume_yes: true", "false"),
    ("[ab]\nlevels = [1, 2]", "GOVBENCH_AB_LEVELS", "3", "[ab] levels: 1, 2", "3"),
    (
        "[[phases]]\nname = 'a'\nusers = 1",
        "GOVBENCH_PHASES",
        '[{"name": "b", "users": 1}]',
        "[[phases]]: 1 of",
        "1 of",
    ),
]


@pytest.mark.parametrize("layer", ["dotenv", "environ"])
@pytest.mark.parametrize(("toml", "variable", "text", "loser", "winner"), BEATEN)
def test_a_variable_that_beats_the_file_is_told_with_both_values(
    load: Load, layer: str, toml: str, variable: str, text: str, loser: str, winner: str
) -> None:
    if layer == "dotenv":
        notes, label = load(toml, dotenv=f"{variable}='{text}'\n").notes, f".env.test: {variable}"
    else:
        notes, label = load(toml, environ={variable: text}).notes, variable
    (note,) = (each for each in notes if " wins, which says " in each)

    assert note.startswith(f"govbench.toml: {loser}")
    assert f": {label} wins, which says {winner}" in note


def test_a_variable_that_says_what_the_file_says_is_no_news(load: Load) -> None:
    assert load("[load]\nmax_users = 3", environ={"MAX_USERS": "3"}).notes == ()


def test_what_an_option_beats_is_no_news(load: Load) -> None:
    assert load("[load]\nmax_users = 2", load__max_users=3).notes == ()
    assert load("[load]\nmax_users = 1", environ={"MAX_USERS": "3"}, load__max_users=4).notes == ()


@pytest.mark.parametrize(
    ("toml", "variable", "text"),
    [
        ("[target]\nform = 'command:serve --token geheim'", "API_BASE_URL", "http://h?api_key=geheim"),
        ("[stack]\nbuild = 'make TOKEN=geheim'", "GOVBENCH_STACK_BUILD", "make --secret geheim"),
        ("[target.headers]\nX-Two = 'geheim'", "GOVBENCH_TARGET_HEADERS", '{"x-two": "geheim!"}'),
    ],
)
def test_such_a_note_holds_no_secret(load: Load, toml: str, variable: str, text: str) -> None:
    notes = load(toml, environ={variable: text}).notes

    assert any(variable in note for note in notes)
    assert "geheim" not in " ".join(notes)


def test_a_target_that_was_beaten_may_be_none(load: Load) -> None:
    settings = load("[target]\nform = 'nowhere'", environ={"API_BASE_URL": "http://b:2"})

    assert settings.notes == (
        "govbench.toml: [target] form: nowhere: API_BASE_URL wins, which says http://b:2",
    )


def test_a_header_of_the_file_that_a_variable_beats_is_named(load: Load) -> None:
    settings = load(
        '[target.headers]\nX-One = "file"\nX-Two = "file"\n',
        environ={"GOVBENCH_TARGET_HEADERS": '{"x-two": "environment"}'},
    )

    assert settings.notes == ("govbench.toml: [target] headers: X-Two: GOVBENCH_TARGET_HEADERS wins",)
