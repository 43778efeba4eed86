from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from govbench.report import format as fmt
from govbench.report import markdown
from govbench.results.comparison import Results

HEAD_AS_SHOWN = "feature/<script>alert(\"1\")</script> & 'ünïcödé' 日本 gnp.exe[31m"
BASE_AS_SHOWN = "main @octocat | `v1` ## heading"
OUR_TAGS = {"", "h3", "p", "blockquote", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code"}
COMMENT_LIMIT = 65_536  # characters of a GitHub comment


@pytest.fixture(params=["results", "run_only", "failed_run", "invalid", "passing"])
def document(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_golden(results: Results, golden: Callable[[str, str], None]) -> None:
    golden("results.md", markdown.render(results))


def test_golden_without_a_comparison(run_only: Results, golden: Callable[[str, str], None]) -> None:
    golden("run_only.md", markdown.render(run_only))


def test_golden_of_a_failed_run(failed_run: Results, golden: Callable[[str, str], None]) -> None:
    golden("failed_run.md", markdown.render(failed_run))


def test_no_name_becomes_a_tag_a_mention_a_reference_or_code(document: Results) -> None:
    text = markdown.render(document)
    assert set(re.findall(r"<[^>]*>", text)) <= {"<details>", "</details>", "<summary>", "</summary>"}
    assert not re.search(r"@\w", text)
    assert "`" not in text.replace("```mermaid", "").replace("\n```\n", "\n")
    assert not re.search(r"#\d", re.sub(r"&#\d+;", "~", text.replace("#4477aa", "")))


def test_a_markdown_parser_sees_our_layout_and_nothing_of_the_names(document: Results) -> None:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(markdown.render(document))
    inline = {child.type for token in tokens for child in token.children or ()}
    assert inline <= {"text", "text_special", "softbreak"}
    assert {token.tag for token in tokens} <= OUR_TAGS
    assert [token.level for token in tokens if token.type == "heading_open"] == [0]
    blocks = [token.content for token in tokens if token.type == "html_block"]
    assert all(re.fullmatch(r"(</?details>|<summary>[\w ,]+</summary>|\n)+", block) for block in blocks)


def test_a_reader_sees_the_names_as_they_are(results: Results) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown.render(results))
    shown = "\n".join(
        "".join(child.content for child in token.children or ()) for token in tokens if token.type == "inline"
    ).replace("\u200b", "")
    for name in (HEAD_AS_SHOWN, BASE_AS_SHOWN, "10 `users` | <b>hot</b>", "MAX_RESPONSE_TIME_MS | <env>"):
        assert name in shown


def test_every_row_of_a_table_has_as_many_cells_as_its_header(document: Results) -> None:
    for block in re.split(r"\n(?!\|)", markdown.render(document)):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1


def test_the_verdict_comes_first_and_details_are_folded(results: Results) -> None:
    text = markdown.render(results)
    assert text.startswith("### ❌ regression: response time p50 of concurrent is 30.1 %")
    shown, _, _ = text.partition("<details>")
    assert "not comparable" not in shown  # advisory: folded
    assert text.count("<details>") == text.count("</details>") == 5


def test_changed_and_gated_rows_are_not_folded(results: Results) -> None:
    assert results.comparison is not None
    shown, _, _ = markdown.render(results).partition("<details>")
    changed = [f for f in results.comparison.findings if f.verdict.value in {"regression", "improvement"}]
    assert all(markdown.escape(fmt.change(finding.change)) in shown for finding in changed)


@pytest.mark.parametrize(
    "name",
    [
        "@octocat",
        "org/team#12",
        "https://evil.example/x",
        "www.evil.example",
        "GH-7",
        "*x*",
        "_x_",
        "~~x~~",
        "$x$",
    ],
)
def test_escape_breaks_what_github_would_act_on(name: str) -> None:
    assert name not in markdown.escape(f"a {name} b")


def test_escape_leaves_plain_text_alone() -> None:
    assert markdown.escape("response time p50, 4.50 % (99 ms) - ünïcödé 日本") == (
        "response time p50, 4.50 % (99 ms) - ünïcödé 日本"
    )


def test_small_enough_for_a_comment(results: Results) -> None:
    assert results.comparison is not None
    many = replace(results, comparison=replace(results.comparison, findings=results.comparison.findings * 4))
    assert len(markdown.render(many)) < COMMENT_LIMIT


def test_mermaid_needs_two_levels_and_has_a_line_per_side(results: Results, failed_run: Results) -> None:
    chart = markdown.mermaid(results.summary)
    assert chart is not None
    assert chart.count("    line [") == 2
    assert "[5, 10]" in chart, "of the test type with the most levels"
    assert markdown.mermaid(failed_run.summary) is None
    one_level = tuple(p for p in results.summary.phases if p.phase.users == 1)
    assert markdown.mermaid(replace(results.summary, phases=one_level)) is None


def test_mermaid_leaves_out_a_level_that_one_side_lacks(results: Results) -> None:
    more = tuple(
        replace(p, phase=replace(p.phase, users=users))
        for p in results.summary.phases
        for users in (20, 40)
        if p.phase.users == 10
    )
    phases = tuple(
        p for p in (*results.summary.phases, *more) if (p.phase.users, p.side) not in {(5, 1), (20, 0)}
    )
    chart = markdown.mermaid(replace(results.summary, phases=phases))
    assert chart is not None
    assert "[10, 40]" in chart
