"""Tables in columns that fit a terminal: by priority, with shortened names, else row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.text import Text

from govbench.report.document import Cell, Column, Table, Tone
from govbench.report.layouts.fitting import beside, hanging, total, wrapped
from govbench.report.layouts.plain import before_note, printable
from govbench.report.widths import fitted

STYLES = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.BAD: "red",
    Tone.WARN: "yellow",
    Tone.INFO: "cyan",
    Tone.QUIET: "dim",
}
_NAME = 24  # names longer than this are shortened before a column is given up
_SHORTEST_NAME = 10
_PROSE = 16  # a column of words is not made narrower, but broken into lines of this width and more
_WORD = 24  # a word as long as that is not broken


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """How a table is fitted: widths of its columns, its names, and whether notes stand beside their cells."""

    widths: tuple[int, ...]
    names: tuple[str, ...]
    notes_beside: bool


def table_lines(table: Table, width: int) -> list[Text]:
    """The table, ``width`` cells at most; nothing where it has no rows."""
    if not table.rows:
        return []
    kept = table
    while True:
        fit = _fit(kept, width)
        if fit is not None:
            return _grid(kept, fit)
        last = max(column.priority for column in kept.columns)
        if last == 0 or len(kept.columns) == 1:
            return _stacked(table, width)
        kept = _without(kept, max(at for at, c in enumerate(kept.columns) if c.priority == last))


def head_lines(heads: Sequence[str], widths: Sequence[int], *, right: Sequence[bool]) -> list[Text]:
    """The heads of columns over a rule."""
    cells = [
        wrapped(Text(printable(head), style="bold"), width) for head, width in zip(heads, widths, strict=True)
    ]
    return [*beside(cells, widths, right=right), Text("─" * total(widths), style="dim")]


def cell_text(cell: Cell, *, note: bool = True) -> Text:
    """A cell in the style of its tone, with its note beside it."""
    text = Text(printable(cell.text), style=STYLES[cell.tone])
    if not note or not cell.note:
        return text
    shown = printable(cell.note)
    return Text.assemble(text, (f"{before_note(shown)}{shown}" if cell.text else shown, "dim"))


def _fit(table: Table, width: int) -> _Fit | None:
    """The widths of all its columns; None where these are too many."""
    droppable = len(table.columns) > 1 and any(column.priority for column in table.columns)
    least = [_least(table, at, name_room=_NAME if droppable else _SHORTEST_NAME) for at in _range(table)]
    extra = width - total(least)
    if extra < 0:
        return None
    widths = list(least)
    for wanted in (_cell_widths(table), _head_widths(table)):
        for at in _range(table):
            given = min(extra, max(0, wanted[at] - widths[at]))
            widths[at] += given
            extra -= given
    with_notes = [max(widths[at], _widest(table, at, notes=True)) for at in _range(table)]
    notes_beside = total(with_notes) <= width
    return _Fit(
        widths=tuple(with_notes if notes_beside else widths),
        names=_names(table, widths[0]),
        notes_beside=notes_beside,
    )


def _names(table: Table, width: int) -> tuple[str, ...]:
    """What its rows are called: of several words, these go on several lines; a single one is cut."""
    names = [printable(row[0].text) for row in table.rows]
    if len(table.columns) == 1:
        return tuple(names)
    cut = fitted((name for name in names if " " not in name), width)
    return tuple(cut.get(name, name) for name in names)


def _cell_widths(table: Table) -> list[int]:
    return [_widest(table, at, notes=False) for at in _range(table)]


def _head_widths(table: Table) -> list[int]:
    return [cell_len(printable(column.head)) for column in table.columns]


def _range(table: Table) -> range:
    return range(len(table.columns))


def _least(table: Table, at: int, *, name_room: int) -> int:
    """The narrowest that a column can be: numbers are never broken, words are, and names are shortened."""
    widest = _widest(table, at, notes=False)
    if table.columns[at].right:
        return widest
    room = name_room if at == 0 else max(_PROSE, min(_WORD, _longest_word(table, at)))
    return min(widest, max(_head_width(table.columns[at]), room))


def _longest_word(table: Table, at: int) -> int:
    return max(cell_len(word) for row in table.rows for word in printable(row[at].text).split(" "))


def _widest(table: Table, at: int, *, notes: bool) -> int:
    cells = [row[at] for row in table.rows]
    beside_it = [cell_len(cell_text(cell, note=notes).plain) for cell in cells]
    below_it = [] if notes else [cell_len(cell.note) for cell in cells]
    return max(_head_width(table.columns[at]), *beside_it, *below_it)


def _head_width(column: Column) -> int:
    return max(map(cell_len, printable(column.head).split(" ")))


def _without(table: Table, column: int) -> Table:
    return replace(
        table,
        columns=table.columns[:column] + table.columns[column + 1 :],
        rows=tuple(row[:column] + row[column + 1 :] for row in table.rows),
    )


def _grid(table: Table, fit: _Fit) -> list[Text]:
    right = [column.right for column in table.columns]
    lines = head_lines([column.head for column in table.columns], fit.widths, right=right)
    for name, (first, *others) in zip(fit.names, table.rows, strict=True):
        cells = [
            _cell_lines(cell, width, notes_beside=fit.notes_beside)
            for cell, width in zip((replace(first, text=name), *others), fit.widths, strict=True)
        ]
        lines += beside(cells, fit.widths, right=right)
    return lines


def _cell_lines(cell: Cell, width: int, *, notes_beside: bool) -> list[Text]:
    if notes_beside:
        return wrapped(cell_text(cell), width)
    below = wrapped(Text(printable(cell.note), style="dim"), width) if cell.note else []
    return [*wrapped(cell_text(cell, note=False), width), *below]


def _stacked(table: Table, width: int) -> list[Text]:
    """Row by row, a line for each column."""
    lines: list[Text] = []
    for first, *others in table.rows:
        lines += wrapped(Text.assemble(cell_text(first), style="bold"), width)
        for column, cell in _filled(table.columns[1:], others):
            lead = f"  {printable(column.head)}: " if column.head else "  "
            lines += hanging(Text(lead), cell_text(cell), width)
    return lines


def _filled(columns: Sequence[Column], cells: Sequence[Cell]) -> Iterator[tuple[Column, Cell]]:
    for column, cell in zip(columns, cells, strict=True):
        if cell.text or cell.note:
            yield column, cell
