"""What is answered to a request target, and when: targets in, scripts out. Opens nothing, reads no clock.

A script is a sequence of (delay, bytes). Delays that vary come from a generator seeded with the server's seed
and the target: the n-th request of a target gets the same delay in every run.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl

from govbench.reference.answers import (
    Shape,
    awkward_cut,
    chunk,
    closing_events,
    content_event,
    opening_event,
    stream_head,
    text_of,
    whole_answer,
)

OTHER_PATHS = "(other)"
_MOST_TARGETS = 16_384
_LONGEST_MS = 3_600_000.0
_OPENAI_PATH = "/v1/chat/completions"


class Step(NamedTuple):
    """Bytes that are sent so long after the arrival of the request; ``events`` are complete with them."""

    delay_ns: int
    data: bytes
    events: int = 0


class Script(NamedTuple):
    """All steps of an answer, one or more, in the order of their delays."""

    status: int
    steps: tuple[Step, ...]
    is_stream: bool = False
    is_cut: bool = False


Draw = Callable[[], Script]


class Behaviour(NamedTuple):
    """How the requests of one target are answered: the path they are counted under, the next one's script."""

    path: str
    draw: Draw


class BadTarget(ValueError):
    """The target names a behaviour, but has a parameter that it does not know or cannot use."""


class Parameters:
    """The query of a target; each parameter is taken once, and none may be left over."""

    def __init__(self, query: str) -> None:
        pairs = parse_qsl(query, keep_blank_values=True)
        self._values = dict(pairs)
        if len(self._values) < len(pairs):
            raise BadTarget("a parameter is given twice")

    def number(self, name: str, default: float, *, high: float = _LONGEST_MS) -> float:
        """A number in [0, high]."""
        text = self._values.pop(name, None)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError as error:
            raise BadTarget(f"{name} is not a number") from error
        if not 0 <= value <= high:
            raise BadTarget(f"{name} is not in 0 to {high:g}")
        return value

    def count(self, name: str, default: int, *, low: int = 0, high: int) -> int:
        """A whole number in [low, high]."""
        value = self.number(name, default, high=high)
        if value != int(value) or value < low:
            raise BadTarget(f"{name} is not a whole number of {low} or more")
        return int(value)

    def shape(self, default: Shape) -> Shape:
        """The wire format."""
        try:
            return Shape(self._values.pop("shape", default))
        except ValueError as error:
            raise BadTarget(f"shape is none of {', '.join(Shape)}") from error

    def end(self) -> None:
        """Refuse what is left: a mistyped parameter would be a truth that is none."""
        if self._values:
            raise BadTarget(f"unknown parameter {', '.join(sorted(self._values))}")


