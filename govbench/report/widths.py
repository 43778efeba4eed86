"""Names made to fit a column, so that no two of them come to look alike. Draws nothing."""

from __future__ import annotations

from collections.abc import Iterable

_MARK = "…"


def shortened(name: str, width: int, *, tail: int | None = None) -> str:
    """``name`` in at most ``width`` characters, cut in the middle: names differ at their ends.

    Args:
        name: on one line.
        width: at least 1.
        tail: how many characters of its end are kept; None: a half.
    """
    if len(name) <= width:
        return name
    room = max(0, width - len(_MARK))
    kept = min(room, (room + 1) // 2 if tail is None else tail)
    return name[: room - kept] + _MARK * min(1, width) + name[len(name) - kept :]


def fitted(names: Iterable[str], width: int) -> dict[str, str]:
    """Each name in at most ``width`` characters; different names stay different wherever that can be.

    As much of their beginnings is kept as tells them apart by their ends; where no cut in the middle does,
    they are numbered.
    """
    known = list(dict.fromkeys(names))
    if all(len(name) <= width for name in known):
        return {name: name for name in known}
    for tail in range((width + 1) // 2, width + 1):
        found = {name: shortened(name, width, tail=tail) for name in known}
        if len(set(found.values())) == len(known):
            return found
    numbered = {}
    for number, name in enumerate(known, start=1):
        end = f"#{number}"
        numbered[name] = shortened(name, max(1, width - len(end))) + end if len(name) > width else name
    return numbered
