from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from govbench.report.document import Closing, Document, Items, Remark, Span, SpanKind, Tone
from govbench.report.layouts import markdown
from govbench.report.layouts.github import Limits, code, escape, fenced, link, paragraph, words
from govbench.report.layouts.plain import printable
from tests.report.layouts.handmade import (
    CHART,
    DOCUMENTS,
    EVERY_BLOCK,
    FINDINGS,
    HEADLINE,
    HOSTILE,
    LEVELS,
    LOG,
    all_hostile,
    document,
    row,
    section,
    text,
)

TAGS = {
    "",
    "h3",
    "h4",
    "p",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "ul",
    "ol",
    "li",
    "code",
}
INLINE = {"text", "text_special", "softbreak", "html_inline", "code_inline", "link_open", "link_close"}
PAGE = Closing(
    advice=(),
    exit_code=document().closing.exit_code,
    exit_text="",
    files=(("report.html", "https://ci.example/artifacts/report.html"),),
)


def render(*documents: Document, budget: int = markdown.SUMMARY_BYTES) -> str:
    return markdown.render(documents, budget_bytes=budget)


def tokens_of(shown: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(shown)


def assert_valid(shown: str) -> None:
    """What GitHub reads is our layout: balanced, closed, and no tag but ours."""
    tokens = tokens_of(shown)
    assert {token.tag for token in tokens} <= TAGS
    html = [token.content for token in tokens if token.type == "html_block"]
    assert all(
        re.fullmatch(r"(</details>|<details><summary>[^<>]*</summary>|\n)+", block) for block in html
    ), html
    opened = sum(block.count("<details>") for block in html)
    assert opened == sum(block.count("</details>") for block in html)
    for token in tokens:
        inline = {child.type for child in token.children or ()}
        assert inline <= INLINE, inline
        tags = [child.content for child in token.children or () if child.type == "html_inline"]
        assert set(tags) <= {"<b>", "</b>"}
        assert tags.count("<b>") == tags.count("</b>")
    for fence in (token for token in tokens if token.type == "fence"):
        assert fence.info in {"", "mermaid"}
    assert_equal_columns(shown, tokens)


def assert_equal_columns(shown: str, tokens: Sequence[Token]) -> None:
    source = shown.split("\n")
    for token in tokens:
        if token.type == "table_open" and token.map is not None:
            rows = source[token.map[0] : token.map[1]]
            assert len({line.count("|") for line in rows}) == 1, rows


# What it says, and in which order


def test_the_claim_comes_first_then_tallies_facts_and_what_decides() -> None:
    shown = render(document())
    order = [
        f"### ❌ {escape(HEADLINE)}",
        "2 of 5 gated metrics regressed · 3 of 3 thresholds met · 0 of 503 failed · generator fine",
        "Base: main (commit 89abcdef01, 3 commits away) · Head: feature/x (commit 0123456789)",
        "#### Judged",
        "| ❌ regression | response time p50, concurrent at 10 users | 25.2 ms | 50.4 ms |",
        "> ⚠️ this machine was busy",
        "<details><summary>1 note</summary>",
        "> ℹ️ the margin of p95",
        "<details><summary>Levels</summary>",
        "<details><summary>Everything</summary>",
        "Next: `govbench ab --base git:main --head git:HEAD`, see [verdicts](https://docs.example/verdicts)",
        "report: `results/20260528T202640Z-3f9a/report.html`",
    ]
    places = [shown.index(part) for part in order]
    assert places == sorted(places)
    assert shown.startswith("### ❌")
    assert "on the page alone" not in shown


def test_the_level_of_the_intervals_is_said_once() -> None:
    shown = render(document(sections=(section("judged", 0, FINDINGS),)))
    assert "change &#91;99 %&#93;" in shown
    assert shown.count("99 %") == 1


def test_why_there_is_no_change_stands_in_its_place() -> None:
    assert "| not compared: 100 answers of the 1,000 that p99 needs |" in render(document())


def test_one_chart_is_drawn_and_no_more() -> None:
    shown = render(document(sections=(section("a", 0, CHART), section("b", 1, replace(CHART, key="other")))))
    assert shown.count("```mermaid") == 1
    assert f"```mermaid\n{CHART.mermaid}\n```\n\nLogarithmic scale." in shown
    assert "#### B" not in shown


def test_a_report_on_the_web_is_linked() -> None:
    shown = render(document(closing=PAGE))
    assert shown.endswith("\n[report.html](https://ci.example/artifacts/report.html)\n")


def test_several_suites_begin_with_a_line_for_each() -> None:
    second = document(suite="search | x", headline="search: no difference seen", closing=PAGE)
    shown = render(document(), second)
    assert shown.startswith(
        f"|  | suite | in short |\n| :-- | :-- | :-- |\n| ❌ | chat | {escape(HEADLINE)} |\n"
        "| ❌ | [search &#124; x](https://ci.example/artifacts/report.html) | search: no difference seen |\n"
        "\n### ❌ chat"
    )
    assert shown.count("\n### ") == 2


# Budgets


def big(*, suite: str = "chat", rows: int = 400) -> Document:
    """Much of everything, with a rank of its own for each part."""
    table = replace(LEVELS, rows=LEVELS.rows * (rows // 4), keep=8)
    return document(
        suite=suite,
        sections=(
            section("judged", 0, FINDINGS),
            section("first", 1, table, folded=True),
            section("second", 2, table, folded=True),
            section("third", 3, table, folded=True),
        ),
    )


def titles(shown: str) -> list[str]:
    return re.findall(r"<summary>(\w+)</summary>", shown)


def test_the_highest_ranks_go_first_and_are_named_with_where_they_are() -> None:
    size = len(render(big()).encode())
    shown = render(big(), budget=size - 1)
    assert titles(shown) == ["First", "Second"]
    where = "`results/20260528T202640Z-3f9a/report.html`"
    assert f"Left out for length: Third. All of it: {where}." in shown


def test_every_suite_loses_a_rank_before_any_loses_the_next() -> None:
    suites = [big(suite=name) for name in ("a", "b", "c")]
    size = len(render(*suites).encode())
    for budget in (size - 1, size * 2 // 3 - 2_000, size // 3, 20_000, 8_000):
        shown = render(*suites, budget=budget)
        assert len(shown.encode()) <= budget
        found = titles(shown)
        assert len(set(map(found.count, found))) <= 1
        assert found == ["First", "Second", "Third"][: len(set(found))] * 3
    assert titles(render(*suites, budget=size // 3)) == []


def test_of_one_rank_the_last_section_goes_first_in_every_suite() -> None:
    parts = tuple(section(name, 2, replace(LEVELS, rows=LEVELS.rows * 30), folded=True) for name in "abc")
    suites = [document(suite=name, sections=parts) for name in ("x", "y")]
    size = len(render(*suites).encode())
    assert titles(render(*suites, budget=size - 1)) == ["A", "B"] * 2
    assert titles(render(*suites, budget=size // 2)) == ["A"] * 2


def test_a_section_goes_by_the_rank_that_it_has_in_its_suite() -> None:
    """What a first run is about, a later one has folded."""
    table = replace(LEVELS, rows=LEVELS.rows * 20)
    first, later = section("measured", 0, table), section("measured", 3, table, folded=True)
    shown = render(document(sections=(first,)), document(sections=(later,)), budget=18_000)
    assert shown.count("#### Measured") == 1
    assert shown.count("<summary>Measured</summary>") == 0


def test_rank_0_stays_and_its_tables_keep_the_rows_that_say_the_most() -> None:
    table = replace(LEVELS, rows=LEVELS.rows * 100, keep=8)
    shown = render(document(sections=(section("judged", 0, table), section("x", 1, LEVELS))), budget=6_000)
    assert shown.count("| 25.6 ms &#91;") == 8
    assert "392 more rows left out for length" in shown
    assert "Left out for length: X." in shown


def test_rows_are_cut_where_even_what_always_stays_does_not_fit() -> None:
    many = replace(FINDINGS, rows=(row(),) * 500)
    shown = render(document(sections=(section("judged", 0, many),)), budget=4_000)
    assert 1 <= shown.count("| ❌ regression |") < 50
    assert re.search(r"4\d\d more rows left out for length", shown)
    assert shown.startswith(f"### ❌ {escape(HEADLINE)}")


def test_with_hardly_any_room_there_is_a_line_for_each_suite() -> None:
    suites = [document(suite=f"suite {number}", closing=PAGE) for number in range(20)]
    shown = render(*suites, budget=5_000)
    assert len(shown.encode()) <= 5_000
    assert all(f"[suite {number}](" in shown for number in range(20))


def test_bytes_are_counted_and_not_characters() -> None:
    words = text("日本" * 2_000)
    shown = render(
        document(sections=(section("judged", 0, FINDINGS), section("long", 1, words))), budget=10_000
    )
    assert "日本" not in shown
    assert "Left out for length: Long." in shown


def test_a_budget_that_holds_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1000"):
        render(document(), budget=999)


@given(st.lists(DOCUMENTS, min_size=1, max_size=3), st.integers(1_000, 20_000))
def test_any_documents_keep_to_any_budget_and_are_valid(shown: list[Document], budget: int) -> None:
    found = render(*shown, budget=budget)
    assert len(found.encode()) <= budget
    assert_valid(found)


@given(st.lists(DOCUMENTS, min_size=1, max_size=2))
def test_any_documents_are_valid_as_a_whole(shown: list[Document]) -> None:
    assert_valid(render(*shown))


# Escaping


def test_a_parser_sees_our_layout_and_nothing_of_hostile_words() -> None:
    assert_valid(render(all_hostile()))
    assert_valid(render(all_hostile(), document(), budget=5_000))
    assert_valid(render(document(sections=(section("all", 0, *EVERY_BLOCK),))))


def test_no_word_becomes_a_tag_a_mention_a_reference_or_a_link() -> None:
    shown = re.sub(r"(`+).*?\1", "", render(all_hostile()), flags=re.DOTALL)
    assert set(re.findall(r"<[^>]*>", shown)) <= {
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
        "<b>",
        "</b>",
    }
    assert not re.search(r"@\w", shown)
    assert not re.search(r"#\d", re.sub(r"&#\d+;", "~", shown))
    assert "://" not in shown
    assert "`" not in shown


def test_a_reader_sees_the_words_as_they_are() -> None:
    inline = [token for token in tokens_of(render(all_hostile())) if token.type == "inline"]
    read = "\n".join("".join(child.content for child in token.children or ()) for token in inline)
    assert read.replace("\u200b", "").count(printable(HOSTILE)) >= 10


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
    assert name not in escape(f"a {name} b")


def test_escape_leaves_plain_text_alone() -> None:
    assert escape("response time p50, 4.50 % (99 ms) - ünïcödé 日本") == (
        "response time p50, 4.50 % (99 ms) - ünïcödé 日本"
    )


@pytest.mark.parametrize(
    "opening", ["- x", "+ x", "1. x", "2) x", "---", "===", "-12 % x", "503 of 503", "1.5 % x"]
)
def test_a_paragraph_is_one_however_it_begins(opening: str) -> None:
    kinds = [token.type for token in tokens_of(f"before\n\n{paragraph(opening)}")]
    assert kinds == ["paragraph_open", "inline", "paragraph_close"] * 2


@pytest.mark.parametrize("shown", ["git:main", "a `b` c", "``", "`x", "<b>", "| @x #1"])
def test_code_stands_as_it_is(shown: str) -> None:
    (inline,) = (token for token in tokens_of(code(shown)) if token.type == "inline")
    assert [(child.type, child.content) for child in inline.children or ()] == [("code_inline", shown)]


def test_code_beside_code_stays_apart() -> None:
    spans = (Span("a`<details>", SpanKind.CODE), Span("`b", SpanKind.CODE))
    (inline,) = (token for token in tokens_of(words(spans, Limits())) if token.type == "inline")
    shown = [child.content for child in inline.children or () if child.type == "code_inline"]
    assert shown == ["a`<details>", "`b"]


def test_a_fence_is_longer_than_any_within() -> None:
    found = tokens_of(fenced("a\n```\n````\nb"))
    assert [(token.type, token.content) for token in found] == [("fence", "a\n```\n````\nb\n")]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example", "results/x", "https://", ""])
def test_only_addresses_of_the_web_are_linked(url: str) -> None:
    assert link("name", url) == "name"


def test_an_address_cannot_leave_its_parentheses() -> None:
    assert (
        link("[x]", "https://a.example/(b) c\n<d>")
        == "[&#91;x&#93;](https://a.example/%28b%29%20c%20%3Cd%3E)"
    )


def test_a_paragraph_that_is_cut_says_so_and_loses_its_spans() -> None:
    spans = (Span("a long sentence with "), Span("code that goes on", SpanKind.CODE))
    assert words(spans, Limits(text=30)) == "a long sentence with code tha…"
    assert words(spans, Limits(text=60)) == "a long sentence with `code that goes on`"


def test_of_a_log_the_end_is_kept() -> None:
    shown = render(
        document(sections=(section("log", 0, replace(LOG, text="\n".join(map(str, range(9_000))))),)),
        budget=5_000,
    )
    assert "8999\n" in shown
    assert "\n…\n" in shown


def test_lists_are_cut_and_say_so() -> None:
    items = Items(items=tuple(text(f"item {number}") for number in range(2_000)))
    shown = render(document(sections=(section("list", 0, items),)), budget=5_000)
    assert "- item 0" in shown
    assert "rows left out for length" in shown


def test_remarks_are_one_quotation() -> None:
    remarks = tuple(Remark(tone=Tone.WARN, text=f"remark {number}") for number in range(3))
    shown = render(document(remarks=remarks))
    assert "> ⚠️ remark 0\n>\n> ⚠️ remark 1\n>\n> ⚠️ remark 2\n\n" in shown
