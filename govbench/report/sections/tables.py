"""Tables of plain cells, and texts of plain words, for whoever makes a section. Knows nothing of results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from govbench.report.document import Cell, Column, Span, SpanKind, Table, Text, Tone

AnyCell = str | Cell


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[AnyCell]],
    *,
    right: Iterable[int] = (),
    priority: Mapping[int, int] | None = None,
    caption: str = "",
    keep: int | None = None,
) -> Table:
    """A table of texts; ``right`` are the columns of numbers, ``priority`` those that may be left out."""
    at_right, ranks = set(right), priority or {}
    return Table(
        columns=tuple(
            Column(head=head, right=at in at_right, priority=ranks.get(at, 0))
            for at, head in enumerate(heads)
        ),
        rows=tuple(tuple(map(cell, row)) for row in rows),
        caption=caption,
        keep=keep,
    )


def cell(one: AnyCell) -> Cell:
    """A text as a cell; a cell as it is."""
    return one if isinstance(one, Cell) else Cell(text=one)


def without(found: Table, column: int) -> Table:
    """The table without one of its columns."""
    return Table(
        columns=found.columns[:column] + found.columns[column + 1 :],
        rows=tuple(row[:column] + row[column + 1 :] for row in found.rows),
        caption=found.caption,
        keep=found.keep,
    )


def text(*parts: str | Span, tone: Tone = Tone.PLAIN) -> Text:
    """A paragraph of words, with spans between them."""
    spans = tuple(part if isinstance(part, Span) else Span(part) for part in parts)
    return Text(spans=spans, tone=tone)


def code(words: str) -> Span:
    """What is typed as it stands."""
    return Span(words, SpanKind.CODE)


def strong(words: str) -> Span:
    """What the eye has to find."""
    return Span(words, SpanKind.STRONG)


def link(words: str, url: str) -> Span:
    """Words that lead somewhere."""
    return Span(words, SpanKind.LINK, url)
