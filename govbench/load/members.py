"""What a master knows of its workers, and the sums over them. Talks to nobody."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from govbench.load.engine import MAX_ERROR_KINDS
from govbench.load.shipping import Received


@dataclass(slots=True, kw_only=True)
class Member:
    """What the master knows of one worker."""

    part: int
    folder: Path
    process: Any = None  # of a local worker
    client_id: str | None = None
    is_ready: bool = False
    heard_s: float = 0.0
    received: Received | None = None  # of a remote worker
    report: dict[str, Any] = field(default_factory=dict)
    done: dict[str, Any] | None = None
    is_settled: bool = False
    lost_because: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        return self.is_settled or self.lost_because is not None


def totals(members: Iterable[Member]) -> dict[str, int]:
    """The counts of all workers by their last reports; users are those of workers still at work."""
    reports = [(member, member.report) for member in members if member.report]
    return {
        "users": sum(report["users"] for m, report in reports if m.done is None and not m.is_over),
        "sent": sum(report["counters"][2] for _, report in reports),
        "ok": sum(report["ok"] for _, report in reports),
        "failed": sum(report["failed"] for _, report in reports),
        "dropped": sum(report["counters"][1] for _, report in reports),
    }


def summed(members: Iterable[Member], key: str) -> list[dict[str, object]]:
    """What all workers counted by kind under ``key`` of their last word, the most frequent first."""
    counts: Counter[str] = Counter()
    for member in members:
        for row in member.done[key] if member.done else ():
            counts[json.dumps({name: value for name, value in row.items() if name != "count"})] += row[
                "count"
            ]
    return [{**json.loads(kind), "count": count} for kind, count in counts.most_common(MAX_ERROR_KINDS)]
