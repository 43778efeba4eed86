"""Blocks of a report in GitHub's Markdown. Chooses nothing; ``markdown.py`` puts them together.

Names come from pull requests, so every text that is not ours is escaped until it can neither break the
layout, nor mention a person, nor link to an issue or a site.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from govbench.report.document import (
    Block,
    Cell,
    Chart,
    FindingRow,
    Findings,
    Items,
    KeyValues,
    Log,
    Span,
    SpanKind,
    Table,
    Text,
)
from govbench.report.layouts.plain import before_note, printable, printable_lines

# As character references these stand for themselves only. A zero-width space is what keeps GitHub from
# reading a mention, a reference or a link: it looks for those after the references are resolved.
_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        **{character: f"&#{ord(character)};" for character in "\\`*_[]|~$"},
        "@": "@&#8203;",
        "#": "#&#8203;",
    }
)
_LINK_STARTS = (("://", ":&#8203;//"), ("www.", "www&#8203;."), ("GH-", "GH&#8203;-"), ("gh-", "gh&#8203;-"))
# What would begin a list, a rule or a heading where a paragraph is meant.
_OPENING = re.compile(r"^(?:([-+=])|(\d{1,9})([.)])(?=\s|$))")
_ADDRESS = re.compile(r"https?://[^\s/]")
_SAFE = "/:?&=#%+,@-._"  # of an address; all else is encoded, parentheses and blanks before all


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is shown where there is not room for all.

    Sections of ``dropped`` ranks and keys are left out. ``keep`` cuts tables to the rows that say the most;
    ``rows`` is the most of any list, ``text`` the most characters of any paragraph; ``bare`` is a line each.
    """

    dropped: frozenset[tuple[int, str]] = frozenset()
    keep: bool = False
    rows: int | None = None
    text: int | None = None
    bare: bool = False

    def shown(self, total: int, keep: int | None = None) -> int:
        """How many rows of so many, where ``keep`` of them say the most."""
        wanted = total if keep is None or not self.keep else min(total, keep)
        return wanted if self.rows is None else min(wanted, self.rows)

    def cut(self, text: str) -> str:
        """As much of a paragraph as is shown."""
        if self.text is None or len(text) <= self.text:
            return text
        return f"{text[: self.text - 1]}…"


def escape(text: str) -> str:
    """Text that GitHub shows as it is: no markup, no mention, no reference, no link."""
    escaped = printable(text).translate(_ESCAPES)
    for start, broken in _LINK_STARTS:
        escaped = escaped.replace(start, broken)
    return escaped


def paragraph(text: str) -> str:
    """Escaped text that begins a paragraph, and neither a list nor a rule."""
    return _OPENING.sub(_plain_opening, escape(text).strip())


def _plain_opening(found: re.Match[str]) -> str:
    mark, number, stop = found.groups()
    return f"&#{ord(mark)};" if mark else f"{number}&#{ord(stop)};"


def code(text: str) -> str:
    """Text that is shown as it stands, in the type of code."""
    shown = printable(text).strip()
    if not shown:
        return ""
    fence = "`" * (_longest_run(shown) + 1)
    edge = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{edge}{shown}{edge}{fence}"


