"""The page of a document: what stands where, what is escaped, and what a browser makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from xml.etree import ElementTree

import lxml.html
import pytest

from govbench.compare.conclude import conclude_results
from govbench.report import charts
from govbench.report.build import document_of
from govbench.report.document import (
    Cell,
    Column,
    Document,
    Findings,
    Interval,
    Items,
    Log,
    Span,
    SpanKind,
    Table,
    Tone,
)
from govbench.report.layouts import html
from govbench.results.comparison import Results
from govbench.results.run import Distribution
from tests.report.layouts.documents import (
    EVIL_SHOWN,
    chart,
    document,
    finding,
    first_run,
    largest,
    phases,
    sections,
    sentence,
    with_blocks,
)

DOCUMENTS = {
    "compared": document,
    "first run": first_run,
    "bare": lambda: document(tallies=(), facts=(), tiles=(), remarks=(), sections=()),
    "largest": largest,
}
every_document = pytest.mark.parametrize("make", DOCUMENTS.values(), ids=DOCUMENTS)


def parsed(text: str) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(text)


def page_of(made: Document) -> lxml.html.HtmlElement:
    return parsed(html.render(made))


def words(element: lxml.html.HtmlElement) -> str:
    return " ".join(" ".join(element.itertext()).split())


def part(made: Document, name: str) -> str:
    return words(page_of(made).get_element_by_id(name))


class Nesting(HTMLParser):
    """Fails on the first tag that closes another than the one opened last."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


# The page as a whole


@every_document
def test_tags_are_nested(make: Callable[[], Document]) -> None:
    parser = Nesting()
    parser.feed(html.render(make()))
    parser.close()
    assert parser.open == []


@every_document
def test_ids_are_unique_and_references_lead_to_them(make: Callable[[], Document]) -> None:
    page = page_of(make())
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    targets = [href[1:] for href in page.xpath("//a/@href") if href.startswith("#")]
    labels = [name for names in page.xpath("//@aria-labelledby") for name in names.split()]
    assert targets
    assert set(targets + labels) <= set(ids)


@every_document
def test_nothing_is_loaded_and_nothing_runs(make: Callable[[], Document]) -> None:
    text = html.render(make())
    page = parsed(text)
    assert not page.xpath("//script | //iframe | //object | //embed | //img | //form | //base")
    assert not page.xpath("//@*[starts-with(name(), 'on')]")
    assert not page.xpath("//@src | //@srcset | //@action | //@data | //link[@href != 'data:,']")
    assert all(link.startswith(("#", "https://")) for link in page.xpath("//a/@href"))
    styles = "".join(page.xpath("//style/text()"))
    assert "url(" not in styles
    assert "@import" not in styles
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in text


def test_names_are_text_and_cannot_steer_the_page() -> None:
    text = html.render(document())
    assert "<script" not in text
    assert not set("\x1b\u202e\x00") & set(text)
    assert words(page_of(document())).count(EVIL_SHOWN) >= 8


def test_blanks_between_spans_and_within_numbers_stay() -> None:
    made = with_blocks(sentence("p50 of ", Span("chat", SpanKind.STRONG), " is 10\u202f000\u00a0ms", "."))
    text = html.render(made)
    assert "<p>p50 of <strong>chat</strong> is 10\u202f000\u00a0ms.</p>" in text


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "file:///etc", ""]
)
def test_a_link_leads_to_the_web_or_is_text(url: str) -> None:
    page = page_of(with_blocks(sentence(Span("the docs", SpanKind.LINK, url))))
    assert "the docs" in words(page)
    assert not page.xpath("//section[@id='part']//a")
    page = page_of(with_blocks(sentence(Span("the docs", SpanKind.LINK, "https://docs.example/a#b"))))
    assert page.xpath("//section[@id='part']//a/@href") == ["https://docs.example/a#b"]


def test_the_first_screen_is_in_order() -> None:
    text = html.render(document())
    order = (
        'class="banner',
        'class="tiles"',
        'class="facts"',
        'aria-label="Warnings"',
        'id="findings"',
        'id="moved"',
    )
    places = [text.index(one) for one in (*order, 'id="charts"', 'id="phases"', 'id="page-next"', "<footer>")]
    assert places == sorted(places)


def test_the_banner_says_what_it_is_and_how_the_command_ends() -> None:
    page = page_of(document())
    assert words(page.find(".//h1")) == f"chat: p50 of {EVIL_SHOWN} 25.2 → 50.4 ms (+100 % [+64, +143])"
    assert (page.findtext(".//title") or "").split() == words(page.find(".//h1")).split()
    banner = words(page.get_element_by_id("page-verdict"))
    for said in (
        "✗ regression",
        "2 of 5 gated metrics regressed",
        "3 of 3 thresholds met",
        "Exit code 1: a regression, or a threshold missed",
    ):
        assert said in banner
    assert "tone-bad" in page.get_element_by_id("page-verdict").get("class")


