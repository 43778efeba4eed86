"""The quick check: is the stack there, and does one real request get an answer of the API's shape.

Sends the very request that the load sends, once; measures nothing that a verdict rests on.
"""

from __future__ import annotations

import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpx

from govbench.results.answers import LARGEST_BODY, MAX_BODY_BYTES, Answer, StreamEvent
from govbench.results.events import EventStream
from govbench.results.failures import ReportedFailure
from govbench.results.plan import Api, Deadlines, Side
from govbench.results.redact import excerpt, secrets_in
from govbench.results.wire import Wire, WireRequest
from govbench.stack.health import BUSY, Finding, describe_failure, hint_for, look_once

USER_ID: Final = "quick-check"
_SHORTEST_LOOK_S: Final = 1.0
_API_HINT: Final = "is api right (option --api)?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at: whether it works, what was seen, and what to change if it does not.

    ``lasting``: asking again does not mend it, so every request of a load would fail in the same way.
    ``elapsed_ms`` is what the answer took, where there was one.
    """

    name: str
    ok: bool
    detail: str
    hint: str | None = None
    lasting: bool = False
    elapsed_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """What came back for the one request."""

    status: int
    headers: httpx.Headers
    body: bytes
    elapsed_ms: float
    first_event_ms: float | None = None
    events: tuple[tuple[bytes, bytes], ...] = ()  # data and name


def probe(
    side: Side, query: str, *, health_path: str = "/health", deadlines: Deadlines | None = None
) -> tuple[Check, ...]:
    """Check a running stack, in the order in which things fail; ends at the first that makes the rest moot.

    Raises:
        ConfigError: the side cannot be asked at all, whatever the stack.
    """
    limits = Deadlines() if deadlines is None else deadlines
    wire = Wire(side)
    request = wire.request(query, None, USER_ID)
    health = _health(side, health_path, limits)
    if not health.ok:
        return (health,)
    secrets = secrets_in(side.secret_headers)
    try:
        reply = _ask(side, request, limits)
    except httpx.HTTPError as error:
        return health, _failed(request, side, error)
    answered = _answered(request, side, reply, secrets)
    if not answered.ok:
        return health, answered
    return (
        health,
        answered,
        *(_stream(side, wire, reply, secrets) if side.stream else _whole(side, wire, reply, secrets)),
    )


# --- asking


def _health(side: Side, health_path: str, limits: Deadlines) -> Check:
    timeout_s = max(_SHORTEST_LOOK_S, min(limits.connect_s, limits.total_s))
    look = look_once(side.url, health_path, timeout_s=timeout_s)
    if look.finding is Finding.HEALTHY:
        return Check(name="health", ok=True, detail=look.detail)
    if look.finding is Finding.NO_HEALTH_PATH and look.status is not None:
        detail = f"no health path ({health_path} answers {look.status}), but the port answers HTTP"
        return Check(name="health", ok=True, detail=detail)
    return Check(name="health", ok=False, detail=look.detail, hint=hint_for(look.finding))


def _ask(side: Side, request: WireRequest, limits: Deadlines) -> _Reply:
    timeout = httpx.Timeout(limits.total_s, connect=min(limits.connect_s, limits.total_s))
    base = httpx.URL(side.url)
    url = base.copy_with(raw_path=request.path.encode("ascii"))
    with httpx.Client(verify=ssl.create_default_context(), trust_env=False, timeout=timeout) as client:
        started = time.perf_counter()
        with client.stream(
            request.method, url, headers=list(request.headers), content=request.body
        ) as response:
            return _collect(response, started, limits.total_s)


def _collect(response: httpx.Response, started: float, total_s: float) -> _Reply:
    body, first_event_ms = bytearray(), None
    is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
    for chunk in response.iter_bytes():
        body += chunk
        now = time.perf_counter()
        if is_stream and first_event_ms is None and b"data:" in body[-len(chunk) - len(b"data:") :]:
            first_event_ms = (now - started) * 1000
        if now - started > total_s:
            raise httpx.ReadTimeout("the answer does not end", request=response.request)
        if len(body) > MAX_BODY_BYTES:
            break
    return _Reply(
        status=response.status_code,
        headers=response.headers,
        body=bytes(body),
        elapsed_ms=(time.perf_counter() - started) * 1000,
        first_event_ms=first_event_ms,
        events=_events_of(bytes(body)) if is_stream else (),
    )


def _events_of(body: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Data and name of each server-sent event."""
    events: list[tuple[bytes, bytes]] = []
    stream = EventStream(lambda data, _, name: events.append((data, name)))
    with suppress(ValueError):  # one beyond all limits: what came before it will do
        stream.feed(body, 0)
        stream.end(0)
    return tuple(events)


