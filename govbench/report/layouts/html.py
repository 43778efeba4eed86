"""The document as a web page: one file with styles and drawings inside, which loads nothing and runs nothing.

Chooses what opens on demand and which columns go where a screen is narrow, draws the intervals, and escapes
every text; ``templates/document.html.j2`` lays them out. Decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from govbench.report import axes, charts, pages
from govbench.report.document import (
    Block,
    Cell,
    Chart,
    Document,
    FindingRow,
    Findings,
    Interval,
    Items,
    KeyValues,
    Log,
    Section,
    Table,
    Text,
    Tone,
)

_KINDS: dict[type[Block], str] = {
    Text: "text",
    Items: "items",
    Table: "table",
    KeyValues: "pairs",
    Findings: "findings",
    Chart: "chart",
    Log: "log",
}
_LOUD = frozenset({Tone.BAD, Tone.WARN})

# Screens narrower than the first width of a pair, and the narrowest of them that a table should fit.
SCREENS = ((1000, 840), (840, 680), (680, 520), (520, 360))
PAPER = 1080  # how many pixels of a screen fit between the margins of a page, in its smaller type
_EDGES = 56  # what lies beside a table on a narrow screen
_CHARACTER, _NOTE_CHARACTER, _PADDING = 7.6, 6.6, 16.0
_MANY_COLUMNS = 10  # more of them stand closer together
_SHORT = 16
_WORDS_WRAP_AT = 22  # a column of words needs no more room than this many characters
_LONGEST_WORD = 28  # a longer one may break, so that it pushes nothing off the screen
_LONGEST_VALUE = 60  # what is explained at length stands below its name, not beside it
_ADDRESS = re.compile(r"(https?://|#)\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """The drawn intervals of rows, in their order (empty where a row has none), and their common scale."""

    rows: tuple[Markup, ...]
    notes: tuple[str, ...]
    axis: Markup


def render(document: Document) -> str:
    """The whole document as one HTML page."""
    environment = pages.environment()
    environment.filters |= {
        "kind": _kind,
        "column_classes": column_classes,
        "wrapping": wrapping,
        "forest": forest,
        "drawing": pages.drawing,
        "preformatted": pages.preformatted,
    }
    sections = tuple(filter(None, map(_for_pages, document.sections)))
    environment.tests |= {"address": is_address, "at_length": at_length}
    return environment.get_template("document.html.j2").render(
        document=document,
        sections=sections,
        loud=[remark for remark in document.remarks if remark.tone in _LOUD],
        quiet=[remark for remark in document.remarks if remark.tone not in _LOUD],
        exit_code=int(document.closing.exit_code),
        column_rules=_column_rules(sections),
    )


def _for_pages(section: Section) -> Section | None:
    """The section without what only terminals and comments draw; None where nothing remains."""
    blocks = tuple(block for block in section.blocks if not isinstance(block, Chart) or block.svg)
    return replace(section, blocks=blocks) if blocks else None


def _kind(block: Block) -> str:
    """Which macro lays a block out."""
    return _KINDS[type(block)]


def is_address(url: str) -> bool:
    """Whether a link may lead there: to the web or within the page, and never to a script."""
    return _ADDRESS.fullmatch(url) is not None


def at_length(block: KeyValues) -> bool:
    """Whether what belongs to a name is a sentence rather than a value."""
    return any(len(text) > _LONGEST_VALUE for _, text in block.pairs)


# Tables


def _tables(sections: Sequence[Section]) -> Iterator[Table]:
    """Every table of the page, those behind charts too."""
    for section in sections:
        for block in section.blocks:
            found = block.table if isinstance(block, Chart) else block
            if isinstance(found, Table):
                yield found


def column_classes(table: Table) -> str:
    """How the columns of a table look: which are numbers, and which go where a screen is narrow.

    Cells have no classes of their own for this: a table of hundreds of them would be twice as large.
    """
    numbers = [f"right-{at}" for at, column in enumerate(table.columns, start=1) if column.right]
    short = [f"short-{at}" for at in range(1, len(table.columns) + 1) if _is_short(table, at - 1)]
    going = [f"from-{below}-{at}" for at, below in enumerate(shown_from(table), start=1) if below]
    unprinted = [f"screen-{at + 1}" for at in _too_much(table, PAPER)]
    close = ("close",) if len(table.columns) > _MANY_COLUMNS else ()
    return " ".join((*close, *numbers, *short, *going, *unprinted))


def _column_rules(sections: Sequence[Section]) -> Markup:
    """The rules of the columns that there are; they are made of numbers alone."""
    used = {css for table in _tables(sections) for css in column_classes(table).split()} - {"close"}
    rules = {
        "right": "{ text-align: right; white-space: nowrap; }",
        "short": "{ white-space: nowrap; }",
        "screen": "@media print",
        **{f"from-{below}": f"@media screen and (max-width: {below - 1}px)" for below, _ in SCREENS},
    }
    lines = []
    for kind, rule in rules.items():
        numbers = sorted(int(css.removeprefix(f"{kind}-")) for css in used if css.rpartition("-")[0] == kind)
        chosen = ", ".join(f".{kind}-{at} tr > :nth-child({at})" for at in numbers)
        if chosen:
            lines.append(f"{rule} {{ {chosen} {{ display: none; }} }}" if "@" in rule else f"{chosen} {rule}")
    return Markup("\n".join(lines))  # noqa: S704 - see above


def shown_from(table: Table) -> tuple[int, ...]:
    """For each column the narrowest screen that shows it, 0 where all do; the first column always stays."""
    shown = [0] * len(table.columns)
    for below, narrowest in SCREENS:
        for at in _too_much(table, narrowest - _EDGES):
            shown[at] = shown[at] or below
    return tuple(shown)


def _too_much(table: Table, room: float) -> tuple[int, ...]:
    """The columns without which a table fits into so many pixels: the highest priority goes first.

    Of several the last goes first; those of priority 0 and the first column stay.
    """
    widths = [_width(table, at) for at in range(len(table.columns))]
    going = sorted(
        (at for at in range(1, len(widths)) if table.columns[at].priority),
        key=lambda at: (-table.columns[at].priority, -at),
    )
    gone = 0
    while gone < len(going) and sum(widths) - sum(widths[at] for at in going[:gone]) > room:
        gone += 1
    return tuple(going[:gone])


def _is_short(table: Table, at: int) -> bool:
    """Whether a column holds words that need no second line."""
    return not table.columns[at].right and all(len(row[at].text) <= _SHORT for row in table.rows)


def wrapping(cell: Cell) -> str:
    """The class of a cell with a word so long that it has to break; names break nowhere else."""
    words = f"{cell.text} {cell.note}".split()
    return "long" if any(len(word) > _LONGEST_WORD for word in words) else ""


def _width(table: Table, at: int) -> float:
    """About how many pixels a column takes."""
    column = table.columns[at]
    most = _LONGEST_WORD if column.right else _WORDS_WRAP_AT
    head = max(map(len, column.head.split()), default=0)
    texts = max((min(len(row[at].text), most) for row in table.rows), default=0)
    notes = max((min(len(row[at].note), most) for row in table.rows), default=0)
    return max(_CHARACTER * max(head, texts), _NOTE_CHARACTER * notes) + _PADDING


# Findings


def forest(rows: Sequence[FindingRow], key: str) -> Forest:
    """The intervals of these rows; those whose scale is not that of the axis say which they have."""
    relative = [row.interval for row in rows if row.interval and not row.interval.difference]
    scale = relative[0].scale if relative else None
    return Forest(
        rows=tuple(_forest_row(row, f"{key}-{at}") for at, row in enumerate(rows)),
        notes=tuple(_scale_note(row.interval, scale) for row in rows),
        axis=Markup() if scale is None else _forest_axis(scale, f"{key}-axis"),
    )


def _forest_row(row: FindingRow, key: str) -> Markup:
    interval = row.interval
    if interval is None:
        return Markup()
    return pages.drawing(
        charts.forest_row(
            key=key,
            title=f"{row.metric}, {row.scope}: {row.change.text} {row.change.note}".strip(),
            description=f"Margin: {row.margin or 'none'}.",
            estimate=interval.estimate,
            low=interval.low,
            high=interval.high,
            margin=interval.margin,
            limit=interval.scale,
            tone=f"tone-{row.mark.tone.value}",
        )
    )


def _scale_note(interval: Interval | None, scale: float | None) -> str:
    if interval is None or (not interval.difference and interval.scale == scale):
        return ""
    return f"scale ±{axes.tick_text(interval.scale * 100)} {'pp' if interval.difference else '%'}"


def _forest_axis(scale: float, key: str) -> Markup:
    end = axes.tick_text(scale * 100)
    title = f"Scale of the relative changes: -{end} % to +{end} %"
    return pages.drawing(charts.forest_axis(key=key, title=title, texts=(f"-{end} %", "0", f"+{end} %")))