def test_tiles_show_from_what_to_what_and_how_that_is_meant() -> None:
    tiles = page_of(document()).xpath("//*[contains(@class, 'tile ')]")
    assert [words(tile) for tile in tiles] == [
        "p50 25.2 ms → to 50.4 ms +100 %",
        "p95 79.9 ms → to 80.1 ms +0.3 % within 3 %",
        "throughput 45.1 req/s → to 44.0 req/s -2.4 %",
        "errors 0 of 503",
    ]
    assert [tile.get("class").split()[-1] for tile in tiles] == [
        "tone-bad",
        "tone-good",
        "tone-warn",
        "tone-plain",
    ]


def test_warnings_are_open_and_notes_folded() -> None:
    page = page_of(document())
    (warnings,) = page.xpath("//section[@aria-label='Warnings']")
    assert words(warnings) == f"Warning this machine was busy {EVIL_SHOWN}"
    (notes,) = page.xpath("//details[contains(summary, '1 note')]")
    assert "Note gate settings differ from the base" in words(notes)
    bare = words(page_of(document(remarks=())))
    assert "this machine was busy" not in bare
    assert " 0 notes" not in bare


def test_the_end_says_what_to_do_and_where_the_files_are() -> None:
    page = page_of(document())
    text = words(page.get_element_by_id("page-next"))
    assert "Next: govbench ab --base git:main" in text
    assert "Exit code 1 : a regression, or a threshold missed" in text
    assert f"Report results/{EVIL_SHOWN}/report.html" in text
    assert page.xpath("//section[@id='page-next']//a/@href") == ["https://ci.example/runs/1"]


def test_a_first_run_knows_no_base() -> None:
    visible = words(page_of(first_run()).find("body"))
    assert not re.search(r"\b([Bb]ase|[Cc]hange|[Cc]ompared|[Hh]ead)\b", visible)
    assert "p50 50.4 ms" in visible


def test_sections_fold_and_the_contents_lead_to_all_of_them() -> None:
    page = page_of(document())
    for section in sections():
        assert bool(page.xpath(f"//details//*[@id='{section.key}']")) is section.folded
    # What is folded opens by itself when a link leads to something within it.
    assert not page.xpath("//details[@id] | //summary[@id]")
    links = page.xpath("//nav//a")
    assert [link.text for link in links] == ["Verdict", *(s.title for s in sections()), "What to do now"]


# Blocks


def test_every_gated_finding_is_a_row_and_advisory_ones_are_folded() -> None:
    page = page_of(document())
    gated, advisory = page.xpath("//table[@class='findings']")
    assert not gated.xpath("ancestor::details")
    (fold,) = advisory.xpath("ancestor::details")
    assert words(fold.find("summary")) == "2 advisory metrics"
    rows = [words(row) for row in gated.xpath("./tbody/tr")]
    assert rows[0].startswith(
        "p50 concurrent at 10 users ✗ regression slower beyond the margin 25.2 ms [24.1, 28.2]"
    )
    assert "+100 % [+64.0, +143]" in rows[0]
    assert "margin 3.00 % and 2.00 ms" in rows[0]
    assert rows[0].endswith("503 → 498")
    assert "no interval" in rows[1]
    assert EVIL_SHOWN in rows[1]
    assert "· advisory" in words(advisory)
    assert "advisory" not in words(gated)


def test_a_folded_section_of_advisory_findings_folds_them_once() -> None:
    block = Findings(rows=(finding(gated=False),))
    page = page_of(with_blocks(block, folded=True))
    assert len(page.xpath("//table[@class='findings']/ancestor::details")) == 1
    page = page_of(with_blocks(block))
    assert words(page.xpath("//details[.//table]/summary")[0]) == "1 advisory metric"


def test_the_legend_tells_dot_line_and_band_apart() -> None:
    (legend,) = page_of(document()).xpath("//p[@class='legend']")
    assert "estimate" in words(legend)
    assert "its interval, at 99 %" in words(legend)
    assert "the margin" in words(legend)
    shapes = [shape.get("class") for svg in legend.xpath("./*[local-name()='svg']") for shape in svg]
    assert shapes == ["estimate", "interval", "margin"]
    assert not page_of(with_blocks(Findings(rows=(finding(interval=None),)))).xpath("//p[@class='legend']")


