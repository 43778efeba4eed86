"""A report for a terminal or a log: the claim first, how it ends and where it is last. Prints nothing.

No line is wider than asked. Where there is room for less, tables give up columns and then become lists, and
findings take a line for each thing that is said of them. Decides nothing, see ``document.py``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence

from rich.box import ROUNDED
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.text import Text as Line

from govbench.report.blocks import interval
from govbench.report.document import (
    Block,
    Chart,
    Closing,
    Document,
    FindingRow,
    Findings,
    Items,
    KeyValues,
    Log,
    Mark,
    Section,
    Span,
    SpanKind,
    Table,
    Text,
    Tone,
)
from govbench.report.layouts.fitting import beside, flowed, hanging, total, wrapped
from govbench.report.layouts.plain import printable, printable_lines
from govbench.report.layouts.tables import STYLES, cell_text, head_lines, table_lines

PANEL_FROM = 60  # columns; below, a frame costs more than it says
ROWS_FROM = 80  # columns from which on a finding takes two lines of a table
_FRAME = 4  # columns of a frame and its padding
_INDENT = 2
_SCOPE = 28  # a longer name of a metric or a load level is broken into lines
_BARS = (15, 31)  # the shortest and the longest bar of an interval
_SPANS = {SpanKind.PLAIN: "", SpanKind.STRONG: "bold", SpanKind.CODE: "bold", SpanKind.LINK: ""}
# What the log of a CI job obeys, where a long word was broken just before it.
_COMMAND = re.compile(r"^(\s*)::(?=[A-Za-z])")
_REMARKS = {Tone.WARN: "warning: ", Tone.BAD: "warning: "}


def render(document: Document, *, width: int, color: bool, verbose: bool = False, quiet: bool = False) -> str:
    """The report as text, ``width`` columns at most, with ANSI colours only where asked for.

    ``verbose`` shows what is folded, too. ``quiet`` is a line for each gated metric, and how it ends.
    """
    if quiet:
        parts: list[RenderableType] = [*_brief(document, width), *_end(document, width)]
    else:
        parts = [
            _headline(document, width),
            *_opening(document, width),
            *_sections(document.sections, width, verbose=verbose),
            *_advice(document.closing, width),
            Line(),
            *_end(document, width),
            *_files(document.closing, width),
        ]
    return _printed(parts, width=width, color=color)


def _printed(parts: Iterable[RenderableType], *, width: int, color: bool) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        _environ={},
    )
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Line))
    return "\n".join(_COMMAND.sub(r"\1 :", line.rstrip()) for line in out.getvalue().splitlines()) + "\n"


# Above and below the sections


def _headline(document: Document, width: int) -> RenderableType:
    tone = STYLES[document.mark.tone]
    framed = width >= PANEL_FROM
    room = width - _FRAME if framed else width
    lines = Line("\n").join(_marked(document.mark, document.headline, room, style=f"bold {tone}"))
    return Panel(lines, box=ROUNDED, border_style=tone) if framed else lines


def _marked(mark: Mark, words: str, width: int, *, style: str = "") -> list[Line]:
    return hanging(Line(f"{mark.symbol} ", style=style or STYLES[mark.tone]), _words(words, style), width)


def _opening(document: Document, width: int) -> list[Line]:
    """Tallies, facts and remarks."""
    lines = [Line(line) for line in flowed(list(map(printable, document.tallies)), " · ", width)]
    if document.facts:
        lines += [Line(), *_pairs(document.facts, width)]
    if document.remarks:
        lines.append(Line())
    for remark in document.remarks:
        lead = _REMARKS.get(remark.tone, "note: ")
        style = STYLES[remark.tone] if remark.tone in _REMARKS else ""
        lines += hanging(Line(lead, style=style), _words(remark.text, style), width)
    return lines


def _advice(closing: Closing, width: int) -> list[Line]:
    lines = [
        line for text in closing.advice for line in wrapped(_spans(text.spans, STYLES[text.tone]), width)
    ]
    return [Line(), *lines] if lines else []


def _end(document: Document, width: int) -> list[Line]:
    """The verdict and the exit code."""
    closing, mark = document.closing, document.mark
    said = f"{mark.label} · exit code {int(closing.exit_code)}: {closing.exit_text}"
    return _marked(mark, said, width, style=f"bold {STYLES[mark.tone]}")


def _files(closing: Closing, width: int) -> list[Line]:
    """Where the files are; a path is broken where the line ends, so that it can be taken up whole."""
    return [line for name, path in closing.files for line in wrapped(_words(f"{name}: {path}"), width)]


def _brief(document: Document, width: int) -> list[Line]:
    return [line for mark, words in document.brief for line in _marked(mark, words, width)]


# Sections


def _sections(sections: Sequence[Section], width: int, *, verbose: bool) -> list[Line]:
    """Those that are shown, and the titles of those that can be."""
    here = [section for section in sections if not section.pages_only]
    lines: list[Line] = []
    for section in here:
        if verbose or not section.folded:
            lines += _section(section, width)
    folded = [printable(section.title) for section in here if section.folded]
    if folded and not verbose:
        lines += [Line(), *(Line(line, style="dim") for line in _more(folded, width))]
    return lines


def _more(titles: Sequence[str], width: int) -> list[str]:
    if width < PANEL_FROM:
        return flowed([f"{len(titles)} more part{'s' if len(titles) > 1 else ''}", "--verbose"], ": ", width)
    return flowed([f"more with --verbose: {titles[0]}", *titles[1:]], " · ", width)


def _section(section: Section, width: int) -> list[Line]:
    """A title and its blocks, indented where there is room for that."""
    roomy = width >= ROWS_FROM
    indent = _INDENT if roomy else 0
    lines: list[Line] = []
    before: Block | None = None
    for block in section.blocks:
        found = _block(block, width - indent, roomy=roomy)
        if found:
            lines += [Line()] if lines and not _follows(before, block) else []
            lines += [Line.assemble(" " * indent, line) for line in found]
            before = block
    return [Line(), *wrapped(_words(section.title, "bold"), width), *lines] if lines else []


def _follows(before: Block | None, block: Block) -> bool:
    """A list belongs to the words before it."""
    return isinstance(before, Text) and isinstance(block, Items)


def _block(block: Block, width: int, *, roomy: bool) -> list[Line]:
    match block:
        case Text():
            lines = wrapped(_spans(block.spans, STYLES[block.tone]), width)
        case Items():
            lines = _items(block, width)
        case Table():
            lines = _captioned(block.caption, table_lines(block, width), width)
        case KeyValues():
            lines = _captioned(block.caption, _pairs(block.pairs, width), width)
        case Findings():
            rows = _finding_rows(block, width) if roomy else _finding_lines(block, width)
            lines = _captioned(block.caption, rows, width)
        case Chart():
            lines = _chart(block, width)
        case Log():
            lines = _log(block, width)
    return lines


def _captioned(caption: str, lines: list[Line], width: int) -> list[Line]:
    return [*wrapped(_words(caption, "dim"), width), *lines] if caption and lines else lines


def _items(block: Items, width: int) -> list[Line]:
    lines: list[Line] = []
    for number, item in enumerate(block.items, start=1):
        lead = f"{number}. " if block.numbered else "- "
        lines += hanging(Line(lead), _spans(item.spans, STYLES[item.tone]), width)
    return lines


def _pairs(pairs: Sequence[tuple[str, str]], width: int) -> list[Line]:
    """Names with what belongs to them beside them; where names are long, each before its own."""
    longest = max((cell_len(printable(name)) for name, _ in pairs), default=0)
    aligned = longest <= width // 3
    lines: list[Line] = []
    for name, value in pairs:
        lead = _words(name, "bold")
        if aligned:
            lead.pad_right(longest + 2 - cell_len(lead.plain))
            lines += hanging(lead, _words(value), width)
        else:
            first, *others = wrapped(Line.assemble(lead, ": ", _words(value)), width - _INDENT)
            lines += [first, *(Line.assemble(" " * _INDENT, line) for line in others)]
    return lines


def _chart(block: Chart, width: int) -> list[Line]:
    """The drawing, where there is room for it: bars that are cut are all of one length."""
    lines = list(map(printable, block.lines))
    if not lines or max(map(cell_len, lines)) > width:
        return []
    return [*wrapped(_words(block.title, "bold"), width), *map(Line, lines)]


def _log(block: Log, width: int) -> list[Line]:
    lines = [Line("…", style="dim")] if block.truncated else []
    return lines + [line for text in printable_lines(block.text) for line in wrapped(Line(text), width)]


# Findings


def _finding_rows(block: Findings, width: int) -> list[Line]:
    """Two lines for each metric: from what to what, and by how much, with a bar where there is room."""
    if not block.rows:
        return []
    cells = [_row_cells(row) for row in block.rows]
    heads = ["verdict", "metric", f"base → head, change{f' [{block.level}]' if block.level else ''}"]
    widths = [
        max(cell_len(head), *(cell_len(line.plain) for row in cells for line in row[at]))
        for at, head in enumerate(heads)
    ]
    widths = [min(widths[0], _SCOPE), min(widths[1], _SCOPE), widths[2]]
    widths[2] = min(widths[2], width - total([*widths[:2], 0]))
    bar = min(_BARS[1], width - total([*widths, 0]))
    if bar >= _BARS[0] and any(row.interval for row in block.rows):
        heads, widths = [*heads, "interval"], [*widths, bar]
        cells = [[*found, _bar(row, bar)] for row, found in zip(block.rows, cells, strict=True)]
    left = [False] * len(widths)
    lines = head_lines(heads, widths, right=left)
    for found in cells:
        columns = [
            [part for line in cell for part in wrapped(line, room)]
            for cell, room in zip(found, widths, strict=True)
        ]
        lines += beside(columns, widths, right=left)
    return lines


def _row_cells(row: FindingRow) -> list[list[Line]]:
    style = STYLES[row.mark.tone] if row.gated else "dim"
    return [
        [_words(f"{row.mark.symbol} {row.mark.label}", style), Line(f"  {row.stands}", style=style)],
        [_words(row.metric), _words(row.scope)],
        [_words(_from_to(row)), _change(row)],
    ]


def _finding_lines(block: Findings, width: int) -> list[Line]:
    """The name, from what to what, and by how much, below each other."""
    lines = (
        wrapped(_words(f"changes with their {block.level} intervals", "dim"), width) if block.level else []
    )
    for row in block.rows:
        style = STYLES[row.mark.tone] if row.gated else "dim"
        lines += _marked(row.mark, f"{row.metric}, {row.scope}", width, style=style)
        said = Line.assemble(_words(f"{row.mark.label}, {row.stands}: ", style), _change(row))
        for line in (_words(_from_to(row)), said):
            lines += hanging(Line("  "), line, width)
    return lines if block.rows else []


def _from_to(row: FindingRow) -> str:
    return f"{row.base.text} → {row.head.text}{f', n {row.n}' if row.n else ''}"


def _change(row: FindingRow) -> Line:
    """The change with its interval; why there is none, where there is none."""
    if row.change.note or not row.reason:
        return cell_text(row.change)
    return _words(f"{row.change.text}: {row.reason}", STYLES[row.change.tone])


def _bar(row: FindingRow, width: int) -> list[Line]:
    """The interval over its margin, beside the change."""
    shown = row.interval
    if shown is None or shown.scale <= 0:
        return []
    drawn = interval(
        shown.low,
        shown.estimate,
        shown.high,
        margin=shown.margin or (0.0, 0.0),
        limit=shown.scale,
        width=width,
    )
    return [Line(), Line(drawn)]


# Words


def _words(text: str, style: str = "") -> Line:
    """Words of the document; whatever they hold, they cannot move the cursor."""
    return Line(printable(text), style=style)


def _spans(spans: Sequence[Span], style: str = "") -> Line:
    """Spans keep the blanks between them."""
    line = Line(style=style)
    for span in spans:
        shown = f"{span.text} ({span.url})" if span.url and span.url != span.text else span.text
        line.append(printable(shown), style=_SPANS[span.kind])
    return line