# --- judging


def _failed(request: WireRequest, side: Side, error: httpx.HTTPError) -> Check:
    look = describe_failure(error, side.url)
    hint = hint_for(look.finding)
    if look.finding is Finding.TIMEOUT:
        hint = "raise the timeout (--api-timeout), or find out why the stack takes so long"
    return Check(name="request", ok=False, detail=f"{request.name}: {look.detail}", hint=hint)


def _answered(request: WireRequest, side: Side, reply: _Reply, secrets: tuple[str, ...]) -> Check:
    detail = f"{request.name} answers {reply.status} in {reply.elapsed_ms:.0f} ms"
    if len(reply.body) > MAX_BODY_BYTES:
        return Check(
            name="request",
            ok=False,
            detail=f"{detail}: the answer is larger than {LARGEST_BODY}",
            hint="the load counts such an answer as failed: ask for less in one request",
            lasting=True,
        )
    if 200 <= reply.status < 300:
        return Check(name="request", ok=True, detail=detail, elapsed_ms=reply.elapsed_ms)
    said = excerpt(reply.body, secrets)
    return Check(
        name="request",
        ok=False,
        detail=f"{detail}: {said}" if said else detail,
        hint=_status_hint(side, reply),
        lasting=reply.status < 500 and reply.status not in BUSY,
        elapsed_ms=reply.elapsed_ms,
    )


def _status_hint(side: Side, reply: _Reply) -> str:
    location = reply.headers.get("location")
    if 300 <= reply.status < 400 and location is not None:
        return f"the API redirects to {excerpt(location)}: name that address as the target"
    hints = {
        400: f"the stack does not accept a request of api {side.api}: check api, model and collection_id",
        401: _key_hint(side),
        403: _key_hint(side),
        404: f"check the address, and that the stack speaks api {side.api} (option --api); "
        "an unknown model or collection_id is reported like this, too",
        405: f"check that the stack speaks api {side.api} (option --api), and the method",
        415: f"the stack wants another content type than JSON: is api {side.api} right (option --api)?",
        422: f"the stack does not accept a request of api {side.api}: check api, model and collection_id",
        429: "the stack limits requests: raise its limit for load tests",
    }
    if reply.status >= 500:
        return "the stack failed: its log says why"
    return hints.get(reply.status, "check the address and api (option --api)")


def _key_hint(side: Side) -> str:
    wanted = {
        Api.OPENAI_CHAT: "OPENAI_API_KEY (or API_KEY)",
        Api.HTTP: "a header (--header, or headers in section [target])",
    }.get(side.api, "API_KEY")
    sent = "the key that was sent is not accepted" if side.secret_headers else "no key was sent"
    return f"{sent}: set {wanted}"


def _whole(side: Side, wire: Wire, reply: _Reply, secrets: tuple[str, ...]) -> tuple[Check, ...]:
    try:
        answer = wire.read_answer(reply.body)
    except ReportedFailure as failure:
        return (_said_to_fail("answer", failure, secrets),)
    except ValueError as error:
        detail = f"{excerpt(str(error), secrets)} (body: {excerpt(reply.body, secrets, chars=120)})"
        hint = f"does the stack speak api {side.api}? (option --api, section [target])"
        if side.api is Api.HTTP:
            hint = "check the JSON paths in section [target.http]"
        elif reply.headers.get("content-type", "").startswith("text/event-stream"):
            hint = "the stack streams its answer: set stream = true in section [target]"
        return (Check(name="answer", ok=False, detail=detail, hint=hint, lasting=True),)
    return (_text(answer, reply), *_extras(side, answer))


