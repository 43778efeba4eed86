from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from govbench.config.profiles import build_phases, suite_version
from govbench.config.settings import LoadConfig, Settings, TargetConfig
from govbench.config.targets import Target, parse_target
from govbench.config.versions import deviating, plan_versions, target_kind
from govbench.results.plan import (
    Api,
    Deadlines,
    HttpTemplate,
    Phase,
    Query,
    Scenario,
    TestType,
    ThinkTime,
)
from govbench.results.versions import difference

SCENARIO = Scenario(name="usual", queries=(Query(text="How?"),))
LOAD = LoadConfig(scenarios=(SCENARIO,))
SETTINGS = Settings(load=LOAD)
EMBEDDED, URL = parse_target("embedded"), parse_target("http://127.0.0.1:8000")


def hashes(settings: Settings = SETTINGS, target: Target = EMBEDDED, **options: Any) -> dict[str, str]:
    versions = plan_versions(settings, build_phases(settings.load), target=target, **options)
    return {name: version.hash for name, version in versions.items()}


def test_each_test_type_has_a_version_of_its_own() -> None:
    usual = hashes()

    assert list(usual) == ["baseline", "concurrent"]
    assert usual["baseline"] != usual["concurrent"]
    more_users = hashes(replace(SETTINGS, load=replace(LOAD, max_users=25)))
    assert more_users["baseline"] == usual["baseline"]
    assert more_users["concurrent"] != usual["concurrent"]


@pytest.mark.parametrize("test_type", [TestType.BASELINE, TestType.CONCURRENT])
def test_a_test_type_that_is_measured_alone_has_the_version_that_it_has_among_others(
    test_type: TestType,
) -> None:
    alone = hashes(replace(SETTINGS, load=replace(LOAD, test_types=(test_type,))))

    assert alone == {test_type.value: hashes()[test_type.value]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"api": Api.OPENAI_CHAT}, "api govstack and openai-chat"),
        ({"stream": True}, "stream not set and yes"),
        ({"model": "gpt"}, "model not set and gpt"),
        ({"deadlines": Deadlines(total_s=5.0)}, "deadlines not set and 10 s to connect, 5 s in all"),
    ],
)
def test_what_decides_the_figures_is_another_version_and_is_named(
    changes: dict[str, Any], words: str
) -> None:
    other = replace(SETTINGS, target=replace(TargetConfig(), **changes))
    phases = build_phases(LOAD)
    one = plan_versions(SETTINGS, phases, target=EMBEDDED)["baseline"]
    two = plan_versions(other, phases, target=EMBEDDED)["baseline"]

    assert difference(one, two) == words
    assert difference(one, one) is None


def test_a_template_counts_for_the_api_that_has_one() -> None:
    body = replace(SETTINGS, target=TargetConfig(http=HttpTemplate(method="POST", body='{"q": "{query}"}')))
    asked = replace(body, target=replace(body.target, api=Api.HTTP))
    plain = replace(SETTINGS, target=TargetConfig(api=Api.HTTP))

    assert hashes(body) == hashes()
    assert hashes(asked)["baseline"] != hashes(plain)["baseline"]
    paths = [hashes(target=parse_target(f"http://127.0.0.1:8000/{path}"))["baseline"] for path in "ab"]
    assert paths[0] != paths[1]


def test_the_content_of_a_test_file_counts_and_its_place_does_not() -> None:
    load = replace(LOAD, test_file=Path("users.py"), user_class="Ada")
    elsewhere = replace(load, test_file=Path("other/place.py"))

    one = hashes(replace(SETTINGS, load=load), test_file=b"a")
    assert one == hashes(replace(SETTINGS, load=elsewhere), test_file=b"a")
    assert one["baseline"] != hashes(replace(SETTINGS, load=load), test_file=b"b")["baseline"]
    assert (
        one["baseline"]
        != hashes(replace(SETTINGS, load=replace(load, user_class="Bob")), test_file=b"a")["baseline"]
    )