def test_intervals_are_drawn_on_one_scale_and_others_say_theirs() -> None:
    rows = (
        finding("a"),
        finding("b", interval=replace(finding().interval, scale=0.5)),  # type: ignore[type-var]
        finding(
            "c", interval=Interval(estimate=0, low=0, high=0.1, margin=None, scale=0.05, difference=True)
        ),
        finding("d", interval=None),
    )
    drawn = html.forest(rows, "f")
    assert [bool(row) for row in drawn.rows] == [True, True, True, False]
    assert drawn.notes == ("", "scale ±50 %", "scale ±5 pp", "")
    assert [text.text for text in ElementTree.fromstring(drawn.axis)[3:]] == ["-200 %", "0", "+200 %"]
    assert html.forest(rows[2:], "f").axis == ""
    assert "tone-bad" in drawn.rows[0]
    assert "p50" not in drawn.rows[0]


def test_charts_are_well_formed_named_and_have_their_values_below() -> None:
    text = html.render(document())
    found = re.findall(r"<svg [^>]*role.*?</svg>", text, flags=re.DOTALL)
    assert len(found) == 2 + 3 + 2  # charts, intervals, and an axis for gated and for advisory ones
    for one in found:
        root = ElementTree.fromstring(one)
        assert root.get("role") == "img"
        assert root[0].tag.endswith("title")
        assert root[0].text
    page = page_of(document())
    assert len(page.xpath("//*[@class='charts']")) == 1
    for figure in page.xpath("//figure"):
        (values,) = figure.xpath("./details[@class='values'][summary]//table")
        assert "20 ms" in words(values)


def test_what_only_terminals_and_comments_draw_is_not_on_the_page() -> None:
    sketch = chart(svg="", lines=("▁▂▃",), mermaid="xychart-beta")
    page = page_of(with_blocks(sketch))
    assert not page.xpath("//*[@id='part'] | //a[@href='#part'] | //figure")
    assert words(page_of(with_blocks(sketch, sentence("Said."))).get_element_by_id("part")) == "A part Said."
    assert not page_of(with_blocks(chart(table=None))).xpath("//figure//details")


def test_tables_name_their_columns_and_rows_and_can_be_reached() -> None:
    page = page_of(document())
    for table in page.xpath("//table"):
        heads = table.xpath("./thead/tr/th")
        assert {cell.get("scope") for cell in heads} == {"col"}
        assert {cell.get("scope") for cell in table.xpath("./tbody/tr/th")} == {"row"}
        assert {len(row) for row in table.xpath("./tbody/tr")} == {len(heads)}
        region = table.getparent()
        assert (region.get("role"), region.get("tabindex")) == ("region", "0")
        assert region.get("aria-label") or region.get("aria-labelledby")


def test_cells_carry_note_and_tone() -> None:
    (cell,) = page_of(with_blocks(phases(1))).xpath("//td[contains(@class, 'tone-bad')]")
    assert words(cell) == "1.01 s [993 ms, 1.02 s]"


def test_columns_go_by_priority_where_a_screen_is_narrow_and_the_first_stays() -> None:
    shown = dict(zip((c.head for c in phases(2).columns), html.shown_from(phases(2)), strict=True))
    assert shown["Phase"] == shown["p50"] == shown["Error rate"] == 0
    assert shown["Steady"] == 1000  # the highest priority goes first
    order = [shown[head] for head in ("Steady", "Test type", "Requests", "Users", "Side")]
    assert order == sorted(order, reverse=True)
    small = Table(columns=(Column(head="a", priority=9), Column(head="b", priority=9)), rows=())
    assert html.shown_from(small) == (0, 0)
    column, wide = Column(head="a", priority=9, right=True), Cell(text="x" * 60)
    crowd = Table(columns=(column,) * 9, rows=((wide,) * 9,))
    assert html.shown_from(crowd) == (0, 520, 840, *[1000] * 6)
    assert "screen-9" in html.column_classes(crowd)  # nor does so much fit on paper
    assert "screen-" not in html.column_classes(phases(2))


def test_every_class_of_a_column_has_its_rule() -> None:
    page = page_of(document())
    styles = "".join(page.xpath("//style/text()"))
    classes = {name for css in page.xpath("//table/@class") for name in css.split()} - {"findings", "close"}
    assert {"right-4", "from-1000-5", "right-1"} <= classes
    for name in classes:
        number = name.rpartition("-")[2]
        assert f".{name} tr > :nth-child({number})" in styles
    assert "@media screen and (max-width: 999px)" in styles


