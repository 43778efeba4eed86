"""The virtual users: what one asks, when, and how its answer is judged. Timing is ``connection.py``'s."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gevent
from locust import User, task

from govbench.load.connection import Connection
from govbench.load.exchange import Exchange, RequestFailed
from govbench.load.models import Pacer, pause_s
from govbench.load.recorder import Origin
from govbench.load.stream import EventStream
from govbench.results.answers import Answer
from govbench.results.plan import Pause, Scenario
from govbench.results.run import Outcome
from govbench.results.wire import Wire, WireRequest

if TYPE_CHECKING:
    from govbench.load.engine import Engine


class AnswerRejected(RequestFailed):
    """A whole answer came, but not a usable one; the connection is none the worse for it."""


_RETRIED = {Outcome.CONNECT, Outcome.RESET, Outcome.TIMEOUT, Outcome.HTTP_429, Outcome.HTTP_5XX}


@dataclass(slots=True, kw_only=True)
class Conversation:
    """What one user keeps about one side: its connection, its session, its sequence of questions."""

    wire: Wire
    asking: random.Random = field(default_factory=random.Random)
    thinking: random.Random = field(default_factory=random.Random)
    connection: Connection | None = None
    session_id: str | None = None
    turn: int = 0
    pair: int = -1


@dataclass(slots=True)
class _StreamReader:
    """Collects what the events of one streamed answer tell."""

    wire: Wire
    exchange: Exchange
    times_ns: list[int] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)
    done: bool = False

    def on_event(self, data: bytes, at_ns: int) -> None:
        """Note an event's arrival and content."""
        self.exchange.events += 1
        self.times_ns.append(at_ns)
        event = self.wire.stream_content(data)
        if event.content and not self.exchange.first_token_ns:
            self.exchange.first_token_ns = at_ns
        self.done = self.done or event.done
        for key in ("session_id", "input_tokens", "output_tokens"):
            value = getattr(event, key)
            if value is not None:
                self.answer[key] = value


