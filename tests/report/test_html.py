from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import lxml.html
import pytest

from govbench.compare.conclude import DEFAULT_FAIL_ON, conclude_results
from govbench.errors import ExitCode
from govbench.report import format as fmt
from govbench.report import html
from govbench.results.comparison import Results, ThresholdResult, Verdict
from govbench.results.metrics import METRICS
from govbench.results.run import Accounting, Distribution, RunStatus

DOCUMENTS = ("results", "in_rounds", "run_only", "failed_run", "invalid", "passing")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def render(results: Results) -> str:
    return html.render(results, conclude_results(results))


@pytest.fixture(params=DOCUMENTS)
def document(request: pytest.FixtureRequest) -> Results:
    """Each of the fixed documents in turn."""
    found: Results = request.getfixturevalue(request.param)
    return found


class _Nesting(HTMLParser):
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


def _parsed(text: str) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(text)


def _page(results: Results) -> lxml.html.HtmlElement:
    return _parsed(render(results))


def _words(element: lxml.html.HtmlElement) -> str:
    return " ".join(" ".join(element.itertext()).split())


def _section(results: Results, name: str) -> str:
    return _words(_page(results).get_element_by_id(name))


def test_tags_are_nested(document: Results) -> None:
    parser = _Nesting()
    parser.feed(render(document))
    parser.close()
    assert parser.open == []


def test_ids_are_unique_and_references_lead_to_them(document: Results) -> None:
    page = _page(document)
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    targets = [href.removeprefix("#") for href in page.xpath("//a/@href")]
    labels = [name for names in page.xpath("//@aria-labelledby") for name in names.split()]
    assert set(targets + labels) <= set(ids)


def test_nothing_is_loaded_and_nothing_runs(document: Results) -> None:
    page = _page(document)
    assert not page.xpath("//script | //iframe | //object | //embed | //img | //form | //base")
    assert not page.xpath("//@*[starts-with(name(), 'on')]")
    loaded = page.xpath("//@src | //@href | //@srcset | //@action | //@data")
    assert all(link.startswith(("#", "data:")) for link in loaded)
    styles = "".join(page.xpath("//style/text()"))
    assert "url(" not in styles
    assert "@import" not in styles


def test_names_are_text_and_cannot_steer_the_page(results: Results) -> None:
    text = render(results)
    assert "<script" not in text
    assert "<img" not in text
    assert not set("\x1b\u202e\x00") & set(text)
    assert "feature/<script>alert(\"1\")</script> & 'ünïcödé' 日本" in _words(_page(results))


def test_charts_are_well_formed_and_named(results: Results) -> None:
    charts = re.findall(r"<svg.*?</svg>", render(results), flags=re.DOTALL)
    assert len(charts) > 20
    for chart in charts:
        root = ElementTree.fromstring(chart)
        assert root.get("role") == "img"
        assert root[0].tag.endswith("title")
        assert root[0].text


def test_numbers_that_do_not_exist_are_said_in_words(document: Results) -> None:
    visible = _words(_page(document).find("body"))
    assert not re.search(r"\b(nan|NaN|None|inf|null|undefined)\b", visible)
    assert not re.search(r'="[^"]*\b(nan|inf|None)\b[^"]*"', render(document))


def test_the_headline_leads_and_titles_the_page(document: Results) -> None:
    page = _page(document)
    headline = " ".join(fmt.one_line(fmt.headline(document)).split())
    assert _words(page.find(".//h1")) == headline
    assert " ".join((page.findtext(".//title") or "").split()) == headline


@pytest.mark.parametrize(
    ("verdict", "fail_on", "words"),
    [
        (Verdict.REGRESSION, DEFAULT_FAIL_ON, "Exit code 1: a regression"),
        (Verdict.REGRESSION, frozenset(), "Exit code 0: fail-on does not name regression"),
        (Verdict.INVALID, DEFAULT_FAIL_ON, "Exit code 3: nothing could be measured soundly"),
        (Verdict.PASS, DEFAULT_FAIL_ON, "Exit code 0: success"),
        (Verdict.INCONCLUSIVE, DEFAULT_FAIL_ON, "Exit code 0: fail-on does not name inconclusive"),
        (Verdict.INCONCLUSIVE, frozenset({Verdict.INCONCLUSIVE}), "Exit code 1: "),
        (Verdict.NO_BASELINE, DEFAULT_FAIL_ON, "Exit code 0: fail-on does not name no baseline"),
    ],
)
def test_the_banner_says_what_the_command_ends_with(
    passing: Results, verdict: Verdict, fail_on: frozenset[Verdict], words: str
) -> None:
    assert passing.comparison is not None
    first = replace(passing.comparison.findings[0], verdict=verdict, gated=True)
    others = tuple(f for f in passing.comparison.findings[1:] if not f.gated)
    changed = replace(passing, comparison=replace(passing.comparison, findings=(first, *others)))
    assert words in html.render(changed, conclude_results(changed, fail_on))


