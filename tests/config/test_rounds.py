"""The load of a round: which phases in pairs, which in turns, and how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from govbench.config.load import load_settings
from govbench.config.rounds import SHORTEST_ROUND_S, RoundLoad, round_load, round_s
from govbench.config.settings import AbConfig, Settings
from govbench.errors import ConfigError
from govbench.results.plan import BASE, HEAD, LoadModel, Phase, TestType


def load(cwd: Path, toml: str = "", **flags: object) -> Settings:
    (cwd / "govbench.toml").write_text(toml, encoding="utf-8")
    named = {name.replace("__", "."): value for name, value in flags.items()}
    return load_settings(flags=named, config_file=None, environ={}, cwd=cwd)


def phases(settings: Settings, *, load_s: float = 2.0, number: int = 0) -> tuple[Phase, ...]:
    return loaded(settings).phases(load_s=load_s, number=number)


def loaded(settings: Settings) -> RoundLoad:
    return round_load(settings.load, settings.ab)


def test_ten_users_ask_in_pairs_unless_told_otherwise(tmp_path: Path) -> None:
    (phase,) = phases(load(tmp_path))

    assert (phase.name, phase.test_type, phase.users) == ("concurrent_10", TestType.CONCURRENT, 10)
    assert phase.paired
    assert phase.duration_s == pytest.approx(2.0)
    assert phase.steady_s > 1.5


def test_test_types_and_users_are_those_asked_for(tmp_path: Path) -> None:
    found = phases(load(tmp_path, "[ab]\nusers = 40\n[load]\ntest_types = ['baseline', 'concurrent']\n"))

    assert [(p.test_type, p.users) for p in found] == [(TestType.BASELINE, 1), (TestType.CONCURRENT, 40)]


def test_each_level_is_a_phase_of_every_round(tmp_path: Path) -> None:
    found = phases(load(tmp_path, ab__levels="50, 10,25,10"))

    assert [(p.name, p.users) for p in found] == [
        ("concurrent_10", 10),
        ("concurrent_25", 25),
        ("concurrent_50", 50),
    ]
    assert all(p.paired and p.duration_s == pytest.approx(2.0) for p in found)
    assert [p.users for p in phases(load(tmp_path, "[ab]\nlevels = [4, 2]\n"))] == [2, 4]


def test_levels_happen_in_an_order_of_each_round_that_the_seed_gives(tmp_path: Path) -> None:
    asked = loaded(load(tmp_path, ab__levels="10,25,50", ab__throughput_rps=50))
    orders = [asked.order(number) for number in range(60)]

    assert all(sorted(order) == [0, 1, 2, 3] and order[-1] == 3 for order in orders)
    assert len(set(orders)) == 6
    assert orders == [asked.order(number) for number in range(60)]
    other = loaded(load(tmp_path, ab__levels="10,25,50", ab__throughput_rps=50, load__seed=2))
    assert orders != [other.order(number) for number in range(60)]


@pytest.mark.parametrize("levels", ["0,5", "", "ten", "5,,6"])
def test_levels_are_whole_numbers_of_users(tmp_path: Path, levels: str) -> None:
    with pytest.raises(ConfigError, match=r"levels: .*a list of whole numbers from 1 to 65535"):
        load(tmp_path, ab__levels=levels)


def test_one_number_of_users_and_levels_cannot_both_be_meant(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ab\.users: one number of users, but .*asks for levels"):
        load(tmp_path, "[ab]\nlevels = [10, 25]\n", ab__users=5)


def test_a_rate_adds_a_phase_in_which_the_sides_take_turns(tmp_path: Path) -> None:
    settings = load(tmp_path, ab__throughput_rps=200.0)

    for number, order in ((0, (BASE, HEAD)), (1, (HEAD, BASE))):
        pairs, turns = phases(settings, number=number)
        assert pairs.paired
        assert turns.model is LoadModel.OPEN
        assert not turns.paired
        assert turns.users is None
        assert tuple(part.side for part in turns.slices) == order
        assert turns.test_type is TestType.CONCURRENT


def test_phases_of_ones_own_are_asked_in_pairs_or_in_turns_by_their_model(tmp_path: Path) -> None:
    toml = """
[[phases]]
name = "few"
users = 3
think_time_s = 0.05
[[phases]]
name = "rush"
rate_rps = 50
"""
    few, rush = phases(load(tmp_path, toml))

    assert (few.name, few.users, few.paired, few.test_type) == ("few", 3, True, TestType.CUSTOM)
    assert few.think_time is not None
    assert few.think_time.low_s == 0.05
    assert (rush.name, rush.model, rush.paired) == ("rush", LoadModel.OPEN, False)


def test_users_of_a_test_file_cannot_be_paired(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text("")

    with pytest.raises(ConfigError, match="cannot be asked in pairs"):
        loaded(load(tmp_path, load__test_file="users.py"))


@pytest.mark.parametrize(
    ("boot_s", "answer_s", "count", "expected"),
    [
        (0.8, 0.02, 1, SHORTEST_ROUND_S),
        (5.0, 0.02, 1, 5.0),
        (500.0, 0.02, 1, 60.0),
        (0.8, 3.0, 1, 24.2),
        (0.8, 0.02, 2, SHORTEST_ROUND_S / 2),
        (8.0, 0.02, 2, 4.0),
    ],
)
def test_a_round_lasts_as_long_as_its_boot_but_long_enough_for_its_pairs(
    boot_s: float, answer_s: float, count: int, expected: float
) -> None:
    found = round_s(AbConfig(), boot_s=boot_s, answer_s=answer_s, phases=count, users=10)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("flags", "users"),
    [
        ({}, 10),
        ({"ab__users": 3}, 3),
        ({"ab__levels": [50, 5]}, 5),
        ({"load__test_types": ["baseline", "concurrent"]}, 1),
    ],
)
def test_the_phase_with_the_fewest_users_sets_how_long_pairs_take(
    tmp_path: Path, flags: dict[str, Any], users: int
) -> None:
    asked = loaded(load(tmp_path, **flags))

    assert asked.fewest_users == users
    long = round_s(asked.ab, boot_s=0.8, answer_s=0.45, phases=1, users=users)
    assert long == pytest.approx(min(60.0, max(SHORTEST_ROUND_S, 40 * 2 * 0.45 / users + 0.2)))


def test_the_length_that_was_asked_for_is_shared_by_the_phases() -> None:
    assert round_s(AbConfig(round_s=4.0), boot_s=9.0, answer_s=9.0, phases=2, users=1) == 2.0
