"""The page of a document as a headless browser shows it: on a telephone, on a desk, on paper."""

from __future__ import annotations

import html as entities
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lxml.html
import pytest

from govbench.compare.conclude import conclude_results
from govbench.report.build import document_of
from govbench.report.document import Document
from govbench.report.layouts import html
from tests.recorded.runs import NAMES, recorded
from tests.report.layouts.documents import document, first_run, largest

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
PAPER = 718  # pixels between the margins of A4
DOCUMENTS = {"compared": document, "first run": first_run, "largest": largest}
every_document = pytest.mark.parametrize("make", DOCUMENTS.values(), ids=DOCUMENTS)

# The page stands in a frame as wide as the screen is meant to be; only what is around it runs a script.
FRAME = """<!doctype html>
<iframe id="frame" style="border: 0; width: {width}px; height: 900px" srcdoc="{page}"></iframe>
<script>
document.getElementById("frame").addEventListener("load", event => {{
  const page = event.target.contentDocument;
  const answer = (page => {{ {script} }})(page);
  document.body.dataset.answer = JSON.stringify(answer);
}});
</script>"""
SEEN = "const seen = element => element.checkVisibility();"
PRINTED = """
for (const sheet of page.styleSheets) for (const rule of [...sheet.cssRules]) {
  if (rule.media && rule.media.mediaText.startsWith("screen")) rule.media.mediaText = "not all";
  if (rule.media && rule.media.mediaText === "print")
    for (const inner of rule.cssRules) sheet.insertRule(inner.cssText, sheet.cssRules.length);
}
"""

Asked = Callable[[Document, int, str], Any]


@pytest.fixture
def dump_dom(tmp_path: Path) -> Callable[[str], str]:
    """The DOM that a headless browser makes of a page loaded from file://."""
    if CHROMIUM is None:
        pytest.skip("no chromium or google-chrome on PATH")
    page = tmp_path / "report.html"

    def dump(text: str) -> str:
        page.write_text(text, encoding="utf-8")
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()]
        return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode()

    return dump


@pytest.fixture
def asked(dump_dom: Callable[[str], str]) -> Asked:
    """What a script finds in the page of a document on a screen of that width."""

    def ask(made: Document, width: int, script: str) -> Any:
        text = FRAME.format(width=width, page=entities.escape(html.render(made)), script=script)
        page: lxml.html.HtmlElement = lxml.html.document_fromstring(dump_dom(text))
        return json.loads(page.body.get("data-answer"))

    return ask


@pytest.mark.parametrize("make", [document, first_run])
def test_a_browser_shows_verdict_and_charts(
    make: Callable[[], Document], dump_dom: Callable[[str], str]
) -> None:
    page: lxml.html.HtmlElement = lxml.html.document_fromstring(dump_dom(html.render(make())))
    shown = " ".join("".join(page.find(".//h1").itertext()).split())
    assert shown == " ".join(re.sub("[\u202e\x1b\x00]", "", make().headline).split())
    drawn = page.xpath("//figure/*[local-name()='svg']")
    assert len(drawn) == len(page.xpath("//figure")) > 0
    assert all(chart.xpath(".//*[contains(@class, 'line')]") for chart in drawn)
    assert not page.xpath("//script")


@every_document
@pytest.mark.slow
@pytest.mark.parametrize("width", [375, 768, 1280])
def test_no_page_scrolls_sideways(make: Callable[[], Document], width: int, asked: Asked) -> None:
    script = """
    for (const details of page.querySelectorAll("details")) details.open = true;
    return [page.documentElement.scrollWidth, page.defaultView.innerWidth];
    """
    needed, there = asked(make(), width, script)
    assert there == width
    assert needed <= width


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_real_runs_fit_a_telephone_and_their_tables_a_desk(name: str, asked: Asked) -> None:
    results = recorded(name)
    made = document_of(results, conclude_results(results))
    script = """
    for (const details of page.querySelectorAll("details")) details.open = true;
    const cut = [...page.querySelectorAll(".scroll")].filter(each => each.scrollWidth > each.clientWidth + 1);
    return [page.documentElement.scrollWidth, cut.map(each => each.textContent.slice(0, 80))];
    """
    assert asked(made, 375, script)[0] <= 375
    needed, cut = asked(made, 1280, script)
    assert needed <= 1280
    assert cut == []


def test_the_table_of_phases_fits_a_desk_and_shows_the_error_rate(asked: Asked) -> None:
    script = """
    for (const details of page.querySelectorAll("details")) details.open = true;
    const region = page.querySelector("#phases .scroll");
    const last = [...region.querySelectorAll("thead th")].at(-1);
    return [region.scrollWidth, region.clientWidth, last.textContent, last.getBoundingClientRect().right];
    """
    needed, there, head, right = asked(largest(), 1280, script)
    assert needed <= there
    assert head == "Error rate"
    assert right <= 1280


@pytest.mark.slow
@pytest.mark.parametrize("width", [375, 768, 1280])
def test_no_name_of_a_phase_breaks(width: int, asked: Asked) -> None:
    script = """
    for (const details of page.querySelectorAll("details")) details.open = true;
    const range = page.createRange();
    return [...page.querySelectorAll("#phases tbody th")].map(cell => {
      range.selectNodeContents(cell);
      return range.getClientRects().length;
    });
    """
    lines = asked(largest(), width, script)
    assert lines == [1] * 44


def test_the_first_column_and_the_most_important_ones_stay_on_a_telephone(asked: Asked) -> None:
    script = f"""{SEEN}
    for (const details of page.querySelectorAll("details")) details.open = true;
    return [...page.querySelectorAll("#phases thead th")].filter(seen).map(cell => cell.textContent);
    """
    shown = asked(document(), 375, script)
    assert {"Phase", "p50", "Error rate"} <= set(shown)
    assert "Steady" not in shown
    assert len(asked(document(), 1280, script)) == 11


def test_what_is_folded_opens_for_a_link_into_it(asked: Asked) -> None:
    script = """
    const link = page.querySelector('nav a[href="#machine"]');
    const fold = page.getElementById("machine").closest("details");
    const before = fold.open;
    page.defaultView.location.hash = link.getAttribute("href");
    return [before, fold.open];
    """
    assert asked(document(), 1280, script) == [False, True]


def test_on_paper_what_is_folded_is_open_and_no_table_is_cut(asked: Asked) -> None:
    script = f"""{SEEN}{PRINTED}
    const tables = [...page.querySelectorAll("table")].filter(table => !table.closest(".values"));
    return [
      tables.length,
      tables.filter(seen).length,
      tables.filter(table => table.getBoundingClientRect().right > {PAPER} + 1).length,
      [...page.querySelectorAll(".values")].filter(seen).length,
    ];
    """
    tables, shown, cut, values = asked(document(), PAPER, script)
    assert shown == tables == 3
    assert cut == 0
    assert values == 0
