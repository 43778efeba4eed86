"""What one round tells besides its metrics, from tables of pairs made record by record."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from govbench.record.circumstances import circumstances_of
from govbench.record.reader import read_samples
from govbench.results.plan import Api, Phase, Plan, Query, Scenario, Side, TestType
from govbench.results.rounds import Aspect, Circumstance
from govbench.results.run import Outcome, Window
from govbench.results.samples import Kind
from tests.record.conftest import T0_S, record, write

PAIRS = 120
PLAN = Plan(
    phases=(Phase(name="paired", test_type=TestType.CONCURRENT, users=1, steady_s=60.0, paired=True),),
    scenarios=(Scenario(name="s", queries=(Query(text="q"),)),),
    sides=tuple(Side(name=name, url="http://x", api=Api.GOVSTACK) for name in ("base", "head", "c1", "c2")),
)
WINDOW = Window(start_s=T0_S, steady_start_s=T0_S, steady_end_s=T0_S + 60, end_s=T0_S + 60)

Fields = Callable[[int, int], dict[str, Any]]


def circumstances(
    tmp_path: Path, fields: Fields, kinds: list[Kind]
) -> dict[tuple[Aspect, str], Circumstance]:
    """Of a round in which one user asked ``PAIRS`` pairs; ``fields`` gives those of pair k on a side."""
    records = []
    for k in range(PAIRS):
        for place, side in enumerate((0, 1) if k % 2 else (1, 0)):
            said: dict[str, Any] = {"side": side} | fields(k, side)
            records.append(record(k * 0.5 + place * 0.1, **said))
    folder = write(tmp_path / "round", *records, kinds=kinds)
    found = circumstances_of(read_samples(folder), PLAN, {0: WINDOW})
    return {(c.aspect, c.which): c for c in found}


def kinds_of(*categories: str) -> list[Kind]:
    return [Kind("citizen", category) for category in categories]


def test_each_category_has_its_own_times(tmp_path: Path) -> None:
    def fields(k: int, side: int) -> dict[str, Any]:
        slow = k % 3 == 0 and side == 1
        return {"kind": k % 3, "last_byte_ms": (20.0 + k % 7) * (1.5 if slow else 1.0)}

    found = circumstances(tmp_path, fields, kinds_of("passports", "taxes", "family"))

    passports, taxes = found[Aspect.CATEGORY, "passports"], found[Aspect.CATEGORY, "taxes"]
    assert passports.effect == pytest.approx(math.log(1.5), rel=1e-5)
    assert taxes.effect == pytest.approx(0.0, abs=1e-9)
    assert (passports.base_n, passports.head_n, passports.head_failed) == (40, 40, 0)
    # One scenario alone would say of the whole what its metrics say already.
    assert not any(aspect is Aspect.SCENARIO for aspect, _ in found)


def test_failures_are_counted_by_category_and_by_class(tmp_path: Path) -> None:
    def fields(k: int, side: int) -> dict[str, Any]:
        failed = k % 2 == 0 and side == 1
        return {"kind": k % 2, "outcome": Outcome.HTTP_5XX if failed else Outcome.OK}

    found = circumstances(tmp_path, fields, kinds_of("passports", "taxes"))

    passports = found[Aspect.CATEGORY, "passports"]
    assert (passports.base_failed, passports.head_failed, passports.head_n) == (0, 60, 60)
    assert passports.effect is None, "where every answer of a side failed there are no pairs of times"
    assert found[Aspect.CATEGORY, "taxes"].head_failed == 0
    error = found[Aspect.ERROR_CLASS, "http_5xx"]
    assert (error.base_failed, error.base_n, error.head_failed, error.head_n) == (0, 120, 60, 120)


def test_sizes_and_tokens_are_ratios_of_means_and_the_rest_of_a_request_is_a_median(tmp_path: Path) -> None:
    def fields(k: int, side: int) -> dict[str, Any]:
        return {
            "response_bytes": (1000 + k % 5 * 100) * (1 + side),
            "input_tokens": 10 + k % 3,
            "first_byte_ms": 15.0,
            "last_byte_ms": 15.0 + (2.0 + k % 4) * (1 + 2 * side),
        }

    found = circumstances(tmp_path, fields, [])

    size, tokens = found[Aspect.RESPONSE_BYTES, ""], found[Aspect.INPUT_TOKENS, ""]
    assert (size.base, size.head) == (1200.0, 2400.0)
    assert size.effect == pytest.approx(math.log(2), rel=1e-5)
    assert tokens.effect == 0.0
    rest = found[Aspect.AFTER_FIRST_BYTE, ""]
    assert rest.effect == pytest.approx(math.log(3), rel=1e-4)
    assert not any(aspect is Aspect.CATEGORY for aspect, _ in found), "these requests have no kind"


def test_controls_are_no_comparison_of_the_sides(tmp_path: Path) -> None:
    """Of every three pairs one is head against base, one base against itself and one head against itself."""

    def fields(k: int, side: int) -> dict[str, Any]:
        asked = ((0, 1), (0, 2), (1, 3))[k % 3][side]
        slower = 3 if asked in {1, 3} else 1
        return {
            "side": asked,
            "kind": k // 12 % 2,
            "response_bytes": 1000 * slower,
            "input_tokens": 10 * slower,
            "first_byte_ms": 15.0,
            "last_byte_ms": 15.0 + (2.0 + k % 4) * slower,
        }

    found = circumstances(tmp_path, fields, kinds_of("passports", "taxes"))

    size, tokens = found[Aspect.RESPONSE_BYTES, ""], found[Aspect.INPUT_TOKENS, ""]
    assert (size.base, size.head, size.base_n, size.head_n) == (1000.0, 3000.0, 80, 80)
    assert (tokens.base, tokens.head) == (10.0, 30.0)
    assert found[Aspect.AFTER_FIRST_BYTE, ""].effect == pytest.approx(math.log(3), rel=1e-4)
    for category in ("passports", "taxes"):
        times = found[Aspect.CATEGORY, category]
        assert (times.base, times.head) == (18.5, 25.5)


def test_what_was_not_reported_is_left_out(tmp_path: Path) -> None:
    found = circumstances(tmp_path, lambda k, side: {"response_bytes": 0}, [])
    assert found == {}


def test_only_the_largest_groups_are_kept(tmp_path: Path) -> None:
    kinds = 20
    asked = kinds_of(*(f"category {at}" for at in range(kinds)))
    found = circumstances(tmp_path, lambda k, side: {"kind": min(k, kinds - 1)}, asked)
    kept = [which for aspect, which in found if aspect is Aspect.CATEGORY]
    assert len(kept) == 16
    assert kept[0] == f"category {kinds - 1}"


def test_a_round_in_which_a_side_never_answered_tells_nothing(tmp_path: Path) -> None:
    def fields(k: int, side: int) -> dict[str, Any]:
        return {"outcome": Outcome.CANCELLED if side else Outcome.OK}

    assert circumstances(tmp_path, fields, []) == {}
