"""Runs a plan, or a worker's share of it, with Locust as a library: users and arrivals, then an orderly end.

What a user does stands in ``users.py``, when what begins in ``course.py``; nothing is computed from the
samples here.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gevent
from locust import User
from locust.env import Environment
from locust.runners import LocalRunner

from govbench.errors import in_words
from govbench.files import naming
from govbench.load.clock import Clock
from govbench.load.course import Course, Emit
from govbench.load.custom import custom_classes, hand_over_listeners, place_in
from govbench.load.exchange import Exchange, told
from govbench.load.foreign import ForeignRequests
from govbench.load.gathering import Gathering
from govbench.load.lane import Network
from govbench.load.models import Controls
from govbench.load.open_loop import OpenLoop
from govbench.load.recorder import Origin, Recorder
from govbench.load.users import GovStackUser
from govbench.results.answers import Answer
from govbench.results.plan import Plan, Scenario, Side
from govbench.results.plan_json import share_of
from govbench.results.redact import anonymised, excerpt, secrets_in
from govbench.results.run import Outcome
from govbench.results.wire import Wire, WireRequest

WATCHDOG_S = 0.05
TICK_S = 0.5
MAX_ERROR_KINDS = 20
MAX_EXAMPLES = 200
MAX_SAVED_CHARS = 2_000

_BODILESS = {"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"}  # without a body these name no length

_OK = Outcome.OK  # to reach into an enumeration costs as much as a call

logger = logging.getLogger(__name__)


class Engine:
    """One execution of a plan; the users ask it where and whether to send.

    ``part`` of ``parts`` is the share of the load that this process carries; ``clock`` is then the master's.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        emit: Emit,
        *,
        clock: Clock | None = None,
        part: int = 0,
        parts: int = 1,
    ) -> None:
        self.plan = share_of(plan, part, parts)
        self.clock = clock or Clock()
        self.network = Network(self.clock)
        self._kinds = user_classes(self.plan, self)
        self.course = Course(self.plan, self.clock, self, emit)
        self.recorder = Recorder(folder)
        self.wires = [Wire(side) for side in plan.sides]
        self.controls = Controls(plan.seed, part)
        self.phase_index = 0
        self.phase = plan.phases[0]
        self.side = 0
        self.pair = 0
        self._folder = folder
        self._secrets = secrets_in(header for side in plan.sides for header in side.secret_headers)
        self._emit = emit
        self._part, self._parts = part, parts
        self._users = self._sessions = 0
        self._header_blocks: list[bytes | None] = [None] * len(plan.sides)
        self._request_heads: list[tuple[str, str, bytes] | None] = [None] * len(plan.sides)
        self._errors: Counter[tuple[Outcome, str]] = Counter()
        self._examples: dict[tuple[int, int, Outcome, int], str] = {}
        self._user_errors: Counter[str] = Counter()
        self._request_event: Any = None
        self._foreign: ForeignRequests | None = None
        self._saved = 0
        self._has_no_limit = self.plan.max_requests is None
        self._open_loop: OpenLoop
        self._runner: Any = None
        self.gathering = Gathering()
        self._background: list[gevent.Greenlet] = []
        self.limited = False
        self.failure: str | None = None

    # What the users ask.

    def next_user_number(self) -> int:
        """A number for a new user, from 0, that no other worker gives."""
        self._users += 1
        return (self._users - 1) * self._parts + self._part

    def next_session_number(self) -> int:
        """A number for a new session, from 0, that no other worker gives."""
        self._sessions += 1
        return (self._sessions - 1) * self._parts + self._part

    def may_send(self) -> bool:
        """Whether one more request is allowed; ends the run where the limit of requests is reached."""
        return not self.course.is_stopped and (self._has_no_limit or self.has_room())

    def has_room(self) -> bool:
        """Whether the limit of requests leaves room for one more; ends the run where it does not."""
        limit = self.plan.max_requests
        if limit is None or self.recorder.sent < limit:
            return True
        self.limited = True
        self.stop()
        return False

    def request_bytes(self, side: int, request: WireRequest, extra: bytes = b"") -> bytes:
        """A request as it goes over the wire: its head, ``extra`` lines in it, in one piece with its body."""
        method, path, _, body, _ = request
        last = self._request_heads[side]
        if last is None or last[0] != method or last[1] != path:  # nearly all requests have the same head
            last = self._request_heads[side] = (method, path, self._request_head(side, request))
        if body is None:
            length = b"" if method in _BODILESS else b"Content-Length: 0\r\n"
            return b"%b%b%b\r\n" % (last[2], extra, length)
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (last[2], extra, len(body), body)

    def _request_head(self, side: int, request: WireRequest) -> bytes:
        """The first line of a request, and the header lines that all requests of its side share."""
        block = self._header_blocks[side]
        if block is None:
            block = self._header_blocks[side] = _header_block(self.plan.sides[side], request)
        return f"{request.method} {request.path} HTTP/1.1\r\n".encode("latin-1") + block

    def report(self, request: WireRequest, exchange: Exchange, origin: Origin, answer: Answer | None) -> None:
        """Tell Locust's listeners of a finished request, and keep what the run's report needs of it."""
        failure = None
        if exchange.outcome is not _OK:
            failure = exchange.error or exchange.outcome.value
            self.count_error(exchange, origin.phase, origin.side)
        elif answer is not None and answer.text and self._saved < self.plan.save_responses:
            self._save(answer.text)
        if self._foreign is not None:
            self._foreign.expect_ours()
        if not self._request_event._handlers:  # noqa: SLF001 - the event has no public way to tell
            return
        self._request_event.fire(
            request_type=request.method,
            name=request.name,
            response_time=(exchange.last_byte_ns - exchange.due_ns) / 1e6,
            response_length=exchange.response_bytes,
            response=None,
            context={},
            exception=RuntimeError(failure) if failure else None,
            start_time=exchange.due_ns / 1e9,
            url=request.path,
        )

    def fire(self, meta: Mapping[str, Any]) -> None:
        """Tell Locust's listeners of a request that is recorded."""
        if self._foreign is not None:
            self._foreign.expect_ours()
        self._request_event.fire(**meta)

    def count_error(self, exchange: Exchange, phase: int, side: int) -> None:
        """Count a failed request under what was wrong with it; of the first of a kind, keep what it says."""
        if exchange.outcome in (Outcome.OK, Outcome.CANCELLED):
            return
        key = (exchange.outcome, exchange.error or exchange.outcome.value)
        if key in self._errors or len(self._errors) < MAX_ERROR_KINDS:
            self._errors[key] += 1
        kind = (phase, side, exchange.outcome, exchange.status)
        if kind not in self._examples and len(self._examples) < MAX_EXAMPLES:
            self._examples[kind] = self._shown(told(exchange))

    def fail(self, error: Exception) -> None:
        """End the run: the generator itself is at fault."""
        self.failure = self.failure or f"{type(error).__name__}: {in_words(error)}"
        self.stop()

    def _save(self, text: str) -> None:
        self._saved += 1
        path = self._folder / "responses.txt"
        with naming(path), path.open("a", encoding="utf-8") as file:
            file.write(f"--- {self._saved}\n{anonymised(text, self._secrets, chars=MAX_SAVED_CHARS)}\n")

    # The course of the run.

    def stop(self) -> None:
        """End the run in order: no new requests, those under way may finish within the stop timeout."""
        self.course.stop()

    def run(self) -> bool:
        """Execute the plan; true when it ran to its end.

        Raises:
            OSError: a sample could not be written; the run ends at once.
        """
        environment: Any = Environment()
        self.equip(environment)
        self.lead(environment.create_local_runner())
        completed = False
        try:
            completed = self.course.run(self.clock.now_ns())
            completed = completed or self.limited  # a limit that was set is an end that was planned
        finally:
            self.close()
        self._emit_done(completed=completed)
        if self.failure:
            raise OSError(self.failure)
        return completed

    def equip(self, environment: Any) -> None:
        """Give Locust's environment the plan's kinds of users."""
        environment.user_classes = self._kinds
        environment.stop_timeout = self.plan.stop_timeout_s
        environment.events.user_error.add_listener(self._on_user_error)
        self._request_event = environment.events.request
        if self.plan.test_file is not None:
            self._foreign = ForeignRequests(self, environment)
            hand_over_listeners(environment)
        self._open_loop = OpenLoop(
            self, environment.user_classes, environment, part=self._part, parts=self._parts
        )

    def lead(self, runner: Any) -> None:
        """Take over a runner; it is stopped at the end."""
        self._runner = runner
        if self.plan.test_file is None:
            self._drop_table()
        if self.plan.test_file is not None:
            runner.environment.events.init.fire(environment=runner.environment, runner=runner, web_ui=None)
        self._background = [gevent.spawn(self._watch_deadlines), gevent.spawn(self._tick)]

    def _drop_table(self) -> None:
        """Take Locust's own table off the request event: nobody here reads it, and it costs 4 µs."""
        handlers = self._request_event._handlers  # noqa: SLF001 - Locust keeps no other hold of its listener
        for handler in [each for each in handlers if each.__module__ == "locust.runners"]:
            self._request_event.remove_listener(handler)

    def close(self) -> None:
        """End all users and arrivals in order, and the file of samples with them."""
        self.stop()
        self._emit({"event": "stopping", "at_s": self.clock.now_s()})
        closing = gevent.spawn(self._open_loop.close, self.plan.stop_timeout_s)
        self._runner.stop()
        self._tell_dropped(closing.get())
        if isinstance(self._runner, LocalRunner):
            self._runner.quit()
        gevent.killall(self._background)
        self.gathering.close()
        self.recorder.close()

    def begin_phase(self, index: int, start_ns: int) -> None:
        """Let users or arrivals come, as the phase says; those of the phase before go."""
        self.phase_index, self.phase = index, self.plan.phases[index]
        phase = self.phase
        self.gathering.may_pause = phase.arrivals is None
        self.network.acks_at_once = phase.paired
        if isinstance(self._runner, LocalRunner):  # otherwise the master says how many users there are
            users = phase.users or 0
            if users or self._runner.user_count:
                self._runner.start(users, spawn_rate=phase.spawn_rate)
        if phase.arrivals is not None:
            self._open_loop.begin(start_ns)

    def turn_to(self, side: int, pair: int) -> None:
        """From now on all requests go to ``side``."""
        self.side, self.pair = side, pair

    def end_phase(self, index: int) -> None:
        """End the arrivals of a phase; its users stay for the next."""
        del index
        self._tell_dropped(self._open_loop.end())

    def _tell_dropped(self, by_side: Mapping[int, tuple[int, int]]) -> None:
        for side, (count, steady) in by_side.items():
            self._emit(
                {
                    "event": "dropped",
                    "index": self.phase_index,
                    "side": side,
                    "count": count,
                    "steady": steady,
                }
            )

    def _watch_deadlines(self) -> None:
        while True:
            gevent.sleep(WATCHDOG_S)
            self.network.end_late()

    def _tick(self) -> None:
        while True:
            gevent.sleep(TICK_S)
            finished = self.recorder.finished
            failed = self.recorder.ended - finished[Outcome.OK] - finished[Outcome.CANCELLED]
            self._emit(
                {
                    "event": "tick",
                    "at_s": self.clock.now_s(),
                    "users": self.user_count,
                    "sent": self.recorder.sent,
                    "ok": finished[Outcome.OK],
                    "failed": failed,
                    "dropped": self.recorder.dropped,
                }
            )

    @property
    def user_count(self) -> int:
        """Users that there are, and arrivals that are being answered."""
        count: int = self._runner.user_count + self._open_loop.busy
        return count

    def _on_user_error(self, user_instance: User, exception: Exception, tb: object) -> None:  # noqa: ARG002
        """A fault in the generator itself is never just logged: the run is over.

        An exception in a custom user ends its task, as in Locust; it is counted and told.
        """
        if self.plan.test_file is None:
            self.fail(exception)
            return
        text = f"{type(exception).__name__}: {exception} ({place_in(self.plan.test_file, exception)})"
        if text in self._user_errors or len(self._user_errors) < MAX_ERROR_KINDS:
            self._user_errors[text] += 1

    def _shown(self, message: str) -> str:
        """A message, which may hold what the target answered, without the secrets sent to it."""
        return excerpt(message, self._secrets)

    def _emit_done(self, *, completed: bool) -> None:
        self._emit(
            {
                "event": "done",
                "completed": completed,
                "limited": self.limited,
                "at_s": self.clock.now_s(),
                "failure": self.failure,
                "errors": self.errors(),
                "examples": self.examples(),
                "user_errors": self.user_errors(),
            }
        )

    def errors(self) -> list[dict[str, object]]:
        """The kinds of failures and how often each came, the most frequent first."""
        return [
            {"outcome": outcome.value, "message": self._shown(message), "count": count}
            for (outcome, message), count in self._errors.most_common()
        ]

    def examples(self) -> list[dict[str, object]]:
        """What was wrong with the first request of each kind of failure, by phase, side, outcome, status."""
        return [
            {"index": phase, "side": side, "outcome": outcome.value, "status": status, "message": message}
            for (phase, side, outcome, status), message in self._examples.items()
        ]

    def user_errors(self) -> list[dict[str, object]]:
        """The kinds of exceptions of custom users and how often each came, the most frequent first."""
        return [
            {"message": self._shown(text), "count": count} for text, count in self._user_errors.most_common()
        ]


def user_classes(plan: Plan, engine: Engine | None) -> list[type[User]]:
    """The plan's kinds of users; without an engine they only have names and weights, for a master.

    Raises:
        LoadError: the test file cannot be used.
    """
    if plan.test_file is not None:
        return custom_classes(plan, engine)
    return [_user_class(index, each, plan, engine) for index, each in enumerate(plan.scenarios)]


def _user_class(index: int, scenario: Scenario, plan: Plan, engine: Engine | None) -> type[User]:
    fields: dict[str, Any] = {
        "abstract": False,
        "weight": scenario.weight,
        "scenario": scenario,
        "engine": engine,
        "host": plan.sides[0].url,
    }
    return type(f"Scenario{index}", (GovStackUser,), fields)


def _header_block(side: Side, request: WireRequest) -> bytes:
    """The header lines that all requests of a side share."""
    headers = list(request.headers)
    if not any(name.lower() == "host" for name, _ in headers):
        headers.insert(0, ("Host", urlsplit(side.url).netloc.rpartition("@")[2]))
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1")
