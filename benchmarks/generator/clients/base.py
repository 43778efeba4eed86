"""What the benchmark asks of a client. Each client stands in a file of its own beside this one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# Nobody is expected to need so long after the window; it only bounds a client that is not interrupted.
TAIL_S = 30.0

# After the window of a streamed load, the streams that began in it run on to their ends.
STREAM_TAIL_S = 3.0

CHAT_PATH = "/api/v1/chat"
STREAM_PATH = "/v1/chat/completions"
QUESTION = "How do I renew my passport?"
CHAT_BODY = '{"query":"How do I renew my passport?","collection_id":null,"session_id":null}'
STREAM_BODY = (
    '{"messages":[{"role":"user","content":"How do I renew my passport?"}],'
    '"stream":true,"stream_options":{"include_usage":true}}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A closed-loop load; the window is the stretch of it that counts, in Unix seconds.

    ``think_s`` is the range of a uniform pause between an answer and the next request. A client begins at
    once, has all users running by ``start_unix_s`` and goes on until it is interrupted, after ``end_unix_s``.
    """

    url: str
    users: int
    spawn_rate: float
    start_unix_s: float
    end_unix_s: float
    think_s: tuple[float, float] = (0.0, 0.0)
    stream: bool = False
    workers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a client says of the requests of the window; None where it does not say it.

    ``median_ms`` and its like are response times, of the first token where the load is streamed.
    """

    requests: int | None = None
    failures: int | None = None
    median_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    generator_lag_p99_ms: float | None = None


class Running(Protocol):
    """A client at work."""

    @property
    def pid(self) -> int:
        """The root of its process tree."""

    def report(self) -> Reported:
        """End it in order and read what it says."""

    def close(self) -> None:
        """Leave nothing behind; safe at any time."""


class Client(Protocol):
    """A load generator.

    Attributes:
        name: what the tables call it.
        figures: the figures that it can take part in; a load with think time needs one that can pause.
    """

    name: str
    figures: frozenset[str]

    def missing(self) -> str | None:
        """Why it cannot be used here; None when it can."""

    def version(self) -> str:
        """Its version."""

    def start(self, load: Load, folder: Path) -> Running:
        """Begin; ``folder`` is empty and its own."""
