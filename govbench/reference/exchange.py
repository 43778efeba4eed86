"""A request that is being answered: how far, and since when. Sends nothing, reads no clock."""

from __future__ import annotations

from govbench.reference.answers import closing, without_body
from govbench.reference.behaviour import Script, Step
from govbench.reference.connection import Request
from govbench.reference.truth import CUT, KERNEL_ARRIVAL, STREAM


class Exchange:
    """A request that is being answered."""

    __slots__ = (
        "arrival_ns",
        "event_ns",
        "events",
        "first_byte_ns",
        "first_token_ns",
        "flags",
        "is_counted",
        "keep_alive",
        "last_token_ns",
        "path",
        "position",
        "script",
        "sent_bytes",
    )

    def __init__(self, request: Request, script: Script, path: str, *, is_counted: bool) -> None:
        self.arrival_ns = request.arrival_ns
        self.keep_alive = request.keep_alive and not script.is_cut
        self.script, self.path, self.is_counted = script, path, is_counted
        self.flags = (
            (KERNEL_ARRIVAL if request.is_stamped else 0)
            | (STREAM if script.is_stream else 0)
            | (CUT if script.is_cut else 0)
        )
        self.position = self.sent_bytes = self.events = 0
        self.first_byte_ns = self.first_token_ns = self.last_token_ns = 0
        self.event_ns: list[int] = []

    def note(self, step: Step, now_ns: int) -> None:
        """Note that a step is sent now."""
        self.position += 1
        self.sent_bytes += len(step.data)
        if not self.first_byte_ns:
            self.first_byte_ns = now_ns
        if step.events:
            self.events += step.events
            self.last_token_ns = now_ns
            self.event_ns.append(now_ns)
            if not self.first_token_ns:
                self.first_token_ns = now_ns

    def is_sent(self) -> bool:
        """Whether every step was sent."""
        return self.position == len(self.script.steps)

    def adapt_head(self, *, with_body: bool) -> None:
        """Announce the end of the connection where it comes; a cut comes unannounced. HEAD has no body."""
        first, *rest = self.script.steps
        data = first.data
        if not (self.keep_alive or self.script.is_cut or b"\r\nConnection: close\r\n" in data):
            data = closing(data)
        if not with_body:
            data, rest = without_body(data), []
        self.script = self.script._replace(steps=(first._replace(data=data), *rest))
