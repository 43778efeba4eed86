"""The virtual users: what one asks, when, and how its answer is judged. Timing is ``connection.py``'s."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import gevent
from locust import User
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from govbench.errors import UsageError
from govbench.load.client import BenchClient
from govbench.load.cookies import CookieJar
from govbench.load.exchange import Exchange, RequestFailed
from govbench.load.judge import outcome_of
from govbench.load.lane import Lane
from govbench.load.models import Pacer, Pairing, pause_s
from govbench.load.recorder import Origin
from govbench.load.rest import RestMethods
from govbench.load.stream import KnownPiece
from govbench.load.transport import origin_of
from govbench.results.answers import PIECE, Answer, StreamEvent
from govbench.results.events import EventStream
from govbench.results.failures import ReportedFailure
from govbench.results.plan import BASE, HEAD, Pause, Query, Scenario, served_by
from govbench.results.run import Outcome
from govbench.results.samples import LAST_TURN, NO_SESSION, RETRY, Kind
from govbench.results.wire import Wire, WireRequest

if TYPE_CHECKING:
    from govbench.load.engine import Engine

_PACING = Pause.PACING  # to reach into an enumeration costs as much as a call
_COUNTS = ("input_tokens", "output_tokens", "cached_tokens")
_RETRIED = {Outcome.CONNECT, Outcome.RESET, Outcome.TIMEOUT, Outcome.HTTP_429, Outcome.HTTP_5XX}


class BenchUser(RestMethods, User):
    """A user of your own: write ``@task`` methods that call ``self.client``, as for Locust's FastHttpUser.

    The target of the run is its ``host``, whatever the class says. ``connection_timeout`` and
    ``network_timeout`` (seconds) stand in for the deadlines of the run where they are set.
    """

    abstract = True
    engine: Engine  # the run that this user is part of
    insecure: bool = False
    connection_timeout: float | None = None
    network_timeout: float | None = None
    max_redirects: int = 30
    default_headers: dict[str, str] | None = None

    def __init__(self, environment: Any) -> None:
        if getattr(self, "engine", None) is None:
            raise UsageError(
                f"{type(self).__name__} is part of no load", hint="give its file to govbench run --test-file"
            )
        super().__init__(environment)
        self.number = self.engine.next_user_number()
        self.due_ns: int | None = None  # when the next request is due by a schedule; None: when it is ready
        self.is_called = False  # an arrival of an open loop: one task, and no pause of its own

    @cached_property
    def client(self) -> BenchClient:
        """The HTTP client of this user: its connections, its cookies."""
        return BenchClient(self)

    def run(self) -> None:  # type: ignore[misc] # final, but only here does a user end in every way
        """Live, and leave no connection behind, whatever ``on_stop`` of a subclass does."""
        try:
            super().run()  # type: ignore[no-untyped-call]
        finally:
            self.release()

    def release(self) -> None:
        """Close all connections."""
        if "client" in self.__dict__:
            self.client.close()


@dataclass(slots=True, kw_only=True)
class Conversation:
    """What one user keeps about one side: its connection, its session, its sequence of questions."""

    wire: Wire
    host: str
    secure: bool
    lane: Lane
    asking: random.Random = field(default_factory=random.Random)
    thinking: random.Random = field(default_factory=random.Random)
    jar: CookieJar = field(default_factory=CookieJar)
    session_id: str | None = None
    session: int = NO_SESSION
    turn: int = 0
    pair: int = -1
    is_streamed: bool = False

    def begin_session(self) -> None:
        """Whatever is asked next belongs to a new session."""
        self.turn, self.session_id, self.session = 0, None, NO_SESSION


class _StreamReader:
    """Collects what the events of one streamed answer tell."""

    __slots__ = ("_exchange", "_known", "_last", "_read", "answer", "done", "times_ns")

    def __init__(self, wire: Wire, exchange: Exchange) -> None:
        self.times_ns: list[int] = []
        self.answer: dict[str, Any] = {}
        self.done = False
        self._exchange = exchange
        self._read = wire.stream_content
        self._last: StreamEvent | None = None
        self._known = KnownPiece()

    def on_event(self, data: bytes, at_ns: int, name: bytes) -> None:
        """Note an event's arrival and content.

        Raises:
            RequestFailed: it says that the answer failed.
            ValueError: it is not of the API's shape.
        """
        self.times_ns.append(at_ns)
        if not name and self._known.says_the_same(data):
            return
        try:
            event = self._read(data, name)
        except ReportedFailure as failure:
            raise RequestFailed(Outcome.STREAM, str(failure)) from failure
        if event is not self._last:  # most are one and the same: a piece of the answer, nothing else
            self._last = event
            self._note(event, at_ns)
        if event is PIECE and not name:
            self._known.learn(data)

    def _note(self, event: StreamEvent, at_ns: int) -> None:
        if event.content and not self._exchange.first_token_ns:
            self._exchange.first_token_ns = at_ns
        if event.is_answer and not self._exchange.first_answer_ns:
            self._exchange.first_answer_ns = at_ns
        if event.done:
            self.done = True
        if event.session_id is not None:
            self.answer["session_id"] = event.session_id
        for name in _COUNTS:
            count = getattr(event, name)
            if count is not None:
                self.answer[name] = count


def _ask_on(user: GovStackUser) -> None:
    """Ask and think until the end: going through Locust's own loop each time costs half a request."""
    while user.engine.may_send():
        if user.engine.phase.paired:
            user.ask_pair()
        else:
            user.ask()
        if user.is_called or user._state == LOCUST_STATE_STOPPING:  # noqa: SLF001 - as Locust's loop does
            return
        pause = user.wait_time()
        if pause > 0:
            user.wait_for(pause)