@pytest.mark.parametrize(
    ("status", "ok", "code"),
    [
        (RunStatus.COMPLETED, 5, ExitCode.OK),
        (RunStatus.COMPLETED, 0, ExitCode.NOT_MEASURED),
        (RunStatus.FAILED, 5, ExitCode.NOT_MEASURED),
        (RunStatus.INTERRUPTED, 5, ExitCode.INTERRUPTED),
    ],
)
def test_a_run_without_comparison_is_judged_by_how_it_ended(
    run_only: Results, status: RunStatus, ok: int, code: ExitCode
) -> None:
    summary = replace(
        run_only.summary,
        run=replace(run_only.summary.run, status=status),
        accounting=Accounting(offered=ok, sent=ok, ok=ok),
    )
    assert f"Exit code {int(code)}: " in _section(replace(run_only, summary=summary), "verdict")


def test_every_finding_is_a_row_with_all_that_it_rests_on(results: Results) -> None:
    assert results.comparison is not None
    rows = _page(results).xpath("//table[contains(@class, 'findings')]/tbody/tr")
    shown = [_words(row) for row in rows]
    assert len(shown) == len(results.comparison.findings)
    for finding in results.comparison.findings:
        wanted = (
            METRICS[finding.metric].label,
            f"test type {fmt.test_type_label(finding.test_type)}",
            fmt.verdict_label(finding.verdict),
            fmt.metric_value(finding.baseline),
            fmt.metric_value(finding.candidate),
            fmt.change(finding.change).partition(" at ")[0] if finding.change else "not compared",
            finding.reason,
        )
        assert any(all(part in row for part in wanted) for row in shown)


def test_changed_findings_come_first_and_advisory_ones_say_so(results: Results) -> None:
    rows = _page(results).xpath("//table[contains(@class, 'findings')]/tbody/tr")
    changed = [row.get("class") in {"v-regression", "v-improvement"} for row in rows]
    assert changed == sorted(changed, reverse=True)
    assert results.comparison is not None
    advisory = sum(not finding.gated for finding in results.comparison.findings)
    assert sum("advisory" in _words(row.find("th")) for row in rows) == advisory


def test_a_level_is_stated_once_or_where_it_belongs(results: Results) -> None:
    def changes(document: Results) -> str:
        return " ".join(_words(cell) for cell in _page(document).xpath("//td[contains(@class, 'change')]"))

    assert "their intervals at 99 %," in _section(results, "findings")
    assert " at " not in changes(results)
    assert results.comparison is not None
    first, *others = results.comparison.findings
    assert first.change is not None
    other = replace(first, change=replace(first.change, level=0.95))
    mixed = replace(results, comparison=replace(results.comparison, findings=(other, *others)))
    assert "their intervals at 95 % or 99 %," in _section(mixed, "findings")
    assert "[+28.1, +31.8] at 95 %" in changes(mixed)


def test_tables_name_their_columns_and_rows(results: Results) -> None:
    page = _page(results)
    assert page.xpath("//thead//th")
    assert all(cell.get("scope") == "col" for cell in page.xpath("//thead//th"))
    assert all(cell.get("scope") == "row" for cell in page.xpath("//tbody//th"))
    for table in page.xpath("//table"):
        columns = len(table.xpath("./thead/tr/th"))
        assert {len(row) for row in table.xpath("./tbody/tr")} == {columns}


def test_thresholds_stand_with_bound_value_and_source(results: Results) -> None:
    text = _section(results, "thresholds")
    assert "✗ missed at most 200 ms 253 ms MAX_RESPONSE_TIME_MS | <env>" in text
    assert "! not measured at most 512 MiB not measured not recorded" in text


def test_the_smallest_detectable_changes_are_named(results: Results) -> None:
    assert results.comparison is not None
    sentence = fmt.mde_sentence(results.comparison)
    assert sentence
    assert sentence in _section(results, "findings")


def test_warnings_and_notes_are_shown_or_left_out(results: Results, run_only: Results) -> None:
    text = _section(results, "warnings")
    assert "Warning this machine was busy" in text
    assert "Note gate settings differ from the base: margin of <b>p95</b>" in text
    assert not _page(run_only).xpath("//*[@id='warnings']")


def test_accounting_gives_both_equations_and_the_error_classes(results: Results) -> None:
    text = _section(results, "accounting")
    assert "Both equations hold" in text
    assert "timeout no complete answer before the deadline 20 0.162 %" in text
    assert " ".join(fmt.accounting_equation(results.summary.accounting).split()) in text


