"""Results in every layout, for tests of what all of them say."""

from __future__ import annotations

from govbench.compare.conclude import DEFAULT_FAIL_ON, conclude_results
from govbench.report.build import document_of
from govbench.report.document import Document
from govbench.report.layouts import html, junit, markdown, terminal
from govbench.results.comparison import Results, Verdict


def document(results: Results, fail_on: frozenset[Verdict] = DEFAULT_FAIL_ON) -> Document:
    return document_of(results, conclude_results(results, fail_on))


def in_terminal(results: Results, *, width: int = 200) -> str:
    return terminal.render(document(results), width=width, color=False, verbose=True)


def in_markdown(results: Results) -> str:
    return markdown.render([document(results)])


def page(results: Results) -> str:
    return html.render(document(results))


def in_junit(results: Results, fail_on: frozenset[Verdict] = DEFAULT_FAIL_ON) -> str:
    return junit.render(document(results, fail_on))
