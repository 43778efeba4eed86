"""The HTTP client of custom users, with the interface of Locust's clients and the clock of ours.

Builds requests, follows redirects, keeps cookies, and sees to it that every request is recorded exactly
once. What goes over a connection, and when, is ``lane.py``'s and ``connection.py``'s.
"""

from __future__ import annotations

import contextlib
import json as json_module
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gevent
from locust.exception import StopUser

from govbench.load.cookies import CookieJar
from govbench.load.exchange import Exchange, RequestFailed
from govbench.load.incoming import Incoming
from govbench.load.lane import Lane
from govbench.load.outgoing import (
    Outgoing,
    Place,
    basic_auth,
    body_of,
    checked_headers,
    place_of,
    redirected,
    with_params,
)
from govbench.load.recorder import Origin as SampleOrigin
from govbench.load.recorder import with_method
from govbench.load.response import Response
from govbench.load.transport import Origin
from govbench.results.plan import Deadlines
from govbench.results.run import Outcome
from govbench.results.samples import REDIRECT

if TYPE_CHECKING:
    from govbench.load.users import BenchUser

Timeout = float | tuple[float | None, float | None]

_ACCEPT_ENCODING = ("Accept-Encoding", "gzip, deflate")
# A user that woke from its wait together with the end of the run is ended within this time. Without it, it
# would be so in the middle of a request that it should not have begun.
_END_S = 0.001
_LIMIT_REACHED = "not sent: the limit of requests is reached"


@dataclass(slots=True)
class Call:
    """One call of the client: all requests that it takes carry its name."""

    method: str
    url: str
    name: str
    context: dict[str, Any]
    due_ns: int
    phase: int
    side: int
    deadlines: Deadlines
    is_caught: bool
    is_streamed: bool


