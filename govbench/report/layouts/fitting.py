"""Text that fits a number of columns: wrapped, shortened, side by side. Knows nothing of reports.

Widths are counted in cells, as terminals do: a character of Chinese takes two, one that combines none.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

GAP = 2  # blanks between two columns
# What stands in for a blank at which no line is to break: the separator of 12 345, which is white space to
# rich; before the unit of a number; between the ends of an interval.
_SEPARATOR, _HELD, _HELD_BLANK = "\u202f", "\ue000", "\ue001"
_UNIT = r"(?:%|pp|[mµ]?s|req/s|(?:[KMGT]i)?B|tokens|cores)(?![\w/])"
_TOGETHER = re.compile(rf"(?<=\d) (?={_UNIT})|(?<=,) (?=[+-]?[\d.]+(?: {_UNIT})?\])")
_NARROWEST = 8  # what stands beside a lead; with less room it goes below
_WRAPPER = Console(file=io.StringIO(), width=80, _environ={})  # rich asks for one, to justify lines


def wrapped(text: Text, width: int) -> list[Text]:
    """Its lines, broken between words; a word that is longer than a line is folded."""
    held = text.copy()
    held.plain = _TOGETHER.sub(_HELD_BLANK, held.plain).replace(_SEPARATOR, _HELD)
    lines = list(held.wrap(_WRAPPER, width, overflow="fold"))
    for line in lines:
        line.rstrip()
        line.plain = line.plain.replace(_HELD, _SEPARATOR).replace(_HELD_BLANK, " ")
    return lines


def hanging(lead: Text, text: Text, width: int) -> list[Text]:
    """The lead with the text beside it; the lines after the first are indented to where the text begins."""
    indent = cell_len(lead.plain)
    if width - indent < _NARROWEST:
        return [*wrapped(lead, width), *wrapped(text, width)]
    first, *others = wrapped(text, width - indent) or [Text()]
    return [Text.assemble(lead, first), *(Text.assemble(" " * indent, line) for line in others)]


def flowed(parts: Sequence[str], separator: str, width: int) -> list[str]:
    """The parts joined into lines; a line breaks between two of them where that is possible."""
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]}{separator}{part}" if lines else part
        if lines and cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines += [line.plain for line in wrapped(Text(part), width)]
    return lines


def beside(cells: Sequence[Sequence[Text]], widths: Sequence[int], *, right: Sequence[bool]) -> list[Text]:
    """Cells of several lines each, beside one another; each line fits into the width of its cell already."""
    lines = []
    for at in range(max(map(len, cells), default=0)):
        parts = []
        for cell, width, at_right in zip(cells, widths, right, strict=True):
            part = cell[at].copy() if at < len(cell) else Text()
            pad = max(0, width - cell_len(part.plain))
            if at_right:
                part.pad_left(pad)
            else:
                part.pad_right(pad)
            parts.append(part)
        line = Text(" " * GAP).join(parts)
        line.rstrip()
        lines.append(line)
    return lines


def total(widths: Sequence[int]) -> int:
    """How wide columns of these widths are together."""
    return sum(widths) + GAP * max(0, len(widths) - 1)
