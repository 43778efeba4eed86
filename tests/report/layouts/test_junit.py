from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped
from lxml import etree

from govbench.report.document import Document
from govbench.report.layouts import junit
from govbench.results.conclusion import Weight
from tests.report.layouts.handmade import TEXTS, all_hostile, case, document

SCHEMA = etree.XMLSchema(etree.parse(str(Path(__file__).parent.parent / "junit.xsd")))


def outcomes(shown: Document) -> dict[tuple[str, str], type | None]:
    """Class and name of each case, and the kind of its outcome, as a consumer reads them."""
    return {
        (case.classname, case.name): type(case.result[0]) if case.result else None
        for suite in JUnitXml.fromstring(junit.render(shown).encode())
        for case in suite
    }


def test_each_weight_is_an_outcome() -> None:
    shown = document(cases=tuple(case(weight.value, weight) for weight in Weight))
    assert outcomes(shown) == {
        ("govbench.chat.concurrent", "ok"): None,
        ("govbench.chat.concurrent", "skipped"): Skipped,
        ("govbench.chat.concurrent", "error"): Error,
        ("govbench.chat.concurrent", "failure"): Failure,
    }


def test_a_first_run_is_one_skipped_case() -> None:
    shown = document(
        cases=(case("run", Weight.SKIPPED, message="first measurement: nothing to compare with"),)
    )
    suite = JUnitXml.fromstring(junit.render(shown).encode())
    assert (suite.tests, suite.failures, suite.errors) == (1, 0, 0)
    (found,) = next(iter(suite))
    assert found.result[0].message == "first measurement: nothing to compare with"


def test_a_consumer_reads_counts_properties_time_and_text() -> None:
    text = junit.render(document(cases=(case("run", Weight.OK, seconds=0.00001), *document().cases[1:])))
    root = etree.fromstring(text.encode())
    SCHEMA.assertValid(root)
    suite = root.find("testsuite")
    assert suite is not None
    assert {key: root.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "2",
        "failures": "1",
        "errors": "0",
    }
    assert suite.get("timestamp") == "2026-05-28T18:26:40"
    assert suite.get("name") == "govbench.chat"
    assert {p.get("name"): p.get("value") for p in suite.iter("property")} == {
        "profile": "quick",
        "commit": "0123456789",
    }
    failure = suite.find(".//failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == ("regression", "response time p50 in words")
    assert failure.text == "base: 25.2 ms\nhead: 50.4 ms"


def test_what_is_not_failed_says_the_same_as_output() -> None:
    shown = document(cases=(case("run", Weight.SKIPPED, text="reason: x", errors="busy"),))
    root = etree.fromstring(junit.render(shown).encode())
    assert (root.findtext(".//system-out"), root.findtext(".//system-err")) == ("reason: x", "busy")


def test_hostile_words_stay_words() -> None:
    text = junit.render(all_hostile())
    SCHEMA.assertValid(etree.fromstring(text.encode()))
    assert "<script>" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("weight", Weight)
@given(words=st.lists(st.text() | TEXTS, min_size=6, max_size=6))
def test_any_words_make_a_valid_document(weight: Weight, words: list[str]) -> None:
    name, classname, message, kind, text, errors = words
    shown = document(
        suite=name,
        cases=(
            case(name, weight, classname=classname, message=message, kind=kind, text=text, errors=errors),
        ),
        properties=((f"x{name}", text),),
    )
    SCHEMA.assertValid(etree.fromstring(junit.render(shown).encode()))