class BenchClient:
    """Sends the requests of one user; one for each user, as its connections and cookies are."""

    def __init__(self, user: BenchUser) -> None:
        self.request_name: str | None = None
        self._user, self._engine = user, user.engine
        self._jars = [CookieJar(self._engine.clock.now_s) for _ in self._engine.plan.sides]
        self._defaults = [self._default_headers(side) for side in range(len(self._engine.plan.sides))]
        self._idle: dict[Origin, list[Lane]] = {}
        self._pending: dict[int, tuple[Response, gevent.Greenlet]] = {}
        self._refused = False

    def _default_headers(self, side: int) -> dict[str, tuple[str, str]]:
        configured = self._engine.plan.sides[side]
        own = (self._user.default_headers or {}).items()
        pairs = [("User-Agent", "govbench"), ("Accept", "*/*"), _ACCEPT_ENCODING]
        return checked_headers([*pairs, *configured.headers, *configured.secret_headers, *own])

    @property
    def cookies(self) -> CookieJar:
        """The cookies of this user with the target whose turn it is."""
        return self._jars[self._engine.side]

    cookiejar = cookies

    @property
    def base_url(self) -> str:
        """The target whose turn it is; paths are added to it."""
        return self._engine.plan.sides[self._engine.side].url.rstrip("/")

    @contextlib.contextmanager
    def rename_request(self, name: str) -> Iterator[None]:
        """Give all requests within the block one name."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    # The calls.

    def get(self, url: str, **options: Any) -> Response:
        """Send a GET request; see ``request``."""
        return self.request("GET", url, **options)

    def post(self, url: str, data: Any = None, json: Any = None, **options: Any) -> Response:
        """Send a POST request; see ``request``."""
        return self.request("POST", url, data=data, json=json, **options)

    def put(self, url: str, data: Any = None, **options: Any) -> Response:
        """Send a PUT request; see ``request``."""
        return self.request("PUT", url, data=data, **options)

    def patch(self, url: str, data: Any = None, **options: Any) -> Response:
        """Send a PATCH request; see ``request``."""
        return self.request("PATCH", url, data=data, **options)

    def delete(self, url: str, **options: Any) -> Response:
        """Send a DELETE request; see ``request``."""
        return self.request("DELETE", url, **options)

    def head(self, url: str, **options: Any) -> Response:
        """Send a HEAD request, which follows no redirect unless told to; see ``request``."""
        return self.request("HEAD", url, **{"allow_redirects": False, **options})

    def options(self, url: str, **options: Any) -> Response:
        """Send an OPTIONS request; see ``request``."""
        return self.request("OPTIONS", url, **options)

    def iter_lines(self, url: str, method: str = "GET", **options: Any) -> Iterator[str]:
        """Send a request and give the lines of its answer as they arrive."""
        response = self.request(method, url, stream=True, **options)
        if response.exchange.outcome is not Outcome.STREAM:  # its lines are there, whatever they say
            response.raise_for_status()
        yield from response.iter_lines()

    def request(
        self,
        method: str,
        url: str,
        name: str | None = None,
        data: Any = None,
        catch_response: bool = False,
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str | bytes, str | bytes] | None = None,
        json: Any = None,
        allow_redirects: bool = True,
        context: Mapping[str, Any] | None = None,
        *,
        params: Any = None,
        timeout: Timeout | None = None,
    ) -> Response:
        """Send a request and give its answer; whatever goes wrong on the way is told by the answer.

        Args:
            method: GET and the like.
            url: a path under the target, or a whole URL.
            name: what samples are called; the path without its query where none is given.
            data: the body: text, bytes, or a mapping or pairs that are sent as a form.
            catch_response: give a context manager; the request is recorded at the end of its block.
            stream: give the answer as soon as its head is there; its ``iter_*`` read on.
            headers: headers of this request, over those of the user and the target.
            auth: user and password of basic authentication.
            json: the body as a value, sent as JSON; only without ``data``.
            allow_redirects: follow redirects; each hop is recorded as an attempt of its own.
            context: handed to listeners of Locust's request event.
            params: what is added to the query of the URL.
            timeout: seconds from send to last byte instead of the run's, or (connect, total).

        Raises:
            ValueError: it cannot be sent as it is: a header with a line break, a URL that is none.
            StopUser: the limit of requests is reached.
        """
        self._settle_pending()
        place = place_of(self.base_url, with_params(url, params))
        given = list((headers or {}).items())
        if auth is not None:
            given.append(("Authorization", basic_auth(*auth)))
        if data is None and json is not None:
            data = json_module.dumps(json)
            given = [("Content-Type", "application/json"), ("Accept", "application/json"), *given]
        body, content_type = body_of(data)
        if content_type:
            given.insert(0, ("Content-Type", content_type))
        outgoing = Outgoing(method.upper(), place, checked_headers(given), body)
        call = self._call(outgoing, url, name, context, timeout, catch_response, stream)
        response = self._follow(outgoing, call, allow_redirects=allow_redirects)
        if not (catch_response or response.lane is not None):
            self.record(response)
        elif not response.is_recorded:
            self._pending[id(response)] = (response, gevent.getcurrent())
        return response

    def _call(
        self,
        outgoing: Outgoing,
        url: str,
        name: str | None,
        context: Mapping[str, Any] | None,
        timeout: Timeout | None,
        is_caught: bool,
        is_streamed: bool,
    ) -> Call:
        engine, user = self._engine, self._user
        due_ns, user.due_ns = user.due_ns, None
        return Call(
            method=outgoing.method,
            url=outgoing.place.url,
            name=name or self.request_name or url.partition("?")[0],
            context={**user.context(), **(context or {})},
            due_ns=due_ns or engine.clock.now_ns(),
            phase=engine.phase_index,
            side=engine.side,
            deadlines=self._deadlines(timeout),
            is_caught=is_caught,
            is_streamed=is_streamed,
        )

    def _deadlines(self, timeout: Timeout | None) -> Deadlines:
        run, user = self._engine.plan.deadlines, self._user
        connect_s, total_s = timeout if isinstance(timeout, tuple) else (None, timeout)
        connect_s = connect_s or user.connection_timeout
        total_s = total_s or user.network_timeout
        if connect_s is None and total_s is None:
            return run
        return Deadlines(connect_s=connect_s or run.connect_s, total_s=total_s or run.total_s)

    # One request after the other.

    def _follow(self, outgoing: Outgoing, call: Call, *, allow_redirects: bool) -> Response:
        """Send a request and those that its answer redirects to; the last answer."""
        seen = {(outgoing.method, outgoing.place.url, self._jars[call.side].version)}
        attempt = 0
        while True:
            response = self._send(outgoing, call, attempt)
            if not allow_redirects or response.error is not None:
                return response
            try:
                following = redirected(outgoing, response.status_code, response.headers.get("location"))
            except ValueError as error:
                return self._refuse(response, str(error))
            if following is None:
                return response
            step = (following.method, following.place.url, self._jars[call.side].version)
            if step in seen:
                return self._refuse(response, f"redirect loop at {following.place.target}")
            if attempt == self._user.max_redirects:
                return self._refuse(response, f"more than {attempt} redirects")
            seen.add(step)
            self._write(response)
            outgoing, attempt = following, attempt + 1

    def _refuse(self, response: Response, reason: str) -> Response:
        response.error = RequestFailed(Outcome.CHECK, reason)
        response.exchange.outcome = Outcome.CHECK
        return response

    def _send(self, outgoing: Outgoing, call: Call, attempt: int) -> Response:
        """Send one request; its answer, or that there is none."""
        engine = self._engine
        exchange = Exchange(engine.clock.now_ns() if attempt else call.due_ns)
        response = Response(self, call, exchange, attempt)
        response.url = outgoing.place.url
        if not self._may_send(response):
            return response
        data = self._bytes(outgoing, call)
        engine.recorder.begin()
        try:
            self._exchange(data, outgoing.place, response)
        except RequestFailed as failure:
            response.fail(failure)
        except BaseException as error:
            exchange.outcome = Outcome.CANCELLED
            self._write(response)
            if isinstance(error, OSError):  # no socket to be had: the generator's fault, never the target's
                engine.fail(error)
                raise StopUser from error
            raise
        return response

    def _may_send(self, response: Response) -> bool:
        """Whether the limit of requests leaves room; a user is told once, and at its end gets no answer.

        Raises:
            StopUser: it does not.
        """
        if self._engine.course.is_stopped:
            gevent.sleep(_END_S)
        if self._engine.has_room():
            return True
        if not self._refused:
            self._refused = True
            raise StopUser
        response.error, response.has_answer, response.is_recorded = StopUser(_LIMIT_REACHED), False, True
        return False

    def _bytes(self, outgoing: Outgoing, call: Call) -> bytes:
        place, jar = outgoing.place, self._jars[call.side]
        home = place_of(self._engine.plan.sides[call.side].url, "").origin
        headers = outgoing.headers
        if "cookie" not in headers:
            cookies = jar.header(place.origin.host, place.target, secure=place.origin.scheme == "https")
            if cookies:
                headers = {**headers, "cookie": ("Cookie", cookies)}
        # The target's own headers may be secrets: they go nowhere else.
        defaults = self._defaults[call.side] if place.origin == home else _ELSEWHERE
        if call.is_streamed and "accept-encoding" not in headers:
            defaults = {key: pair for key, pair in defaults.items() if key != "accept-encoding"}
        return outgoing.to_bytes({**defaults, **headers})

    def _exchange(self, data: bytes, place: Place, response: Response) -> None:
        exchange, call = response.exchange, response.call
        idle = self._idle.setdefault(place.origin, [])
        lane = (
            idle.pop() if idle else Lane(self._engine.network, place.origin, verify=not self._user.insecure)
        )
        if not call.is_streamed:
            lane.send(data, exchange, call.deadlines)
            idle.append(lane)
        else:
            self._open(lane, idle, data, response)
        if exchange.set_cookies:
            secure = place.origin.scheme == "https"
            jar = self._jars[call.side]
            jar.take(exchange.set_cookies, place.origin.host, place.target, secure=secure)
        response.take_answer()

    def _open(self, lane: Lane, idle: list[Lane], data: bytes, response: Response) -> None:
        """Read the head of an answer and leave a stream open; anything but a stream is read whole."""
        exchange = response.exchange
        incoming = Incoming(exchange)
        is_open = lane.open(data, exchange, response.call.deadlines, incoming.feed)
        if not 200 <= exchange.status < 300:
            while is_open:
                is_open = lane.advance()
        else:
            response.incoming = incoming
        if is_open:
            response.lane = lane
            return
        idle.append(lane)
        if response.incoming is not None:
            incoming.end()

    # What a response asks for.

    def advance(self, response: Response) -> bool:
        """Read on in a stream; false when it is over, in whatever way."""
        lane = response.lane
        if lane is None:
            return False
        assert response.incoming is not None
        try:
            if lane.advance():
                return True
            response.lane = None
            self._idle.setdefault(place_of("", response.url).origin, []).append(lane)
            response.incoming.end()
        except RequestFailed as failure:
            response.lane = None
            response.fail(failure)
        except BaseException:
            self.abandon(response)
            raise
        if not (response.call.is_caught or response.is_recorded):
            self.record(response)
        return False

    def abandon(self, response: Response) -> None:
        """Record a request that the user gives up; cancelled, where its answer was not whole."""
        if response.lane is not None:
            response.lane.close()
            response.lane = None
            response.exchange.outcome = Outcome.CANCELLED
            response.has_answer = False
        self.record(response)

    def record(self, response: Response) -> None:
        """Record a request that is over and tell Locust's listeners; a second time changes nothing."""
        self._pending.pop(id(response), None)
        if response.is_recorded:
            return
        response.settle()
        self._write(response)
        if response.exchange.outcome is not Outcome.CANCELLED:
            self._engine.fire(response.meta_for_event())

    def _write(self, response: Response) -> None:
        """Write the sample; a sample that cannot be written ends the run."""
        response.is_recorded = True
        engine, exchange, call = self._engine, response.exchange, response.call
        name = engine.recorder.name_index(with_method(call.method, response.request_meta["name"]))
        flags = REDIRECT if response.attempt else 0
        origin = SampleOrigin(
            self._user.number, name, 0, call.phase, call.side, response.attempt, flags=flags
        )
        if not exchange.last_byte_ns:
            exchange.last_byte_ns = engine.clock.now_ns()
        times_ns = response.incoming.times_ns if response.incoming is not None else None
        try:
            engine.recorder.finish(exchange, origin, None, times_ns)
        except OSError as error:
            engine.fail(error)
            raise StopUser from error
        engine.count_error(exchange, call.phase, call.side)

    def _settle_pending(self) -> None:
        """End what the last requests left open: streams nobody read, answers no block was put around."""
        if self._pending:
            me = gevent.getcurrent()
            for response, owner in list(self._pending.values()):
                if owner is me and not response.is_entered:
                    response.read()
                    self.record(response)

    def close(self) -> None:
        """Record what is open, and close all connections."""
        for response, _ in list(self._pending.values()):
            self.abandon(response)
        for lane in [lane for lanes in self._idle.values() for lane in lanes]:
            lane.close()
        self._idle.clear()


_ELSEWHERE = checked_headers([("User-Agent", "govbench"), ("Accept", "*/*"), _ACCEPT_ENCODING])