class GovStackUser(BenchUser):
    """A citizen: asks a question of the scenario, thinks, asks on; talks to the side whose turn it is.

    A subclass without tasks of its own does just this; tasks of a subclass call ``ask`` as they like.
    """

    abstract = True
    scenario: Scenario

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.tasks = [task for task in cls.tasks if task is not _ask_on] or [_ask_on]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        plan = self.engine.plan
        if not hasattr(self, "scenario"):
            weights = [scenario.weight for scenario in plan.scenarios]
            pick = random.Random(f"{plan.seed}/{self.number}/scenario")
            self.scenario = pick.choices(plan.scenarios, weights)[0]
        self._id = f"user-{self.number}"
        self._turns = self.scenario.turns
        self._kinds: dict[str | None, int] = {}
        self._pacer = Pacer()
        self._pairing = Pairing(plan.seed, self.number, self.engine.controls)
        self._conversations = [self._begun(side) for side in range(len(plan.sides))]
        self._asides: list[Conversation] = []
        if plan.is_paired:
            self._set_controls_apart()

    def _set_controls_apart(self) -> None:
        """Let pairs of control advance neither conversation, and use the connection of the side they ask.

        Base and head are then at the same turn whenever both are asked, each over one connection.
        """
        lanes = [self._conversations[side].lane for side in (BASE, HEAD)]
        self._asides = [self._begun(side, lanes[side]) for side in (BASE, HEAD)]
        for side, lane in enumerate(lanes):
            for control in served_by(side)[1:]:
                self._conversations[control].lane = lane

    def _begun(self, side: int, lane: Lane | None = None) -> Conversation:
        origin = origin_of(urlsplit(self.engine.plan.sides[side].url))
        return Conversation(
            wire=self.engine.wires[side],
            host=origin.host,
            secure=origin.scheme == "https",
            is_streamed=self.engine.plan.sides[side].stream,
            lane=lane or Lane(self.engine.network, origin),
        )

    def wait_time(self) -> float:
        """Think time before the next question, in seconds; a paced user is due by the clock."""
        think = self.engine.phase.think_time or self.scenario.think_time
        rng = self._conversation().thinking
        if think.pause is not _PACING:
            return pause_s(think, rng)
        now_ns = self.engine.clock.now_ns()
        self.due_ns = self._pacer.next_ns(think, now_ns, rng)
        return max(self.due_ns - now_ns, 0) / 1e9

    def wait_for(self, seconds: float) -> None:
        """Pause; whoever ends this user meanwhile ends it at once, for it has nothing under way."""
        self._state = LOCUST_STATE_WAITING
        gevent.sleep(seconds)
        self._state = LOCUST_STATE_RUNNING

    def release(self) -> None:
        """Close all connections."""
        super().release()
        for conversation in self._conversations:
            conversation.lane.close()

    def ask(self, query: str | None = None) -> Answer | None:
        """One turn: a question and its answer, tried again where the plan says so; None where it failed.

        Without ``query`` the scenario gives it.
        """
        conversation = self._conversation()
        if query is None:
            question = self._next_query(conversation)
            return self._ask(self.engine.side, conversation, question.text, question.category)
        return self._ask(self.engine.side, conversation, query)

    def ask_pair(self) -> None:
        """Ask two sides the same question, one right after the other (``Phase.paired``)."""
        query = self._next_query(self._conversation())
        sides = self._pairing.next_sides()
        is_control = max(sides) > HEAD
        for side in sides:
            aside = is_control and side <= HEAD
            conversation = self._asides[side] if aside else self._conversations[side]
            self._ask(side, conversation, query.text, query.category)

    def _next_query(self, conversation: Conversation) -> Query:
        queries = self.scenario.queries
        return queries[int(conversation.asking.random() * len(queries))]

    def _ask(
        self, side: int, conversation: Conversation, query: str, category: str | None = None
    ) -> Answer | None:
        engine = self.engine
        answer = None
        kind = self._kinds.get(category)
        if kind is None:
            kind = self._kinds[category] = engine.recorder.kind_index(Kind(self.scenario.name, category))
        if conversation.session == NO_SESSION:
            conversation.session = engine.next_session_number()
        for attempt in range(engine.plan.retries + 1):
            if not engine.may_send():
                return None
            try:
                outcome, answer = self._attempt(side, conversation, query, attempt, kind)
            except OSError as error:  # no socket or no disk: the generator's own fault
                engine.fail(error)
                raise StopUser from error
            if outcome not in _RETRIED or attempt == engine.plan.retries:
                break
            gevent.sleep(engine.plan.retry_delay_s)
        conversation.turn += 1
        if conversation.turn >= self.scenario.turns:
            conversation.begin_session()
        return answer

    def _conversation(self) -> Conversation:
        """The conversation with the side whose turn it is.

        Every pair of slices begins from the same seed on both sides, with a new session: both are asked the
        same questions in the same order, and which questions those are drops out of their ratio.
        """
        engine = self.engine
        conversation = self._conversations[engine.side]
        if conversation.pair != engine.pair:
            conversation.pair = engine.pair
            seed = f"{engine.plan.seed}/{self.number}/{conversation.pair}"
            conversation.asking.seed(f"{seed}/asking")
            conversation.thinking.seed(f"{seed}/thinking")
            conversation.begin_session()
        return conversation

    def _attempt(
        self, side: int, conversation: Conversation, query: str, attempt: int, kind: int
    ) -> tuple[Outcome, Answer | None]:
        """Send one request and record it, whatever becomes of it."""
        engine = self.engine
        request = conversation.wire.request(query, conversation.session_id, self._id)
        name, turn = engine.recorder.name_index(request.name), conversation.turn
        flags = (RETRY if attempt else 0) | (LAST_TURN if turn + 1 >= self._turns else 0)
        origin = Origin(
            self.number, name, turn, engine.phase_index, side, attempt, conversation.session, kind, flags
        )
        exchange = Exchange(self.due_ns or engine.clock.now_ns())
        self.due_ns = None
        reader = _StreamReader(conversation.wire, exchange) if conversation.is_streamed else None
        answer = None
        engine.recorder.begin()
        try:
            self._send(side, conversation, request, exchange, reader)
            answer = _judge(conversation.wire, exchange, reader)
        except RequestFailed as failure:
            exchange.outcome, exchange.error = failure.outcome, str(failure)
        except BaseException:
            exchange.outcome = Outcome.CANCELLED
            raise
        finally:
            if not exchange.last_byte_ns:
                exchange.last_byte_ns = engine.clock.now_ns()
            if reader is None:
                engine.recorder.finish(exchange, origin, answer)
            else:
                exchange.events = len(reader.times_ns)
                engine.recorder.finish(exchange, origin, answer, reader.times_ns)
        if answer and answer.session_id and self.scenario.turns > 1:
            conversation.session_id = answer.session_id
        engine.report(request, exchange, origin, answer)
        return exchange.outcome, answer

    def _send(
        self,
        side: int,
        conversation: Conversation,
        request: WireRequest,
        exchange: Exchange,
        reader: _StreamReader | None,
    ) -> None:
        """Send a request with the user's cookies and read the answer."""
        engine, extra = self.engine, b""
        host, secure = conversation.host, conversation.secure
        if conversation.jar and (cookies := conversation.jar.header(host, request.path, secure=secure)):
            extra = f"Cookie: {cookies}\r\n".encode()
        data = engine.request_bytes(side, request, extra)
        if reader is None:
            conversation.lane.send(data, exchange, engine.plan.deadlines)
        else:
            engine.gathering.stream_begins()
            try:
                events = EventStream(reader.on_event)
                conversation.lane.send(data, exchange, engine.plan.deadlines, events.feed)
                events.end(exchange.last_byte_ns)
            finally:
                engine.gathering.stream_ends(reader.times_ns)
        if exchange.set_cookies:
            conversation.jar.take(exchange.set_cookies, host, request.path, secure=secure)


def _judge(wire: Wire, exchange: Exchange, reader: _StreamReader | None) -> Answer | None:
    status = exchange.status
    if not 200 <= status < 300:
        raise RequestFailed(outcome_of(status), f"HTTP {status}")
    if reader:
        if not reader.done and wire.has_end_mark:
            raise RequestFailed(Outcome.TRUNCATED, "the stream ended without its last event")
        if not reader.done and not exchange.first_token_ns:
            raise RequestFailed(Outcome.BAD_BODY, "the answer is no stream of events with content")
        return Answer(
            text=None,
            session_id=reader.answer.get("session_id"),
            input_tokens=reader.answer.get("input_tokens"),
            output_tokens=reader.answer.get("output_tokens"),
            cached_tokens=reader.answer.get("cached_tokens"),
        )
    try:
        return wire.read_answer(exchange.body())
    except ReportedFailure as failure:
        raise RequestFailed(Outcome.STREAM, str(failure)) from failure
    except ValueError as error:
        raise RequestFailed(Outcome.BAD_BODY, str(error)) from error