def test_only_words_too_long_for_any_column_may_break() -> None:
    assert html.wrapping(Cell(text="concurrent_10 and others, many of them")) == ""
    assert html.wrapping(Cell(text="x" * 200)) == "long"
    assert html.wrapping(Cell(text="a", note="y" * 200)) == "long"


def test_names_with_values_or_with_sentences() -> None:
    page = page_of(document())
    assert page.xpath("//*[@id='machine']//dl[@class='pairs']")
    assert page.xpath("//*[@id='reading']//dl[@class='terms']")
    assert words(page.get_element_by_id("machine")) == f"machine Commit 0123abc Note {EVIL_SHOWN}"


def test_lists_are_numbered_where_order_matters() -> None:
    page = page_of(document())
    (moved,) = page.xpath("//*[@id='moved']//ol")
    assert [words(item) for item in moved] == ["Only passport changed.", "CPU rose."]
    assert page_of(with_blocks(Items(items=(sentence("a", tone=Tone.BAD),)))).xpath(
        "//ul/li[@class='tone-bad']"
    )


def test_output_of_programs_keeps_its_lines() -> None:
    page = page_of(document())
    (log,) = page.xpath("//*[@id='log']//pre")
    assert log.text == "a:\n    b[1m <i>"
    assert log.get("tabindex") == "0"
    assert "Its beginning is left out." in part(document(), "log")
    assert "left out" not in part(with_blocks(Log(text="x")), "part")
    assert page.xpath("//*[@id='log']//p[@class='tone-warn']")


def test_a_big_report_stays_small() -> None:
    assert len(html.render(largest()).encode()) < 250_000


def test_the_report_of_the_largest_profile_stays_small(results: Results) -> None:
    """44 phases, 80 findings, a timeline as long as one gets, and all that is drawn of them."""
    summary, comparison = results.summary, results.comparison
    assert comparison is not None
    first, moments = summary.phases[0], summary.timeline
    spread = Distribution(gamma=1.01, buckets=tuple((at, 50) for at in range(200, 560)))
    phases = tuple(
        replace(
            first,
            side=side,
            phase=replace(first.phase, name=f"{users} users", users=users),
            distribution=spread,
        )
        for users in range(1, 23)
        for side in (0, 1)
    )
    timeline = tuple(
        replace(moments[at % len(moments)], at_s=float(at), users=1 + at // 30) for at in range(600)
    )
    found = comparison.findings
    findings = tuple(
        replace(found[at % len(found)], level=f"{at} users" if at >= len(found) else None) for at in range(80)
    )
    big = replace(
        results,
        summary=replace(summary, phases=phases, timeline=timeline),
        comparison=replace(comparison, findings=findings),
    )
    text = html.render(document_of(big, conclude_results(big)))
    assert text.count("<figure>") >= 9
    assert len(text.encode()) < 250_000


# Colours


def colours(scheme: str) -> dict[str, str]:
    """The colours of the page in one scheme; dark ones and those of paper replace the light ones."""
    text = resources.files("govbench.report").joinpath("templates/pages.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", text, flags=re.DOTALL)
    assert len(blocks) == 3
    which = {"light": blocks[:1], "dark": blocks[:2], "print": [blocks[0], blocks[2]]}[scheme]
    return {name: value for block in which for name, value in re.findall(r"--([\w-]+): (#\w+);", block)}


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_the_guidelines_do() -> None:
    assert contrast("#fff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#fff") == pytest.approx(4.54, abs=0.01)


TONES = ("bad", "good", "info", "warn", "quiet")
SERIES = tuple(f"s{at}" for at in range(charts.STYLES))


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_texts_stand_out(scheme: str) -> None:
    at = colours(scheme)
    pairs = [(name, back) for name in ("ink", "soft", "link") for back in ("card", "page")]
    pairs += [(name, f"{tone}-back") for tone in TONES for name in ("ink", "soft", "link", tone)]
    pairs += [("card", tone) for tone in TONES] + [(tone, "card") for tone in TONES] + [("ink", "band")]
    pairs += [(series, "card") for series in SERIES]  # labels within charts have the colour of their line
    assert {
        pair: round(contrast(at[pair[0]], at[pair[1]]), 2)
        for pair in pairs
        if contrast(at[pair[0]], at[pair[1]]) < 4.5
    } == {}


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_margin_and_intervals_stand_out(scheme: str) -> None:
    at = colours(scheme)
    assert contrast(at["margin-edge"], at["card"]) >= 3
    for tone in TONES:
        assert contrast(at[tone], at["margin"]) >= 3
    for series in SERIES:
        assert contrast(at[series], at["margin"]) >= 3
