"""What something that runs is asked for while the load is on: CPU time and memory. Reads nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What something has used: CPU seconds since it began, resident bytes now."""

    cpu_s: float
    rss_bytes: int


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
        return Use(cpu_s=sum(use.cpu_s for use in known), rss_bytes=sum(use.rss_bytes for use in known))