class ApiUser(User):
    """A citizen: asks a question of the scenario, thinks, asks on; talks to the side whose turn it is."""

    abstract = True
    scenario: Scenario
    engine: Engine

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.number = self.engine.next_user_number()
        self.due_ns: int | None = None  # when the next request is due by a schedule; None: when it is ready
        self._pacer = Pacer()
        self._conversations = [Conversation(wire=wire) for wire in self.engine.wires]

    def wait_time(self) -> float:
        """Think time before the next question, in seconds; a paced user is due by the clock."""
        think = self.engine.phase.think_time or self.scenario.think_time
        rng = self._conversation().thinking
        if think.pause is not Pause.PACING:
            return pause_s(think, rng)
        now_ns = self.engine.clock.now_ns()
        self.due_ns = self._pacer.next_ns(think, now_ns, rng)
        return max(self.due_ns - now_ns, 0) / 1e9

    def on_stop(self) -> None:
        """Close the connections of a user that ends."""
        for conversation in self._conversations:
            self._drop_connection(conversation)

    @task
    def ask(self) -> None:
        """One turn: a question and its answer, tried again where the plan says so."""
        engine, side = self.engine, self.engine.side
        conversation = self._conversation()
        query = conversation.asking.choice(self.scenario.queries)
        for attempt in range(engine.plan.retries + 1):
            if not engine.may_send():
                return
            outcome = self._attempt(side, conversation, query.text, attempt)
            if outcome not in _RETRIED or attempt == engine.plan.retries:
                break
            gevent.sleep(engine.plan.retry_delay_s)
        conversation.turn += 1
        if conversation.turn >= self.scenario.turns:
            conversation.turn, conversation.session_id = 0, None

    def _conversation(self) -> Conversation:
        """The conversation with the side whose turn it is.

        Every pair of slices begins from the same seed on both sides, with a new session: both are asked the
        same questions in the same order, and which questions those are drops out of their ratio.
        """
        conversation = self._conversations[self.engine.side]
        if conversation.pair != self.engine.pair:
            conversation.pair = self.engine.pair
            seed = f"{self.engine.plan.seed}/{self.number}/{conversation.pair}"
            conversation.asking.seed(f"{seed}/asking")
            conversation.thinking.seed(f"{seed}/thinking")
            conversation.turn, conversation.session_id = 0, None
        return conversation

    def _attempt(self, side: int, conversation: Conversation, query: str, attempt: int) -> Outcome:
        """Send one request and record it, whatever becomes of it."""
        engine = self.engine
        request = conversation.wire.request(query, conversation.session_id, f"user-{self.number}")
        name = engine.recorder.name_index(request.name)
        origin = Origin(self.number, name, conversation.turn, engine.phase_index, side, attempt)
        exchange = Exchange(self.due_ns or engine.clock.now_ns())
        self.due_ns = None
        reader = _StreamReader(conversation.wire, exchange) if engine.plan.sides[side].stream else None
        answer = None
        engine.recorder.begin()
        try:
            self._send(side, conversation, request, exchange, reader)
            answer = self._judge(conversation.wire, exchange, reader)
        except RequestFailed as failure:
            exchange.outcome, exchange.error = failure.outcome, str(failure)
            if not isinstance(failure, AnswerRejected):
                self._drop_connection(conversation)
        except BaseException:
            exchange.outcome = Outcome.CANCELLED
            raise
        finally:
            if not exchange.last_byte_ns:
                exchange.last_byte_ns = engine.clock.now_ns()
            engine.recorder.finish(exchange, origin, answer, reader.times_ns if reader else None)
        if answer and answer.session_id and self.scenario.turns > 1:
            conversation.session_id = answer.session_id
        engine.report(request, exchange, answer, self)
        return exchange.outcome

    def _send(
        self,
        side: int,
        conversation: Conversation,
        request: WireRequest,
        exchange: Exchange,
        reader: _StreamReader | None,
    ) -> None:
        """Send a request on the conversation's connection, or on a new one, and read the answer."""
        deadlines, clock = self.engine.plan.deadlines, self.engine.clock
        connection = self._idle_connection(conversation)
        if connection is None:
            address, exchange.dns_ms = self.engine.address(side)
            connection = Connection(address, connect_s=deadlines.connect_s, clock=clock)
            conversation.connection = connection
            exchange.connect_ms, exchange.tls_ms = connection.connect_ms, connection.tls_ms
            self.engine.watch(connection)
        connection.deadline_ns = clock.now_ns() + int(deadlines.total_s * 1e9)
        on_data = EventStream(reader.on_event).feed if reader else None
        try:
            reusable = connection.exchange(self.engine.request_bytes(side, request), exchange, on_data)
        finally:
            connection.deadline_ns = None
        if not reusable:
            self._drop_connection(conversation)

    def _idle_connection(self, conversation: Conversation) -> Connection | None:
        """The connection of the last request, unless the server has closed it since."""
        if conversation.connection is not None and not conversation.connection.is_usable():
            self._drop_connection(conversation)
        return conversation.connection

    def _judge(self, wire: Wire, exchange: Exchange, reader: _StreamReader | None) -> Answer | None:
        status = exchange.status
        if not 200 <= status < 300:
            raise AnswerRejected(_outcome_of(status), f"HTTP {status}")
        if reader:
            if not reader.done:
                raise RequestFailed(Outcome.TRUNCATED, "the stream ended without its last event")
            return Answer(
                text=None,
                session_id=reader.answer.get("session_id"),
                input_tokens=reader.answer.get("input_tokens"),
                output_tokens=reader.answer.get("output_tokens"),
            )
        try:
            return wire.read_answer(exchange.body())
        except ValueError as error:
            raise AnswerRejected(Outcome.BAD_BODY, str(error)) from error

    def _drop_connection(self, conversation: Conversation) -> None:
        if conversation.connection is not None:
            self.engine.unwatch(conversation.connection)
            conversation.connection.close()
            conversation.connection = None


def _outcome_of(status: int) -> Outcome:
    if status == 429:
        return Outcome.HTTP_429
    if status >= 500:
        return Outcome.HTTP_5XX
    return Outcome.HTTP_4XX if status >= 400 else Outcome.CHECK