def _said_to_fail(name: str, failure: ReportedFailure, secrets: tuple[str, ...]) -> Check:
    hint = "the status is good, but the load counts such an answer as failed: the log of the stack says why"
    return Check(name=name, ok=False, detail=excerpt(str(failure), secrets, chars=300), hint=hint)


def _text(answer: Answer, reply: _Reply) -> Check:
    if answer.text is None:
        return Check(name="answer", ok=True, detail=f"{len(reply.body)} bytes, its text is not looked at")
    if not answer.text.strip():
        hint = "an empty answer is counted as success in the load: check what the stack does with the query"
        return Check(name="answer", ok=False, detail="the answer's text is empty", hint=hint)
    return Check(name="answer", ok=True, detail=f"{len(answer.text)} characters of text")


def _stream(side: Side, wire: Wire, reply: _Reply, secrets: tuple[str, ...]) -> tuple[Check, ...]:
    if not reply.events:
        kind = reply.headers.get("content-type", "no content type")
        detail = f"the answer is not a stream of events ({excerpt(kind)})"
        hint = "drop stream in section [target]"
        return (Check(name="stream", ok=False, detail=detail, hint=hint, lasting=True),)
    try:
        events = [wire.stream_content(data, name) for data, name in reply.events]
    except ReportedFailure as failure:
        return (_said_to_fail("stream", failure, secrets),)
    except ValueError as error:
        hint = f"does the stack stream as api {side.api} does? (option --api)"
        return (Check(name="stream", ok=False, detail=excerpt(str(error)), hint=hint, lasting=True),)
    pieces = sum(event.content for event in events)
    if not pieces:
        detail = f"{len(events)} events, none with content"
        hint = "is answer in section [target.http] right?" if side.api is Api.HTTP else _API_HINT
        return (Check(name="stream", ok=False, detail=detail, hint=hint),)
    detail = f"{pieces} events with content, the first after {reply.first_event_ms or 0:.0f} ms"
    if not any(event.done for event in events):
        if wire.has_end_mark:
            detail += ", but not the last event, without which the load takes a stream for cut"
            hint = "is end in section [target.http] right?" if side.api is Api.HTTP else _API_HINT
            return (Check(name="stream", ok=False, detail=detail, hint=hint),)
        detail += "; no end mark, so a cut stream cannot be told from a whole one"
    return (Check(name="stream", ok=True, detail=detail), *_extras(side, _summed(events)))


def _summed(events: list[StreamEvent]) -> Answer:
    """The last count and session that any event reported."""
    answer = Answer()
    for event in events:
        answer = Answer(
            None,
            event.session_id or answer.session_id,
            answer.input_tokens if event.input_tokens is None else event.input_tokens,
            answer.output_tokens if event.output_tokens is None else event.output_tokens,
        )
    return answer


def _extras(side: Side, answer: Answer) -> tuple[Check, ...]:
    """Tokens and session: an API may do without, but a configured path must lead somewhere."""
    template = side.http if side.api is Api.HTTP else None
    wants_tokens = template is not None and bool(template.input_tokens_path or template.output_tokens_path)
    checks = []
    if wants_tokens or side.api is not Api.HTTP:
        checks.append(_tokens(answer, wanted=wants_tokens))
    if side.api is not Api.OPENAI_CHAT and (template is None or template.session_path):
        checks.append(_session(answer, wanted=template is not None))
    return tuple(checks)


def _tokens(answer: Answer, *, wanted: bool) -> Check:
    if answer.input_tokens is None and answer.output_tokens is None:
        hint = "check the token paths in section [target.http]" if wanted else None
        detail = "the answer reports no token usage: tokens will not be measured"
        return Check(name="tokens", ok=not wanted, detail=detail, hint=hint)
    counts = ((answer.input_tokens, "input"), (answer.output_tokens, "output"))
    said = ", ".join(f"{'unknown' if count is None else count} {kind}" for count, kind in counts)
    return Check(name="tokens", ok=True, detail=said)


def _session(answer: Answer, *, wanted: bool) -> Check:
    if answer.session_id is None:
        hint = "check session in section [target.http]" if wanted else None
        detail = "the answer names no session: every turn will begin a new one"
        return Check(name="session", ok=not wanted, detail=detail, hint=hint)
    return Check(name="session", ok=True, detail="the answer names its session")
