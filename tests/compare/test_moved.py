"""What moved besides the metrics, over rounds built with known effects."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from govbench.compare.moved import FEWEST_ROUNDS, Movement, moved_in_rounds
from govbench.compare.rounds import Judging
from govbench.config.settings import CompareConfig
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Aspect, Circumstance, Observation, Round

JUDGING = Judging(config=CompareConfig())
CATEGORIES = ("passports", "taxes", "family", "driving", "health")
KIND = TestType.CONCURRENT


def made_round(number: int, *circumstances: Circumstance, requests: int = 100) -> Round:
    errors = Observation(
        test_type=KIND, metric=MetricName.ERROR_RATE, base=0.0, head=0.0, base_n=requests, head_n=requests
    )
    return Round(
        number=number,
        start_s=10.0 * number,
        end_s=10.0 * number + 5,
        boot_s=1.0,
        swapped=False,
        observations=(errors,),
        circumstances=circumstances,
    )


def timed(
    which: str, change: float, aspect: Aspect = Aspect.CATEGORY, *, base: float = 20.0, error: float = 0.02
) -> Circumstance:
    return Circumstance(
        test_type=KIND,
        aspect=aspect,
        which=which,
        base_n=30,
        head_n=30,
        base=base,
        head=base * (1 + change),
        effect=math.log1p(change),
        standard_error=error,
    )


def categories_moved(changes: Mapping[str, float], *, rounds: int = 9, seed: int = 1) -> list[Movement]:
    """Rounds of categories with these changes, each round off by what its error allows."""
    rng = np.random.default_rng(seed)
    made = [
        made_round(
            number,
            *(
                timed(which, math.exp(rng.normal(math.log1p(change), 0.02)) - 1)
                for which, change in changes.items()
            ),
        )
        for number in range(rounds)
    ]
    return list(moved_in_rounds(made, JUDGING))


def test_a_single_category_that_moved_is_named_with_what_the_others_did() -> None:
    (found,) = categories_moved(dict.fromkeys(CATEGORIES, 0.0) | {"passports": 0.25})
    explanation = found.explanation
    assert (explanation.aspect, explanation.which, explanation.only) == (
        Aspect.CATEGORY,
        ("passports",),
        True,
    )
    assert explanation.change.estimate == pytest.approx(0.25, abs=0.03)
    assert explanation.others is not None
    assert explanation.others.estimate == pytest.approx(0.0, abs=0.02)


def test_two_categories_that_moved_are_named_together_the_larger_first() -> None:
    (found,) = categories_moved(dict.fromkeys(CATEGORIES, 0.0) | {"taxes": 0.3, "health": 0.4})
    assert found.explanation.which == ("health", "taxes")
    assert found.explanation.only


def test_others_that_moved_too_are_not_called_still() -> None:
    (found,) = categories_moved(dict.fromkeys(CATEGORIES, 0.1) | {"passports": 0.5})
    assert found.explanation.which == ("passports",)
    assert not found.explanation.only


@pytest.mark.parametrize("change", [0.0, 0.05, 0.3])
def test_what_all_categories_do_alike_singles_none_out(change: float) -> None:
    singled_out = [
        seed for seed in range(60) if categories_moved(dict.fromkeys(CATEGORIES, change), seed=seed)
    ]
    assert len(singled_out) <= 2


def test_too_few_rounds_single_no_category_out() -> None:
    changes = dict.fromkeys(CATEGORIES, 0.0) | {"passports": 0.5}
    assert categories_moved(changes, rounds=FEWEST_ROUNDS - 1) == []


def failing(which: str, failed: int, aspect: Aspect) -> Circumstance:
    return Circumstance(
        test_type=KIND, aspect=aspect, which=which, base_n=100, head_n=100, head_failed=failed
    )


def test_an_error_class_counts_the_rounds_in_which_it_did_not_occur() -> None:
    rounds = [
        made_round(n, *([failing("http_5xx", 6, Aspect.ERROR_CLASS)] if n % 2 else [])) for n in range(8)
    ]
    (found,) = moved_in_rounds(rounds, JUDGING)
    explanation = found.explanation
    assert explanation.which == ("http_5xx",)
    assert (explanation.candidate, explanation.candidate_n) == (0.03, 800)
    assert explanation.change.difference
    assert explanation.change.estimate == pytest.approx(0.03)


def test_an_error_or_two_are_no_movement() -> None:
    rounds = [made_round(0, failing("timeout", 1, Aspect.ERROR_CLASS)), made_round(1), made_round(2)]
    assert moved_in_rounds(rounds, JUDGING) == ()


def test_failures_of_one_category_alone_are_named() -> None:
    rounds = [
        made_round(n, *(failing(c, 20 if c == "taxes" else 0, Aspect.CATEGORY) for c in CATEGORIES))
        for n in range(6)
    ]
    (found,) = moved_in_rounds(rounds, JUDGING)
    assert found.of_failures
    assert (found.explanation.which, found.explanation.only) == (("taxes",), True)
    assert (found.explanation.candidate, found.explanation.candidate_n) == (0.2, 600)


@pytest.mark.parametrize(
    ("aspect", "base", "change", "moves"),
    [
        (Aspect.RESPONSE_BYTES, 1200.0, 0.43, True),
        (Aspect.RESPONSE_BYTES, 1200.0, 0.01, False),  # within the margin, however sure
        (Aspect.AFTER_FIRST_BYTE, 0.2, 0.43, False),  # 0.09 ms is less than any margin of a time
        (Aspect.AFTER_FIRST_BYTE, 20.0, 0.43, True),
    ],
)
def test_sizes_and_the_rest_of_a_request_move_beyond_their_margins(
    aspect: Aspect, base: float, change: float, moves: bool
) -> None:
    rounds = [made_round(n, timed("", change, aspect, base=base, error=0.001)) for n in range(6)]
    found = moved_in_rounds(rounds, JUDGING)
    assert [m.explanation.aspect for m in found] == ([aspect] if moves else [])
