"""What real runs look like, byte for byte; CONTRIBUTING.md says how to write the files anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from govbench.compare.conclude import conclude_results
from govbench.report.build import Place, document_of
from govbench.report.document import Document
from govbench.report.layouts import junit, markdown, terminal
from tests.recorded.runs import NAMES, recorded

Golden = Callable[[str, str], None]
PAGE = "results/latest/report.html"


def document(name: str) -> Document:
    results = recorded(name)
    return document_of(results, conclude_results(results), Place(page=PAGE))


@pytest.mark.parametrize("name", NAMES)
def test_terminal(golden: Golden, name: str) -> None:
    golden(f"{name}.80.txt", terminal.render(document(name), width=80, color=False))


@pytest.mark.parametrize("name", ["first_run", "ab_regression"])
@pytest.mark.parametrize("width", [40, 120])
def test_other_widths(golden: Golden, name: str, width: int) -> None:
    golden(f"{name}.{width}.txt", terminal.render(document(name), width=width, color=False))


def test_all_of_it(golden: Golden) -> None:
    golden(
        "ab_regression.verbose.txt",
        terminal.render(document("ab_regression"), width=80, color=False, verbose=True),
    )


@pytest.mark.parametrize("name", NAMES)
def test_quiet(golden: Golden, name: str) -> None:
    golden(f"{name}.quiet.txt", terminal.render(document(name), width=10_000, color=False, quiet=True))


@pytest.mark.parametrize("name", NAMES)
def test_markdown(golden: Golden, name: str) -> None:
    golden(f"{name}.md", markdown.render([document(name)]))


def test_a_comment_of_two_suites(golden: Golden) -> None:
    suites = [document("ab_regression"), document("first_run")]
    golden("two_suites.md", markdown.render(suites, budget_bytes=6_000))


@pytest.mark.parametrize("name", NAMES)
def test_junit(golden: Golden, name: str) -> None:
    golden(f"{name}.junit.xml", junit.render(document(name)))
