"""Scenarios from tables and files, and what is said when they are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from govbench.config.load import load_settings
from govbench.config.settings import Settings
from govbench.errors import ConfigError
from govbench.results.plan import Query, Scenario, ThinkTime


def load(cwd: Path, toml: str, **environ: str) -> Settings:
    (cwd / "govbench.toml").write_text(toml, encoding="utf-8")
    return load_settings(flags={}, config_file=None, environ=environ, cwd=cwd)


def test_tables_become_scenarios(tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("From a file?\n")
    settings = load(
        tmp_path,
        """
[[scenarios]]
name = "hurried"
queries = ["One?", { query = "Two?", category = "tax" }]
think_time_s = 0
turns = 2
weight = 3
[[scenarios]]
name = "calm"
queries_file = "q.txt"
think_time_s = ["500ms", 2]
""",
    )

    assert settings.load.scenarios == (
        Scenario(
            name="hurried",
            queries=(Query(text="One?"), Query(text="Two?", category="tax")),
            turns=2,
            weight=3.0,
        ),
        Scenario(
            name="calm", queries=(Query(text="From a file?"),), think_time=ThinkTime(low_s=0.5, high_s=2.0)
        ),
    )


def test_the_suites_scenario_file(tmp_path: Path) -> None:
    content = {
        "scenarios": [
            {
                "name": "new_citizen",
                "weight": 30,
                "description": "asks for the basics",
                "queries": ["Where do I vote?"],
                "think_time": [3, 8],
                "session_length": [2, 5],
            }
        ]
    }
    (tmp_path / "users.json").write_text(json.dumps(content))

    (scenario,) = load(tmp_path, "", USER_SCENARIOS_FILE="users.json").load.scenarios

    assert scenario == Scenario(
        name="new_citizen",
        queries=(Query(text="Where do I vote?"),),
        think_time=ThinkTime(low_s=3, high_s=8),
        turns=4,
        weight=30,
    )


def test_an_object_of_scenarios_and_the_default_queries(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text('{"calm": {"turns": 1}, "hurried": {"queries": ["Now?"]}}')
    (tmp_path / "q.txt").write_text("Default?\n")

    scenarios = load(
        tmp_path, "", USER_SCENARIOS_FILE="users.json", SAMPLE_QUERIES_FILE="q.txt"
    ).load.scenarios

    assert [(each.name, each.queries[0].text) for each in scenarios] == [
        ("calm", "Default?"),
        ("hurried", "Now?"),
    ]


def test_a_higher_layer_replaces_the_tables_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text('{"other": {}}')

    settings = load(tmp_path, '[[scenarios]]\nname = "mine"', GOVBENCH_LOAD_SCENARIOS_FILE="users.json")

    assert [each.name for each in settings.load.scenarios] == ["other"]
    assert settings.notes == (
        "govbench.toml: [[scenarios]]: not used, for GOVBENCH_LOAD_SCENARIOS_FILE goes first",
    )


def test_queries_that_no_scenario_asks_are_noted(tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("Unasked?\n")

    settings = load(tmp_path, '[[scenarios]]\nname = "a"\nqueries = ["x"]', SAMPLE_QUERIES_FILE="q.txt")

    assert settings.notes == ("SAMPLE_QUERIES_FILE: not used, for every scenario has queries of its own",)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('[[scenarios]]\nqueries = ["x"]', "govbench.toml: [[scenarios]] 1: has no name"),
        ('[[scenarios]]\nname = "a"\nturn = 1', "govbench.toml: [[scenarios]] 1 (a) turn: unknown key"),
        (
            '[[scenarios]]\nname = "a"\nturns = 0',
            "[[scenarios]] 1 (a) turns: expected a whole number >= 1, got 0",
        ),
        ('[[scenarios]]\nname = "a"\nthink_time_s = [3, 1]', "(a) think_time_s: expected seconds >= 0"),
        ('[[scenarios]]\nname = "a"\nthink_time_s = [3]', "(a) think_time_s: expected seconds >= 0"),
        ('[[scenarios]]\nname = "a"\nthink_time_s = -1', "(a) think_time_s: expected seconds >= 0"),
        ('[[scenarios]]\nname = "a"\nweight = 0', "(a) weight: expected a number > 0"),
        ('[[scenarios]]\nname = "a"\nqueries = []', "(a) queries: expected at least one"),
        ('[[scenarios]]\nname = "a"\nqueries = [1]', "(a) queries: expected a list of texts"),
        ('[[scenarios]]\nname = "a"\nsession_length = 2', "(a) session_length: unknown key"),
        ('[[scenarios]]\nname = "a"\n[[scenarios]]\nname = "a"', "two scenarios are called 'a'"),
        ('[[scenarios]]\nname = "a"\nqueries = ["x"]\nqueries_file = "q"', "both queries and queries_file"),
        ('[[scenarios]]\nname = "a"\nqueries_file = "no.txt"', "1 (a) queries_file: "),
        ("scenarios = []", "govbench.toml: [[scenarios]]: expected tables"),
        ("[load]\nqueries_file = 'bad.json'", "bad.json:1: Expecting value"),
        ("[load]\nqueries_file = 'empty.txt'", "empty.txt holds no queries"),
        ("[load]\nqueries_file = 'number.json'", "number.json: expected queries"),
        ("[load]\nscenarios_file = 'number.json'", "number.json: expected a list of scenarios"),
    ],
)
def test_wrong_scenarios(tmp_path: Path, toml: str, message: str) -> None:
    (tmp_path / "bad.json").write_text("nope")
    (tmp_path / "number.json").write_text("5")
    (tmp_path / "empty.txt").write_text("# nothing\n")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, toml)

    assert message in str(caught.value)
