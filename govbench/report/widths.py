"""Names made to fit a column, so that no two of them come to look alike. Draws nothing.

Widths are counted in cells, as terminals do: a character of Chinese takes two, one that combines none.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len

_MARK = "…"


def cropped(text: str, width: int) -> str:
    """As much of its beginning as fits."""
    kept = text[: 2 * max(0, width)]
    while cell_len(kept) > width:
        kept = kept[:-1]
    return kept


def shortened(name: str, width: int, *, tail: int | None = None) -> str:
    """``name`` in at most ``width`` cells, cut in the middle: names differ at their ends.

    Args:
        name: on one line.
        width: at least 1.
        tail: how many cells of its end are kept; None: a half.
    """
    if cell_len(name) <= width:
        return name
    room = max(0, width - len(_MARK))
    kept = min(room, (room + 1) // 2 if tail is None else tail)
    return cropped(name, room - kept) + _MARK * min(1, width) + cropped(name[::-1], kept)[::-1]


def fitted(names: Iterable[str], width: int) -> dict[str, str]:
    """Each name in at most ``width`` cells; different names stay different wherever that can be.

    As much of their beginnings is kept as tells them apart by their ends; where no cut in the middle does,
    they are numbered.
    """
    known = list(dict.fromkeys(names))
    if all(cell_len(name) <= width for name in known):
        return {name: name for name in known}
    for tail in range((width + 1) // 2, width + 1):
        found = {name: shortened(name, width, tail=tail) for name in known}
        if len(set(found.values())) == len(known):
            return found
    numbered = {}
    for number, name in enumerate(known, start=1):
        end = f"#{number}"
        numbered[name] = shortened(name, max(1, width - len(end))) + end if cell_len(name) > width else name
    return numbered
