"""Records the requests of clients that are not ours, from Locust's request event. Sends nothing.

So Locust's own HttpUser and FastHttpUser, and any client that fires the event, count like the others; their
times are those of their clients, and their samples are marked ``clock: user``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import gevent
from locust import User
from locust.exception import StopUser

from govbench.load.exchange import Exchange
from govbench.load.judge import outcome_of_foreign
from govbench.load.recorder import Origin, with_method

if TYPE_CHECKING:
    from govbench.load.engine import Engine


# How far a client's account may lie after and before the latest instant at which the request can have begun.
_TOLERANCE_NS, _LONGEST_NS = 5_000_000, 60 * 1_000_000_000


class ForeignRequests:
    """A listener of the request event, to be added before all others."""

    def __init__(self, engine: Engine, environment: Any) -> None:
        self._engine = engine
        self._is_ours = False
        self._numbers: WeakKeyDictionary[User, int] = WeakKeyDictionary()
        environment.events.request._handlers.insert(0, self._heard)  # noqa: SLF001 - others may wait

    def expect_ours(self) -> None:
        """The event that is fired next is of a request that is recorded already."""
        self._is_ours = True

    def _heard(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int | None,
        exception: Exception | None = None,
        response: Any = None,
        start_time: float | None = None,
        **_: object,
    ) -> None:
        if self._is_ours:
            self._is_ours = False
            return
        engine = self._engine
        exchange = Exchange(0)
        took_ns = int(max(response_time or 0.0, 0.0) * 1e6)
        exchange.send_ns = _begin_ns(start_time, engine.clock.now_ns() - took_ns)
        exchange.last_byte_ns = exchange.send_ns + took_ns
        status = getattr(response, "status_code", 0) or 0
        exchange.status = status if isinstance(status, int) else 0
        exchange.response_bytes = int(response_length or 0)
        exchange.outcome = outcome_of_foreign(exception, exchange.status)
        exchange.error = str(exception) if exception else None
        user = _current_user()
        due_ns = getattr(user, "due_ns", None)
        if user is not None and due_ns is not None:
            user.due_ns = None
        exchange.due_ns = due_ns or exchange.send_ns
        self._record(exchange, with_method(request_type, name), user)

    def _record(self, exchange: Exchange, name: str, user: Any) -> None:
        engine = self._engine
        recorder = engine.recorder
        index = recorder.name_index(name)
        try:
            recorder.begin()
            origin = Origin(self._number(user), index, 0, engine.phase_index, engine.side, 0)
            recorder.finish(exchange, origin, None)
        except OSError as error:  # an event's listener that fails is only logged
            engine.fail(error)
            raise StopUser from error
        engine.count_error(exchange, origin.phase, origin.side)
        engine.has_room()

    def _number(self, user: Any) -> int:
        if user is None:
            return 0
        number = getattr(user, "number", None)
        if isinstance(number, int):
            return number
        if user not in self._numbers:
            self._numbers[user] = self._engine.next_user_number()
        return self._numbers[user]


def _begin_ns(start_time: float | None, latest_ns: int) -> int:
    """When a request began, by what its client says; not where its clock was stepped meanwhile."""
    if start_time is None:
        return latest_ns
    told_ns = int(start_time * 1e9)
    return told_ns if 0 <= latest_ns - told_ns + _TOLERANCE_NS < _LONGEST_NS else latest_ns


def _current_user() -> Any:
    """The user whose greenlet this is; None where it is nobody's."""
    current = gevent.getcurrent()
    given = getattr(current, "args", ())
    if given and isinstance(given[0], User):
        return given[0]
    return getattr(current, "user", None)  # a caller of the open loop
