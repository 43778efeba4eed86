"""Which value wins, and what is told of one that a variable beats."""

from __future__ import annotations

import pytest

from govbench.config.profiles import LONGEST_COUNTED_S, PROFILES, build_phases
from govbench.config.rounds import round_load
from govbench.config.settings import Settings
from govbench.errors import ConfigError
from govbench.results.plan import Api, Phase, TestType, ThinkTime
from tests.config.conftest import Load, refused

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


# --- one fixed load


def names(settings: Settings) -> list[str]:
    return [phase.name for phase in build_phases(settings.load)]


def the_phase(settings: Settings) -> Phase:
    (phase,) = build_phases(settings.load)
    return phase


def test_a_number_of_users_is_one_phase_of_test_type_concurrent(load: Load) -> None:
    phase = the_phase(load(load__users=60, load__test_duration_s="10s"))

    assert (phase.name, phase.test_type, phase.users) == ("concurrent_60", TestType.CONCURRENT, 60)
    assert (phase.steady_s, phase.spawn_rate) == (10, 60)
    assert phase.warmup_s == 1 + PROFILES["quick"].settle_s
    assert the_phase(load(load__users=60, load__spawn_rate=20)).spawn_rate == 20


def test_its_users_ask_without_pause_unless_a_scenario_gives_them_one(load: Load) -> None:
    own = '[[scenarios]]\nname = "mine"\nqueries = ["Why?"]\nthink_time_s = 2'

    assert load(load__users=5).load.scenarios[0].think_time == ThinkTime()
    assert load(own, load__users=5).load.scenarios[0].think_time == ThinkTime(low_s=2, high_s=2)
    assert load().load.scenarios[0].think_time != ThinkTime()


def test_of_a_number_of_requests_each_counts(load: Load) -> None:
    phase = the_phase(load(load__users=60, load__max_requests=200))
    assert (phase.warmup_s, phase.steady_s) == (0, LONGEST_COUNTED_S)

    bounded = the_phase(load(load__users=60, load__max_requests=200, load__test_duration_s=5))
    assert (bounded.warmup_s, bounded.steady_s) == (0, 5)
    assert build_phases(load(load__max_requests=200).load)[0].warmup_s > 0


def test_other_test_types_may_stand_beside_it(load: Load) -> None:
    both = load(
        '[[phases]]\nname = "a"\nusers = 1', load__users=7, load__test_types="baseline,concurrent,custom"
    )

    assert names(both) == ["baseline", "concurrent_7", "a"]


@pytest.mark.parametrize(
    ("toml", "loser"),
    [
        ('[[phases]]\nname = "a"\nusers = 1', "govbench.toml: [[phases]]"),
        ("[load]\narrival_rate_rps = 3", "govbench.toml: [load] arrival_rate_rps"),
        ("[load]\nmax_users = 3", "govbench.toml: [load] max_users"),
        ("[load]\ntest_types = ['baseline']", "govbench.toml: [load] test_types"),
    ],
)
def test_what_is_typed_goes_first_and_says_so(load: Load, toml: str, loser: str) -> None:
    settings = load(toml, load__users=7)

    assert names(settings) == ["concurrent_7"]
    assert f"{loser}: not used, for --users goes first" in settings.notes


def test_a_variable_of_the_suite_gives_way_too(load: Load) -> None:
    settings = load(environ={"MAX_USERS": "1000"}, load__users=7)

    assert (names(settings), settings.notes) == (
        ["concurrent_7"],
        ("MAX_USERS: not used, for --users goes first",),
    )


def test_a_typed_load_goes_before_the_users_of_the_file(load: Load) -> None:
    file = "[load]\nusers = 7"

    assert names(load(file)) == ["concurrent_7"]
    assert names(load(file, load__max_users=10)) == ["baseline", "concurrent_10"]
    assert names(load(file, load__arrival_rate_rps=3)) == ["rate_3"]
    settings = load(file, load__profile="standard")
    assert names(settings)[-1] == "concurrent_1000"
    assert settings.notes == ("govbench.toml: [load] users: not used, for --profile goes first",)


def test_the_profile_of_the_file_still_says_how_long_users_settle(load: Load) -> None:
    settings = load("[load]\nprofile = 'full'", load__users=7)

    assert the_phase(settings).steady_s == PROFILES["full"].level_steady_s
    assert settings.notes == ()


@pytest.mark.parametrize(
    ("key", "value", "option"),
    [
        ("load__profile", "quick", "--profile"),
        ("load__max_users", 9, "--max-users"),
        ("load__arrival_rate_rps", 9, "--rate"),
        ("load__test_types", "baseline", "--test-types"),
    ],
)
def test_two_loads_of_one_source_contradict_each_other(
    load: Load, key: str, value: object, option: str
) -> None:
    assert refused(load, load__users=7, **{key: value}) == (
        f"--users: contradicts {option}",
        "keep one of them",
    )


def test_users_and_phases_of_one_file_contradict_each_other(load: Load) -> None:
    said, _ = refused(load, '[load]\nusers = 7\n[[phases]]\nname = "a"\nusers = 1')

    assert said == "govbench.toml: [load] users: contradicts govbench.toml: [[phases]]"


@pytest.mark.parametrize(("key", "typed"), [("ab__users", 4), ("ab__levels", "2,4")])
def test_typed_users_of_a_comparison_go_before_the_phases_of_the_file(
    load: Load, key: str, typed: object
) -> None:
    file = '[[phases]]\nname = "a"\nusers = 1\n'
    settings = load(file, **{key: typed})

    rounds = round_load(settings.load, settings.ab)
    assert rounds.test_types == (TestType.CONCURRENT,)
    assert any(note.startswith("govbench.toml: [[phases]]: not used") for note in settings.notes)
    in_file = load(f"{file}[ab]\nusers = 4")
    assert round_load(in_file.load, in_file.ab).test_types == (TestType.CUSTOM,)


def test_a_round_has_no_more_phases_than_can_be_recorded(load: Load) -> None:
    settings = load(ab__levels=",".join(map(str, range(1, 258))))

    with pytest.raises(ConfigError, match=r"\[ab\] levels and \[\[phases\]\] come to 257 phases"):
        round_load(settings.load, settings.ab)


def test_a_phase_is_not_called_like_that_of_the_throughput(load: Load) -> None:
    file = '[load]\ntest_types = ["concurrent", "custom"]\n[[phases]]\nname = "rate_5"\nrate_rps = 5'
    settings = load(file, ab__throughput_rps=5)

    with pytest.raises(ConfigError, match=r"\[\[phases\]\] \(rate_5\) name"):
        round_load(settings.load, settings.ab)


# --- a typed request


def test_a_typed_body_is_posted_to_an_api_of_http(load: Load) -> None:
    target = load(target__form="http://h:1", target__http__body="[1]").target

    assert (target.api, target.http.method, target.http.body) == (Api.HTTP, "POST", "[1]")


def test_a_typed_method_means_an_api_of_http_in_any_case(load: Load) -> None:
    target = load(target__form="http://h:1/x", target__http__method="delete").target

    assert (target.api, target.http.method) == (Api.HTTP, "DELETE")


def test_a_typed_method_does_not_go_with_another_api(load: Load) -> None:
    said, _ = refused(load, target__api="govstack", target__http__method="PUT")

    assert said == "--method: is for api http, but the api is govstack"


def test_get_with_a_typed_body_names_both(load: Load) -> None:
    said, _ = refused(load, target__http__method="GET", target__http__body="x")

    assert said == "--body: --method is GET, which sends no body"