@pytest.mark.parametrize(
    "changes", [{"seed": 99}, {"workers": 2}, {"max_requests": 5}, {"assume_yes": True}, {"retry_delay_s": 9}]
)
def test_what_decides_no_figure_is_no_part_of_it(changes: dict[str, Any]) -> None:
    assert hashes(replace(SETTINGS, load=replace(LOAD, **changes))) == hashes()


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("embedded", "embedded"),
        ("embedded:slowdown=1.3,slots=2", "embedded"),
        ("command:serve --token abc", "command"),
        ("http://localhost:8000", "url, this machine"),
        ("http://127.0.0.1:9000/x", "url, this machine"),
    ],
)
def test_the_kind_of_a_target(form: str, kind: str) -> None:
    assert target_kind(parse_target(form)) == kind


def test_two_addresses_elsewhere_are_told_apart_and_cannot_be_read() -> None:
    kinds = {target_kind(parse_target(f"https://{name}.example.org")) for name in ("staging", "live")}

    assert len(kinds) == 2
    assert not any("example" in kind or "live" in kind for kind in kinds)


def test_a_run_of_the_embedded_api_is_none_of_an_address() -> None:
    phases = build_phases(LOAD)
    one, two = (plan_versions(SETTINGS, phases, target=each)["baseline"] for each in (EMBEDDED, URL))

    assert difference(one, two) == "target embedded and url, this machine"
    rounds = [plan_versions(SETTINGS, phases, target=each, of_target=False) for each in (EMBEDDED, URL)]
    assert rounds[0] == rounds[1]


def test_another_question_is_another_version() -> None:
    other = replace(LOAD, scenarios=(replace(SCENARIO, queries=(Query(text="Why?"),)),))
    assert hashes(replace(SETTINGS, load=other))["baseline"] != hashes()["baseline"]


def test_a_field_that_is_added_changes_nothing_until_it_is_set() -> None:
    added = make_dataclass(
        "Later", [("think", ThinkTime, field(default_factory=ThinkTime)), ("ramp", str, field(default=""))],
        bases=(Phase,), frozen=True, kw_only=True,
    )  # fmt: skip
    usual: dict[str, Any] = {"name": "a", "test_type": TestType.BASELINE, "users": 1, "steady_s": 2.0}

    assert deviating(added(**usual)) == deviating(Phase(**usual)) == {**usual, "test_type": "baseline"}
    assert deviating(added(**usual, ramp="steep"))["ramp"] == "steep"
    assert suite_version([added(**usual)], [SCENARIO]) == suite_version([Phase(**usual)], [SCENARIO])
    assert suite_version([added(**usual, ramp="x")], [SCENARIO]) != suite_version(
        [Phase(**usual)], [SCENARIO]
    )


def test_the_versions_that_are_stored_do_not_move() -> None:
    """What a change of these costs: every stored baseline of the test type is left out from then on."""
    phases = build_phases(LOAD)

    assert suite_version(phases, [SCENARIO]) == SUITE_VERSION
    assert hashes() == VERSIONS


def test_the_versions_of_an_open_loop_do_not_move_either() -> None:
    """It has no users, and had its cap in their place when the first of these were stored."""
    load = replace(LOAD, arrival_rate_rps=20.0)
    phases = build_phases(load)

    assert phases[0].users is None
    assert suite_version(phases, [SCENARIO]) == "e09a7e9364ce"
    assert hashes(replace(SETTINGS, load=load)) == {"custom": "6481a0b0ac78"}


SUITE_VERSION = "40bb4b429073"
VERSIONS = {"baseline": "9def10b81fcc", "concurrent": "25684e1a8299"}


def test_texts_of_a_setting_are_one_line() -> None:
    odd = replace(SETTINGS, target=TargetConfig(model="a\nb" + "x" * 500))
    model = plan_versions(odd, build_phases(LOAD), target=EMBEDDED)["baseline"].settings["model"]

    assert model.isprintable()
    assert len(model) <= 130


@dataclass(frozen=True)
class _Of:
    names: dict[str, tuple[int, ...]]


def test_mappings_and_tuples_are_hashed_as_json() -> None:
    assert deviating(_Of(names={"a": (1, 2)})) == {"names": {"a": [1, 2]}}