def test_lost_requests_are_not_glossed_over(run_only: Results) -> None:
    lost = replace(run_only.summary, accounting=Accounting(offered=10, sent=10, ok=8, lost=2))
    assert "The equations do not hold" in _section(replace(run_only, summary=lost), "accounting")


def test_a_saturated_generator_is_said_loudly(invalid: Results, results: Results) -> None:
    assert _page(invalid).xpath("//section[@id='generator']//strong")
    assert "The generator was not saturated" in _section(results, "generator")


def test_resources_tokens_and_circumstances_are_listed(results: Results) -> None:
    text = _section(results, "resources")
    assert "base 12.5 s 0.420 cores 180 MiB" in text
    assert "generator 6.40 s" in text
    assert "162 tokens" in text
    text = _section(results, "provenance")
    for part in (
        "0123456789abcdef0123456789abcdef01234567",
        "with uncommitted changes",
        "Seed 7",
        "3.20, 2.10",
    ):
        assert part in text


def test_a_run_by_itself_says_what_is_missing(run_only: Results) -> None:
    assert "Nothing was compared" in _section(run_only, "findings")
    assert "No thresholds were judged." in _section(run_only, "thresholds")
    assert not _page(run_only).xpath("//table[contains(@class, 'findings')]")


def test_a_failed_run_has_sentences_instead_of_empty_charts(failed_run: Results) -> None:
    page = _page(failed_run)
    assert not page.xpath("//*[local-name()='svg'] | //figure")
    for name in ("distributions", "levels", "timeline", "phases", "resources"):
        assert page.get_element_by_id(name).xpath(".//p[@class='empty']")
    assert "How busy the generator was is not known." in _section(failed_run, "generator")


def test_a_comparison_without_findings_gives_its_reason(results: Results) -> None:
    assert results.comparison is not None
    empty = replace(
        results.comparison, findings=(), thresholds=(), verdict=Verdict.NO_BASELINE, baseline=None
    )
    text = _section(replace(results, comparison=empty), "findings")
    assert results.comparison.reason in text


def test_thresholds_without_a_value_or_source_are_complete_rows(results: Results) -> None:
    assert results.comparison is not None
    bare: tuple[ThresholdResult, ...] = tuple(
        replace(threshold, value=None, source=None) for threshold in results.comparison.thresholds
    )
    text = _section(replace(results, comparison=replace(results.comparison, thresholds=bare)), "thresholds")
    assert text.count("not recorded") == len(bare)


def test_missing_distributions_are_said(results: Results) -> None:
    phases = tuple(replace(phase, distribution=None) for phase in results.summary.phases)
    text = _section(replace(results, summary=replace(results.summary, phases=phases)), "distributions")
    assert text.count("No distribution was recorded") == 2


def test_a_big_report_stays_small(results: Results) -> None:
    first = results.summary.phases[0]
    levels = tuple(
        replace(
            first,
            side=side,
            phase=replace(first.phase, name=f"{users} users", users=users),
            distribution=Distribution(gamma=1.01, buckets=tuple((i, 50) for i in range(1, 1500))),
        )
        for users in range(1, 21)
        for side in (0, 1)
    )
    timeline = tuple(
        replace(results.summary.timeline[i % 75], at_s=float(i), completed=1000 + i % 77, failed=i % 5)
        for i in range(3600)
    )
    big = replace(results, summary=replace(results.summary, phases=levels, timeline=timeline))
    assert len(render(big).encode()) < 400_000


@pytest.fixture
def dump_dom(tmp_path: Path) -> Callable[[str], str]:
    """The DOM that a headless Chromium makes of a page loaded from file://."""
    if CHROMIUM is None:
        pytest.skip("no chromium or google-chrome on PATH")
    page = tmp_path / "report.html"
    flags = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}",
    )

    def dump(text: str) -> str:
        page.write_text(text, encoding="utf-8")
        command = [str(CHROMIUM), *flags, "--dump-dom", page.as_uri()]
        return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode()

    return dump


@pytest.mark.browser
@pytest.mark.parametrize("name", ["results", "run_only"])
def test_a_browser_shows_verdict_and_charts(
    name: str, request: pytest.FixtureRequest, dump_dom: Callable[[str], str]
) -> None:
    document: Results = request.getfixturevalue(name)
    text = render(document)
    page = _parsed(dump_dom(text))
    assert _words(page.find(".//h1")) == " ".join(fmt.headline(document).split())
    charts = page.xpath("//figure/*[local-name()='svg']")
    assert len(charts) == text.count("<figure>") > 5
    assert all(chart.xpath(".//*[contains(@class, 'line')]") for chart in charts)
    assert not page.xpath("//script")
