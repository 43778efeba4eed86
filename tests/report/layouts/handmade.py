"""Small documents by hand, for the rules of the layouts; and strategies for any document there could be."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from govbench.errors import ExitCode
from govbench.report.document import (
    Case,
    Cell,
    Chart,
    Closing,
    Column,
    Document,
    FindingRow,
    Findings,
    Interval,
    Items,
    KeyValues,
    Log,
    Mark,
    Remark,
    Section,
    Span,
    SpanKind,
    Table,
    Text,
    Tone,
)
from govbench.results.conclusion import Weight

REGRESSION = Mark(label="regression", symbol="✗", emoji="❌", tone=Tone.BAD)
PASS = Mark(label="pass", symbol="✓", emoji="✅", tone=Tone.GOOD)
INVALID = Mark(label="invalid", symbol="!", emoji="🚫", tone=Tone.BAD)
HEADLINE = "chat: p50 of concurrent 25.2 → 50.4 ms (+100 % [+64, +143])"
HOSTILE = (
    "<script>alert(1)</script> | `code` *bold* _x_ @octocat org/repo#12 GH-7 https://evil.example"
    " www.evil.example [a](b) ~~~ $x$ 日本 \u202egnp.exe\x1b[31m"
)
PHASES = ("concurrent_10", "concurrent_25", "concurrent_50", "concurrent_100_with_a_long_name_of_its_own")


def text(*parts: str | Span, tone: Tone = Tone.PLAIN) -> Text:
    return Text(spans=tuple(p if isinstance(p, Span) else Span(p) for p in parts), tone=tone)


def row(
    mark: Mark = REGRESSION, metric: str = "response time p50", *, gated: bool = True, **changes: Any
) -> FindingRow:
    fields: dict[str, Any] = {
        "mark": mark,
        "metric": metric,
        "scope": "concurrent at 10 users",
        "gated": gated,
        "base": Cell(text="25.2 ms", note="[24.1, 28.2]"),
        "head": Cell(text="50.4 ms", note="[48.0, 55.1]"),
        "change": Cell(text="+100 %", note="[+64, +143]", tone=mark.tone),
        "n": "12\u202f345",
        "margin": "3.00 %",
        "reason": "the interval lies beyond the margin",
        "interval": Interval(estimate=1.0, low=0.64, high=1.43, margin=(-0.03, 0.03), scale=2.0),
    }
    return FindingRow(**{**fields, **changes})


FINDINGS = Findings(
    rows=(
        row(),
        row(PASS, "throughput", change=Cell(text="+0.5 %", note="[-1.0, +2.0]")),
        row(
            INVALID,
            "response time p99",
            change=Cell(text="not compared"),
            reason="100 answers of the 1,000 that p99 needs",
            interval=None,
        ),
        row(PASS, "output tokens per answer", gated=False),
    ),
    level="99 %",
    caption="What decides.",
)
LEVELS = Table(
    columns=(
        Column(head="phase"),
        Column(head="users", right=True),
        Column(head="p50", right=True),
        Column(head="p95", right=True, priority=1),
        Column(head="throughput", right=True, priority=2),
        Column(head="why", priority=3),
    ),
    rows=tuple(
        (
            Cell(text=name),
            Cell(text=str(10 * at)),
            Cell(text="25.6 ms", note="[24.1, 28.2]"),
            Cell(text="needs 200 (133)", tone=Tone.QUIET),
            Cell(text="43.7 req/s", note="[43.0, 44.4]"),
            Cell(text="words that go on for a while, and then for a while longer"),
        )
        for at, name in enumerate(PHASES, start=1)
    ),
    caption="By level.",
    keep=2,
)
CHART = Chart(
    key="spread",
    title="response time",
    caption="Logarithmic scale.",
    svg="<svg></svg>",
    lines=("  base   " + "▁▂▃▄▅▆▇█" * 8, "  head   " + " " * 8 + "▁▂▃▄▅▆▇█" * 7),
    mermaid='xychart-beta\n    x-axis "users" [1, 5]\n    line [84, 100]',
)
PAIRS = KeyValues(
    pairs=(("Machine", "linux-x86_64-epyc-7763-4c-16g, 12\u202f345 pieces of work/s"), ("Seed", "7")),
    caption="Where.",
)
ITEMS = Items(
    items=(text("only queries of category passport: 101 ms → 126 ms"), text("- not a list of lists")),
    numbered=True,
)
LOG = Log(text="Traceback:\n\tFile \x1b[31mapp.py\n```\n" + "x" * 150, truncated=True)
COMMAND = text(
    "Next: ",
    Span("govbench ab --base git:main --head git:HEAD", SpanKind.CODE),
    ", see ",
    Span("verdicts", SpanKind.LINK, "https://docs.example/verdicts"),
)
EVERY_BLOCK = (COMMAND, ITEMS, LEVELS, PAIRS, FINDINGS, CHART, LOG)


def section(key: str, rank: int, *blocks: Any, **changes: Any) -> Section:
    return Section(key=key, title=changes.pop("title", key.title()), rank=rank, blocks=blocks, **changes)


def document(**changes: Any) -> Document:
    fields: dict[str, Any] = {
        "suite": "chat",
        "run_id": "20260528T202640Z-3f9a",
        "started_at": "2026-05-28T20:26:40+02:00",
        "govbench_version": "0.1.0",
        "mark": REGRESSION,
        "headline": HEADLINE,
        "tallies": (
            "2 of 5 gated metrics regressed",
            "3 of 3 thresholds met",
            "0 of 503 failed",
            "generator fine",
        ),
        "facts": (
            ("Base", "main (commit 89abcdef01, 3 commits away)"),
            ("Head", "feature/x (commit 0123456789)"),
        ),
        "tiles": (),
        "remarks": (
            Remark(tone=Tone.WARN, text="this machine was busy: load average 3.20 on 2 cores"),
            Remark(tone=Tone.INFO, text="the margin of p95 differs from that of the base"),
        ),
        "sections": (
            section("judged", 0, FINDINGS),
            section("levels", 3, LEVELS, folded=True),
            section("everything", 5, *EVERY_BLOCK, folded=True),
            section("page", 2, text("on the page alone"), pages_only=True),
        ),
        "closing": Closing(
            advice=(COMMAND,),
            exit_code=ExitCode.REGRESSION,
            exit_text="a regression, or a threshold missed",
            files=(("report", "results/20260528T202640Z-3f9a/report.html"),),
        ),
        "cases": (
            case("run", Weight.OK),
            case("response time p50", Weight.FAILURE, kind="regression", text="base: 25.2 ms\nhead: 50.4 ms"),
        ),
        "brief": (
            (REGRESSION, "p50 of concurrent 25.2 → 50.4 ms (+100 % [+64, +143])"),
            (PASS, "error rate 0 %"),
        ),
        "properties": (("profile", "quick"), ("commit", "0123456789")),
    }
    return Document(**{**fields, **changes})


def case(name: str, weight: Weight, **changes: Any) -> Case:
    fields: dict[str, Any] = {
        "classname": "govbench.chat.concurrent",
        "message": f"{name} in words",
        "kind": "run",
    }
    return Case(**{"name": name, "weight": weight, **fields, **changes})


def all_hostile() -> Document:
    """A document of which every word is what an attacker would write."""
    words = text(
        HOSTILE, Span(HOSTILE, SpanKind.STRONG), Span(HOSTILE, SpanKind.CODE), Span(HOSTILE, SpanKind.LINK)
    )
    cell = Cell(text=HOSTILE, note=HOSTILE)
    return document(
        suite=HOSTILE,
        headline=HOSTILE,
        tallies=(HOSTILE,),
        facts=((HOSTILE, HOSTILE),),
        remarks=(Remark(tone=Tone.INFO, text=HOSTILE),),
        sections=(
            section(
                "x",
                0,
                words,
                Items(items=(words,)),
                Table(columns=(Column(head=HOSTILE),), rows=((cell,),), caption=HOSTILE),
                KeyValues(pairs=((HOSTILE, HOSTILE),), caption=HOSTILE),
                Findings(
                    rows=(row(metric=HOSTILE, scope=HOSTILE, base=cell, head=cell, change=cell, n=HOSTILE),),
                    level=HOSTILE,
                    caption=HOSTILE,
                ),
                Log(text=HOSTILE),
                title=HOSTILE,
            ),
            section("y", 1, words, title=HOSTILE, folded=True),
        ),
        closing=Closing(
            advice=(words,), exit_code=ExitCode.OK, exit_text=HOSTILE, files=((HOSTILE, HOSTILE),)
        ),
        cases=tuple(
            case(
                HOSTILE,
                weight,
                classname=HOSTILE,
                message=HOSTILE,
                kind=HOSTILE,
                text=HOSTILE,
                errors=HOSTILE,
            )
            for weight in Weight
        ),
        brief=((PASS, HOSTILE),),
        properties=((HOSTILE, HOSTILE),),
    )


# Any document

_AWKWARD = st.sampled_from(
    [
        "",
        "-",
        "- x",
        "1. x",
        "===",
        "---",
        "```",
        "~~~",
        "</details>",
        "<details>",
        "|",
        HOSTILE,
        "# x",
        "    x",
        "`",
    ]
)
TEXTS = st.one_of(_AWKWARD, st.text(max_size=40), st.text("ab 日-|`<", max_size=200))
TONES = st.sampled_from(Tone)
_CELLS = st.builds(Cell, text=TEXTS, note=TEXTS, tone=TONES)
_SPANS = st.builds(
    Span, TEXTS, st.sampled_from(SpanKind), st.sampled_from(["", "https://a.example/(b) c", "x"])
)
_PARAGRAPHS = st.builds(Text, spans=st.lists(_SPANS, max_size=4).map(tuple), tone=TONES)


@st.composite
def _tables(draw: st.DrawFn) -> Table:
    columns = draw(
        st.lists(
            st.builds(Column, head=TEXTS, right=st.booleans(), priority=st.integers(0, 3)),
            min_size=1,
            max_size=6,
        )
    )
    rows = draw(st.lists(st.tuples(*[_CELLS] * len(columns)), max_size=8))
    return Table(
        columns=tuple(columns),
        rows=tuple(rows),
        caption=draw(TEXTS),
        keep=draw(st.none() | st.integers(0, 4)),
    )


_ROWS = st.builds(
    row,
    mark=st.sampled_from([REGRESSION, PASS, INVALID]),
    metric=TEXTS,
    gated=st.booleans(),
    scope=TEXTS,
    base=_CELLS,
    head=_CELLS,
    change=_CELLS,
    n=TEXTS,
    reason=TEXTS,
    interval=st.sampled_from([None, row().interval]),
)
BLOCKS = st.one_of(
    _PARAGRAPHS,
    st.builds(Items, items=st.lists(_PARAGRAPHS, max_size=4).map(tuple), numbered=st.booleans()),
    _tables(),
    st.builds(KeyValues, pairs=st.lists(st.tuples(TEXTS, TEXTS), max_size=4).map(tuple), caption=TEXTS),
    st.builds(Findings, rows=st.lists(_ROWS, max_size=5).map(tuple), level=TEXTS, caption=TEXTS),
    st.sampled_from([CHART, LOG]),
    st.builds(Log, text=TEXTS, truncated=st.booleans()),
)
SECTIONS = st.builds(
    Section,
    key=st.sampled_from("abc"),
    title=TEXTS,
    rank=st.integers(0, 5),
    blocks=st.lists(BLOCKS, max_size=4).map(tuple),
    folded=st.booleans(),
    pages_only=st.booleans(),
)
DOCUMENTS = st.builds(
    document,
    suite=TEXTS,
    headline=TEXTS,
    tallies=st.lists(TEXTS, max_size=4).map(tuple),
    facts=st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple),
    remarks=st.lists(st.builds(Remark, tone=TONES, text=TEXTS), max_size=3).map(tuple),
    sections=st.lists(SECTIONS, max_size=5).map(tuple),
    closing=st.builds(
        Closing,
        advice=st.lists(_PARAGRAPHS, max_size=2).map(tuple),
        exit_code=st.sampled_from(ExitCode),
        exit_text=TEXTS,
        files=st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
    ),
    brief=st.lists(st.tuples(st.sampled_from([PASS, REGRESSION]), TEXTS), max_size=3).map(tuple),
)