def fenced(text: str, language: str = "") -> str:
    """Lines that are shown, or drawn, as they stand."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def link(text: str, url: str) -> str:
    """A link; the words alone where the address is none of the web."""
    if not _ADDRESS.match(url):
        return escape(text)
    return f"[{escape(text)}]({quote(printable(url), safe=_SAFE)})"


def whereabouts(name: str, path: str) -> str:
    """Where a file is: a link by its name where it is on the web, else its path as it stands."""
    return link(name, path) if _ADDRESS.match(path) else code(path)


def path_or_link(name: str, path: str) -> str:
    """A file by its name and where it is."""
    return whereabouts(name, path) if _ADDRESS.match(path) else f"{paragraph(name)}: {code(path)}"


def words(spans: Sequence[Span], limits: Limits) -> str:
    """The spans of a paragraph; where it has to be cut, its words alone."""
    plain = "".join(span.text for span in spans)
    if limits.cut(plain) != plain:
        return paragraph(limits.cut(plain))
    text = ""
    for span in spans:
        shown = _span(span)
        # Two runs of backticks that touch would be one of another length, which closes nothing.
        touches = text.endswith("`") and shown.startswith("`")
        text += f"&#8203;{shown}" if touches else shown
    return _OPENING.sub(_plain_opening, text.strip())


def _span(span: Span) -> str:
    match span.kind:
        case SpanKind.CODE:
            return code(span.text)
        case SpanKind.STRONG:
            return f"<b>{escape(span.text)}</b>" if span.text else ""
        case SpanKind.LINK:
            return link(span.text, span.url)
        case SpanKind.PLAIN:
            return escape(span.text)


def block_text(block: Block, limits: Limits) -> str:
    """A block; empty where there is nothing to show of it. A chart is drawn by ``chart_text`` alone."""
    match block:
        case Text():
            shown = words(block.spans, limits)
        case Items():
            shown = _items(block, limits)
        case Table():
            shown = _table(block, limits)
        case KeyValues():
            pairs = [f"- {paragraph(name)}: {escape(limits.cut(value))}" for name, value in block.pairs]
            shown = _captioned(block.caption, _lines(pairs, limits))
        case Findings():
            shown = _findings(block, limits)
        case Log():
            shown = _log(block, limits)
        case Chart():
            shown = ""
    return shown


def chart_text(chart: Chart) -> str:
    """A chart that GitHub draws, with its caption."""
    caption = paragraph(chart.caption)
    return "\n\n".join(filter(None, [fenced(chart.mermaid, "mermaid"), caption]))


def pipe_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[bool]) -> str:
    """A table without padding: short, and the same wherever it is rendered. The cells are escaped already."""
    rule = ["--:" if at_right else ":--" for at_right in right]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def _items(block: Items, limits: Limits) -> str:
    lines = [
        f"{f'{number}.' if block.numbered else '-'} {words(item.spans, limits)}"
        for number, item in enumerate(block.items, start=1)
    ]
    return _lines(lines, limits)


def _lines(lines: Sequence[str], limits: Limits) -> str:
    shown = limits.shown(len(lines))
    return _with_rest("\n".join(lines[:shown]), len(lines) - shown)


def _table(block: Table, limits: Limits) -> str:
    shown = limits.shown(len(block.rows), block.keep)
    text = pipe_table(
        [escape(column.head) for column in block.columns],
        [[escape(_with_note(cell)) for cell in row] for row in block.rows[:shown]],
        right=[column.right for column in block.columns],
    )
    return _captioned(block.caption, _with_rest(text if shown else "", len(block.rows) - shown))


def _with_note(cell: Cell) -> str:
    return (
        f"{cell.text}{before_note(cell.note)}{cell.note}"
        if cell.text and cell.note
        else cell.text or cell.note
    )


def _findings(block: Findings, limits: Limits) -> str:
    shown = limits.shown(len(block.rows))
    text = pipe_table(
        ["verdict", "metric", "base", "head", escape(_change_head(block)), "n"],
        [_finding(row, limits) for row in block.rows[:shown]],
        right=[False, False, True, True, False, True],
    )
    return _captioned(block.caption, _with_rest(text if shown else "", len(block.rows) - shown))


def _change_head(block: Findings) -> str:
    return f"change [{block.level}]" if block.level else "change"


def _finding(row: FindingRow, limits: Limits) -> list[str]:
    change = _with_note(row.change)
    if not row.change.note and row.reason:
        change = f"{row.change.text}: {limits.cut(row.reason)}"
    cells = (f"{row.mark.emoji} {row.mark.label}", f"{row.metric}, {row.scope}", row.base.text, row.head.text)
    return [escape(cell.strip()) for cell in (*cells, change, row.n)]


def _log(block: Log, limits: Limits) -> str:
    lines = printable_lines(block.text)
    shown = limits.shown(len(lines))
    kept = [limits.cut(line) for line in lines[len(lines) - shown :]]
    if not kept:
        return ""
    return fenced("\n".join(["…", *kept] if block.truncated or shown < len(lines) else kept))


def _captioned(caption: str, body: str) -> str:
    return f"{paragraph(caption)}\n\n{body}" if caption and body else body


def _with_rest(body: str, rest: int) -> str:
    if not rest:
        return body
    said = f"{rest} {'more ' if body else ''}{'row' if rest == 1 else 'rows'} left out for length"
    return f"{body}\n\n{said}" if body else said


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
