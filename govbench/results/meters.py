"""What something that runs is asked for while the load is on: CPU time and memory. Reads nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Source(StrEnum):
    """Where figures come from, which says what ``own_bytes`` are: PSS of processes, anon of a container."""

    PROCESSES = "processes"
    CONTAINER = "container"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What something has used: CPU seconds since it began, resident bytes now.

    ``own_bytes`` counts shared pages once. It, ``handles`` and ``threads`` are None where they were not
    looked at; ``unread`` counts processes that may not be read and are in no figure.
    """

    cpu_s: float
    rss_bytes: int
    own_bytes: int | None = None
    handles: int | None = None
    threads: int | None = None
    unread: int = 0
    source: Source = Source.PROCESSES


class Meter(Protocol):
    """Tells what one part of a stack uses, be it a tree of processes or a container."""

    def read(self) -> Use | None:
        """What it has used by now; None where it cannot be told, or has ended."""


class Together:
    """Several meters read as one; None as soon as one of them tells nothing, for a sum would jump.

    Args:
        parts: by name, at least one.
    """

    def __init__(self, parts: Mapping[str, Meter]) -> None:
        self._parts = tuple(parts.values())

    def read(self) -> Use | None:
        """The sum of all parts."""
        uses = [part.read() for part in self._parts]
        known = [use for use in uses if use is not None]
        if len(known) < len(uses):
            return None
        return Use(
            cpu_s=sum(use.cpu_s for use in known),
            rss_bytes=sum(use.rss_bytes for use in known),
            own_bytes=_sum(use.own_bytes for use in known),
            handles=_sum(use.handles for use in known),
            threads=_sum(use.threads for use in known),
            unread=sum(use.unread for use in known),
            source=known[0].source,
        )


def _sum(values: Iterable[int | None]) -> int | None:
    """None where one of them was not looked at."""
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
