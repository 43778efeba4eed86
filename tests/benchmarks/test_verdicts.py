"""The pure parts of benchmarks/verdicts; all of it runs in its short form in .ci/run."""

import importlib
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from govbench.results.comparison import Verdict

Imported = Callable[[str], ModuleType]


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Imported:
    """Imports a module of the benchmark, which is the folder of a script and not installed."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2]))
    return lambda name: importlib.import_module(f"benchmarks.verdicts.{name}")


def run_of(part: Imported, **changed: object) -> Any:
    told: dict[str, object] = {
        "kind": "aa",
        "seed": 1,
        "exit_code": 0,
        "verdict": Verdict.PASS,
        "unconfirmed": False,
        "rounds": 9,
        "load_s": 14.4,
        "wall_s": 31.0,
        "p50_ms": (25.0, 25.1),
        "p95_ms": (40.0, None),
    }
    return part("store").Run(**{**told, **changed})


@pytest.mark.parametrize(("hits", "n"), [(0, 60), (1, 2000), (30, 60), (1990, 2000), (60, 60)])
def test_an_interval_of_a_rate_is_that_of_clopper_and_pearson(part: Imported, hits: int, n: int) -> None:
    rate = part("rates").Rate(hits=hits, n=n)
    exact = scipy_stats.binomtest(hits, n).proportion_ci(0.95, method="exact")
    assert (rate.low, rate.high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_none_of_sixty_allows_five_percent(part: Imported) -> None:
    assert part("rates").Rate(hits=0, n=60).bound == pytest.approx(1 - 0.05 ** (1 / 60))


def test_real_queues_are_of_one_to_four_slots_below_and_above_what_both_can_answer(part: Imported) -> None:
    queues = part("real").QUEUES
    slots = [int(setting.target.partition("slots=")[2].partition(",")[0]) for setting in queues]

    assert Counter(slots) == {1: 5, 2: 5, 3: 5, 4: 5}
    shares = [setting.users / (2 * each) for setting, each in zip(queues, slots, strict=True)]
    assert min(shares) < 0.4
    assert max(shares) == 1.5
    assert queues[0].slowed(1.05) == f"{queues[0].target},slowdown=1.05"
    assert part("real").Setting().slowed(1.1) == "embedded:slowdown=1.10"


def test_an_improvement_of_one_metric_is_no_right_answer(part: Imported) -> None:
    is_right = part("real").is_right

    assert is_right(run_of(part))
    assert not is_right(run_of(part, improved=True))
    assert is_right(run_of(part, kind="queues", verdict=Verdict.INCONCLUSIVE))
    assert is_right(run_of(part, kind="queues-plus5", verdict=Verdict.REGRESSION))
    assert not is_right(run_of(part, kind="queues-plus5", verdict=Verdict.IMPROVEMENT, improved=True))


@pytest.mark.parametrize(("slots", "users"), [(4, 3), (4, 8), (2, 10)])
def test_two_queues_amplify_a_difference_where_users_wait_and_not_below(
    part: Imported, slots: int, users: int
) -> None:
    rng = np.random.default_rng(4)
    ratios = []
    for _ in range(40):
        asked = part("queues").ask(
            25.0 * np.exp(0.15 * rng.normal(size=(2, 400))),
            head_factor=1.05,
            slots=slots,
            users=users,
            rng=rng,
        )
        pairs = asked.where(~asked.is_control)
        assert int(asked.is_control.sum()) == 40
        ratios.append(np.median(np.log(pairs.other_ms / pairs.one_ms)))

    seen = math.expm1(float(np.mean(ratios)))
    assert seen == pytest.approx(0.05, abs=0.01) if users < slots else seen > 0.06


def test_equal_queues_look_equal(part: Imported) -> None:
    rng = np.random.default_rng(6)
    ratios = []
    for _ in range(100):
        asked = part("queues").ask(
            25.0 * np.exp(0.15 * rng.normal(size=(2, 250))), head_factor=1.0, slots=1, users=6, rng=rng
        )
        pairs = asked.where(~asked.is_control)
        ratios.append(np.median(np.log(pairs.other_ms / pairs.one_ms)))

    assert abs(np.mean(ratios)) < 3 * np.std(ratios) / 10


def test_the_kinds_are_mixed_and_none_is_left_out(part: Imported) -> None:
    order = part("real").order({"aa": 30, "hogs": 30, "plus5": 20})
    assert Counter(kind for kind, _ in order) == {"aa": 30, "hogs": 30, "plus5": 20}
    assert Counter(kind for kind, _ in order[:8]) == {"aa": 3, "hogs": 3, "plus5": 2}


def test_what_is_finished_is_read_back_and_a_broken_last_line_is_not(part: Imported, tmp_path: Path) -> None:
    store = part("store").Store(tmp_path)
    runs = [run_of(part), run_of(part, seed=2, change=0.01, low=-0.01, high=0.03, verdict=Verdict.REGRESSION)]
    for run in runs:
        store.add(run, None)
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write('{"kind": "aa", "se')
    assert store.runs() == runs


def test_an_interval_holds_what_lies_in_it(part: Imported) -> None:
    run = run_of(part, change=0.05, low=0.03, high=0.07)
    assert (run.holds(0.03), run.holds(0.08), run.holds(None)) == (True, False, None)
    assert run_of(part).holds(0.03) is None


def test_the_last_point_alarms_at_twice_the_base_before(part: Imported) -> None:
    usual = part("usual")
    before = run_of(part, p50_ms=(20.0, 90.0))
    assert usual.last_point([before]) is None
    assert usual.last_point([before, run_of(part, p50_ms=(99.0, 41.0))]) is True
    assert usual.last_point([before, run_of(part, p50_ms=(99.0, 40.0))]) is False


def test_a_missing_p95_is_no_alarm_and_no_silence(part: Imported) -> None:
    runs = [run_of(part, p95_ms=(40.0, 40.0)), run_of(part), run_of(part, p95_ms=(40.0, 45.0))]
    usual = part("usual")
    assert usual.alarms(runs, usual.p95_threshold, frozenset({"aa"})) == [True]


def test_the_t_test_is_that_of_a_new_observation(part: Imported) -> None:
    bases = [24.0, 25.0, 26.0, 25.5, 24.5]
    history = [run_of(part, p50_ms=(base, 25.0)) for base in bases]
    sd = math.sqrt(sum((base - 25.0) ** 2 for base in bases) / 4)
    reach = float(scipy_stats.t.ppf(0.975, 4)) * sd * math.sqrt(1.2)
    usual = part("usual")
    assert usual.t_test([*history, run_of(part, p50_ms=(25.0, 25.0 + reach + 1e-6))]) is True
    assert usual.t_test([*history, run_of(part, p50_ms=(25.0, 25.0 + reach - 1e-6))]) is False
    assert usual.t_test(history) is None
