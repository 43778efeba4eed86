"""Documents made by hand, with awkward names: what pages are tested with."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from govbench.errors import ExitCode
from govbench.report import axes, charts
from govbench.report.document import (
    Block,
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
    Tile,
    Tone,
)

EVIL = "<script>alert(1)</script> & <b>\"'ü 日本\u202e\x1b[31m\x00"
EVIL_SHOWN = "<script>alert(1)</script> & <b>\"'ü 日本[31m"

REGRESSION = Mark(label="regression", symbol="✗", emoji="❌", tone=Tone.BAD)
PASS = Mark(label="pass", symbol="✓", emoji="✅", tone=Tone.GOOD)
UNDECIDED = Mark(label="inconclusive", symbol="?", emoji="❔", tone=Tone.WARN)
MEASURED = Mark(label="measured", symbol="○", emoji="⚪", tone=Tone.INFO)


def sentence(*spans: str | Span, tone: Tone = Tone.PLAIN) -> Text:
    return Text(spans=tuple(Span(one) if isinstance(one, str) else one for one in spans), tone=tone)


def finding(
    metric: str = "p50", *, gated: bool = True, mark: Mark = REGRESSION, **changes: Any
) -> FindingRow:
    made = FindingRow(
        mark=mark,
        metric=metric,
        scope="concurrent at 10 users",
        gated=gated,
        base=Cell(text="25.2 ms", note="[24.1, 28.2]"),
        head=Cell(text="50.4 ms", note="[48.0, 53.1]"),
        change=Cell(text="+100 %", note="[+64.0, +143]"),
        n="503 → 498",
        margin="3.00 % and 2.00 ms",
        reason="slower beyond the margin",
        interval=Interval(estimate=1.0, low=0.64, high=1.43, margin=(-0.05, 0.05), scale=2.0),
    )
    return replace(made, **changes)


def drawn(key: str, points: int, sides: tuple[str, ...]) -> str:
    values = [20 + 5 * math.sin(at / 7) for at in range(points)]
    return charts.line_chart(
        key=key,
        title=f"Response time over the run, {key} {EVIL}",
        description="p50 over time.",
        x=axes.linear_axis("seconds", range(points)),
        y=axes.linear_axis("ms", values),
        series=[
            charts.Series(
                label=side, points=[(at, (1 + style) * y) for at, y in enumerate(values)], style=style
            )
            for style, side in enumerate(sides)
        ],
    )


def chart(
    key: str = "timeline",
    points: int = 5,
    rows: int = 5,
    sides: tuple[str, ...] = ("base", "head"),
    **changes: Any,
) -> Chart:
    columns = (Column(head="second", right=True), *(Column(head=side, right=True) for side in sides))
    values = tuple((Cell(text=str(at)), *(Cell(text=f"{20 + at} ms") for _ in sides)) for at in range(rows))
    made = Chart(
        key=key,
        title="response time",
        caption="Each second.",
        svg=drawn(key, points, sides),
        table=Table(columns=columns, rows=values, caption="p50 in each second"),
    )
    return replace(made, **changes)


def phases(rows: int, sides: tuple[str, ...] = ("base", "head")) -> Table:
    """As wide as the table of phases of a real report: every figure with its interval."""
    columns = (
        Column(head="Phase"),
        Column(head="Test type", priority=5),
        Column(head="Side", priority=1),
        Column(head="Users", right=True, priority=3),
        Column(head="Steady", right=True, priority=6),
        Column(head="Requests", right=True, priority=4),
        Column(head="p50", right=True),
        Column(head="p95", right=True, priority=1),
        Column(head="p99", right=True, priority=3),
        Column(head="Throughput", right=True, priority=2),
        Column(head="Error rate", right=True),
    )
    return Table(
        caption="Each phase and side, steady segment only; values with their intervals.",
        columns=columns,
        rows=tuple(
            (
                Cell(text=f"concurrent_{10 * (1 + at // len(sides))}"),
                Cell(text="concurrent", note="closed loop"),
                Cell(text=sides[at % len(sides)]),
                Cell(text=str(10 * (1 + at // len(sides)))),
                Cell(text="20.0 s", note="+ 2.00 s warm-up"),
                Cell(text="12\u202f345", note="12\u202f300 ok"),
                Cell(text="104 ms", note="[102, 107]"),
                Cell(text="1.01 s", note="[993 ms, 1.02 s]", tone=Tone.BAD),
                Cell(text="2.01 s", note="[1.93 s, 2.12 s]"),
                Cell(text="1230 req/s", note="[1190, 1260]"),
                Cell(text="0.365 %", note="[0.201, 0.581]"),
            )
            for at in range(rows)
        ),
    )


def sections() -> tuple[Section, ...]:
    rows = (
        finding("p50"),
        finding("p95", mark=UNDECIDED, interval=None, reason=EVIL),
        finding("ttft", gated=False),
        finding(
            "error rate",
            gated=False,
            interval=Interval(estimate=0.01, low=0.0, high=0.02, margin=None, scale=0.05, difference=True),
        ),
    )
    moved = Items(
        items=(sentence("Only ", Span("passport", SpanKind.CODE), " changed."), sentence("CPU rose.")),
        numbered=True,
    )
    reading = KeyValues(pairs=(("interval", "In square brackets: made in this way, " + "x " * 40),))
    return (
        Section(key="findings", title="Findings", rank=0, blocks=(Findings(rows=rows, level="99 %"),)),
        Section(key="moved", title="What moved with them", rank=1, blocks=(moved,)),
        Section(key="charts", title="Charts", rank=2, blocks=(chart("one"), chart("two"))),
        Section(key="phases", title="Phases", rank=3, blocks=(phases(4),), folded=True),
        Section(
            key="machine",
            title="Where",
            rank=4,
            blocks=(KeyValues(pairs=(("Commit", "0123abc"), ("Note", EVIL)), caption="machine"),),
            folded=True,
        ),
        Section(
            key="log",
            title="Output of the target",
            rank=5,
            blocks=(
                sentence("It ended with 1.", tone=Tone.WARN),
                Log(text="a:\n    b\x1b[1m <i>\n", truncated=True),
            ),
            folded=True,
        ),
        Section(
            key="reading",
            title="How to read this page",
            rank=9,
            blocks=(reading,),
            folded=True,
            pages_only=True,
        ),
    )


def document(**changes: Any) -> Document:
    made = Document(
        suite=f"chat {EVIL}",
        run_id="20260128T202640Z-3f9a",
        started_at="2026-01-28 20:26:40 UTC",
        govbench_version="0.1.0",
        mark=REGRESSION,
        headline=f"chat: p50 of {EVIL} 25.2 → 50.4 ms (+100 % [+64, +143])",
        tallies=("2 of 5 gated metrics regressed", "3 of 3 thresholds met", "0 of 503 failed"),
        facts=(("Base", f"main {EVIL}, 3 commits away"), ("Head", "0123abc"), ("Method", "in rounds")),
        tiles=(
            Tile(label="p50", value="50.4 ms", was="25.2 ms", change="+100 %", tone=Tone.BAD),
            Tile(
                label="p95",
                value="80.1 ms",
                was="79.9 ms",
                change="+0.3 %",
                note="within 3 %",
                tone=Tone.GOOD,
            ),
            Tile(label="throughput", value="44.0 req/s", was="45.1 req/s", change="-2.4 %", tone=Tone.WARN),
            Tile(label="errors", value="0 of 503"),
        ),
        remarks=(
            Remark(tone=Tone.WARN, text=f"this machine was busy {EVIL}"),
            Remark(tone=Tone.QUIET, text="gate settings differ from the base"),
        ),
        sections=sections(),
        closing=Closing(
            advice=(sentence("Next: ", Span("govbench ab --base git:main", SpanKind.CODE)),),
            exit_code=ExitCode.REGRESSION,
            exit_text="a regression, or a threshold missed",
            files=(("Report", f"results/{EVIL}/report.html"), ("Run", "https://ci.example/runs/1")),
        ),
        cases=(),
    )
    return replace(made, **changes)


def first_run() -> Document:
    level = Table(
        columns=(Column(head="Users", right=True), Column(head="p50", right=True)),
        rows=((Cell(text="1"), Cell(text="25.6 ms", note="[24.1, 28.2]")),),
    )
    return document(
        mark=MEASURED,
        headline="First measurement of suite chat: nothing to set it against yet",
        facts=(("Machine", "linux-x86_64"),),
        tiles=tuple(replace(tile, was="", change="", tone=Tone.PLAIN) for tile in document().tiles),
        sections=(
            Section(key="measured", title="What was measured", rank=0, blocks=(level, sentence("Good."))),
            Section(key="charts", title="Charts", rank=2, blocks=(chart("one", sides=("run",)),)),
            Section(key="phases", title="Phases", rank=3, blocks=(phases(2, ("run",)),), folded=True),
        ),
        remarks=(),
        closing=replace(document().closing, advice=(sentence("Store it."),), exit_code=ExitCode.OK),
    )


def with_blocks(*blocks: Block, **changes: Any) -> Document:
    made = Section(key="part", title="A part", rank=0, blocks=blocks)
    return document(sections=(replace(made, **changes),))


def largest() -> Document:
    """As much as the largest profile gives: 80 findings, 44 phases, charts of several test types."""
    many = tuple(finding(f"response time p{at}", gated=at % 2 == 0) for at in range(80))
    lines = (
        *(chart(f"time-{at}", 600, 60) for at in range(4)),
        *(chart(f"spread-{at}", 80, 10) for at in range(8)),
    )
    counts = Table(
        columns=tuple(Column(head="Sent", right=bool(at)) for at in range(9)),
        rows=((Cell(text="concurrent_10"), *(Cell(text="12\u202f345"),) * 8),) * 45,
        caption="Where every request went.",
    )
    others = (
        Section(key="charts", title="Charts", rank=2, blocks=lines),
        Section(key="phases", title="Phases", rank=3, blocks=(phases(44),), folded=True),
        Section(key="accounting", title="Accounting", rank=4, blocks=(counts,), folded=True),
    )
    return document(
        sections=(Section(key="findings", title="Findings", rank=0, blocks=(Findings(rows=many),)), *others)
    )