class Behaviours:
    """Finds the behaviour of targets, and keeps it with the state of its generator.

    Raises:
        BadTarget: ``default`` or ``default_stream`` is not the target of a behaviour.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        latency_ms: float = 20.0,
        spread: float = 0.3,
        default: str = "/lognormal",
        default_stream: str = "/stream",
    ) -> None:
        self._seed, self._latency_ms, self._spread = seed, latency_ms, spread
        self._default, self._default_stream = default, default_stream
        self._kinds: dict[str, _Kind] = {
            "/constant": _constant,
            "/fixed": self._fixed,
            "/lognormal": self._lognormal,
            "/mix": self._mix,
            "/error": self._error,
            "/stream": _stream,
        }
        self._found: dict[tuple[str, bool, bool], Behaviour] = {}
        for target in (default, default_stream):
            if target.partition("?")[0] not in self._kinds:
                raise BadTarget(f"{target}: none of {', '.join(self._kinds)}")
            self._build(target, target, Shape.OPENAI, chunked=True)

    def find(self, target: str, *, stream: bool = False, chunked: bool = True) -> Behaviour:
        """The behaviour of a request target; what it cannot use is answered with 400.

        Paths that name no behaviour have the default one; their queries make no difference.
        """
        key = (target, stream, chunked)
        found = self._found.get(key)
        return self._add(key) if found is None else found

    def _add(self, key: tuple[str, bool, bool]) -> Behaviour:
        target, stream, chunked = key
        path = target.partition("?")[0]
        if path not in self._kinds and path != target:
            return self.find(path, stream=stream, chunked=chunked)
        if len(self._found) >= _MOST_TARGETS and path != OTHER_PATHS:
            return self.find(OTHER_PATHS, stream=stream, chunked=chunked)
        default = self._default_stream if stream else self._default
        acts_as = target if path in self._kinds else default
        is_openai = path in {_OPENAI_PATH, "/stream"}
        try:
            draw = self._build(
                acts_as, target, Shape.OPENAI if is_openai else Shape.GOVSTACK, chunked=chunked
            )
        except BadTarget:
            draw = _always(400, 0.0, Shape.GOVSTACK)
        self._found[key] = Behaviour(path, draw)
        return self._found[key]

    def _build(self, acts_as: str, target: str, shape: Shape, *, chunked: bool) -> Draw:
        kind, _, query = acts_as.partition("?")
        parameters = Parameters(query)
        rng = random.Random(f"{self._seed} {target}")
        draw = self._kinds[kind](_Asked(parameters, rng, shape, chunked))
        parameters.end()
        return draw

    def _fixed(self, asked: _Asked) -> Draw:
        return _always(200, asked.parameters.number("ms", self._latency_ms), asked.shape)

    def _lognormal(self, asked: _Asked) -> Draw:
        return _delayed(self._lognormal_ms(asked), asked.shape)

    def _mix(self, asked: _Asked) -> Draw:
        share = asked.parameters.number("p", 0.05, high=1)
        slow_ms = asked.parameters.number("slow_ms", 10 * self._latency_ms)
        fast_ms = asked.parameters.number("ms", self._latency_ms)
        draw = asked.rng.random
        return _delayed(lambda: slow_ms if draw() < share else fast_ms, asked.shape)

    def _error(self, asked: _Asked) -> Draw:
        share = asked.parameters.number("share", 0.05, high=1)
        status = asked.parameters.count("status", 500, low=400, high=599)
        failure = _always(status, asked.parameters.number("error_ms", 0.0), asked.shape)()
        success = _delayed(self._lognormal_ms(asked), asked.shape)
        # Of its own, so that the delays of the successes do not depend on the share.
        draw = random.Random(asked.rng.getrandbits(64)).random
        return lambda: failure if draw() < share else success()

    def _lognormal_ms(self, asked: _Asked) -> Callable[[], float]:
        """Delays with the median exp(mu), ln of them with the standard deviation ``spread``."""
        median_ms = asked.parameters.number("median_ms", self._latency_ms)
        spread = asked.parameters.number("spread", self._spread, high=5)
        draw = asked.rng.gauss
        return lambda: min(median_ms * math.exp(spread * draw(0.0, 1.0)), _LONGEST_MS)


class _Asked(NamedTuple):
    parameters: Parameters
    rng: random.Random
    shape: Shape
    chunked: bool


_Kind = Callable[[_Asked], Draw]


def _ns(ms: float) -> int:
    return round(ms * 1_000_000)


def _always(status: int, ms: float, shape: Shape) -> Draw:
    script = Script(status, (Step(_ns(ms), whole_answer(status, shape)),))
    return lambda: script


def _delayed(next_ms: Callable[[], float], shape: Shape) -> Draw:
    answer = whole_answer(200, shape)
    return lambda: Script(200, (Step(_ns(next_ms()), answer),))


def _constant(asked: _Asked) -> Draw:
    return _always(200, 0.0, asked.shape)


def _stream(asked: _Asked) -> Draw:
    take = asked.parameters
    shape = take.shape(asked.shape)
    events = take.count("events", 40, low=1, high=60_000)
    first_ms, gap_ms = take.number("first_ms", 500.0), take.number("gap_ms", 50.0)
    opening_ms = take.number("opening_ms", 0.0, high=first_ms)
    done_ms = take.number("done_ms", 0.0)
    tokens = take.count("tokens_per_event", 1, low=1, high=1000)
    content = content_event(shape, text_of(take.count("bytes", 30, low=1, high=65_536), tokens))
    usage = bool(take.count("usage", 0, high=1))
    split = bool(take.count("split", 0, high=1))
    cut = take.count("cut", 0, high=events)

    last_ms = first_ms + (events - 1) * gap_ms
    pieces = [Step(_ns(opening_ms), opening_event(shape))]
    pieces += [Step(_ns(first_ms + index * gap_ms), content, 1) for index in range(events)]
    closing = closing_events(shape, tokens=events * tokens, usage=usage)
    pieces.append(Step(_ns(last_ms + done_ms), closing))
    if split:
        pieces = _out_of_step(pieces)
    if cut:
        del pieces[cut + 1 :]
    script = Script(200, _framed(pieces, chunked=asked.chunked, whole=not cut), True, bool(cut))
    return lambda: script


def _out_of_step(pieces: list[Step]) -> list[Step]:
    """The same bytes, each event complete at the same time, but no segment ends where an event ends."""
    cuts = [0, *(awkward_cut(piece.data) for piece in pieces[1:])]
    heads = [piece.data[:at] for piece, at in zip(pieces, cuts, strict=True)]
    return [
        piece._replace(data=piece.data[at:] + head)
        for piece, at, head in zip(pieces, cuts, [*heads[1:], b""], strict=True)
    ]


def _framed(pieces: list[Step], *, chunked: bool, whole: bool) -> tuple[Step, ...]:
    """The steps as they are sent: with the head, and in chunks; a cut answer lacks the last one."""
    steps = [piece._replace(data=chunk(piece.data)) for piece in pieces] if chunked else pieces.copy()
    steps[0] = steps[0]._replace(data=stream_head(chunked=chunked) + steps[0].data)
    if chunked and whole:
        steps[-1] = steps[-1]._replace(data=steps[-1].data + b"0\r\n\r\n")
    return tuple(steps)
