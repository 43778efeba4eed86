"""The paths that are not part of the load: health, the truth, the freeze. Their requests are not counted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from govbench.reference.truth import Truth

_LONGEST_FREEZE_S = 3600.0
_JSON = "application/json"

ControlAnswer = tuple[int, bytes, str]


def is_control(target: str) -> bool:
    """Whether a target is one of these paths."""
    return target.startswith(("/truth", "/control", "/health"))


def answer_control(
    method: bytes,
    target: str,
    truth: Truth,
    state: Callable[[], dict[str, Any]],
    freeze: Callable[[float], None],
) -> ControlAnswer:
    """Status, body and content type; ``freeze`` is called with seconds where that is asked for."""
    path, _, query = target.partition("?")
    values = {name: given[-1] for name, given in parse_qs(query).items()}
    try:
        if path == "/health":
            return _json({"status": "healthy"})
        if path == "/truth.json":
            window = {name: _number(values[name]) for name in ("start", "end") if name in values}
            return _json({**truth.summary(path=values.get("path"), **window), **state()})
        if path == "/truth.bin":
            return 200, truth.dump(), "application/octet-stream"
        if path == "/control/freeze":
            return _frozen(method, values, freeze)
    except ValueError as error:
        return _json({"error": str(error)}, 400)
    return _json({"error": "no such path"}, 404)


def event_line(path: str, peer_port: int, arrival_ns: int, events_ns: list[int]) -> str:
    """One stream in the log of events."""
    line = {"path": path, "peer_port": peer_port, "arrival_ns": arrival_ns, "events_ns": events_ns}
    return json.dumps(line, separators=(",", ":")) + "\n"


def _frozen(method: bytes, values: dict[str, str], freeze: Callable[[float], None]) -> ControlAnswer:
    if method != b"POST":
        return _json({"error": "a freeze is asked for with POST"}, 405)
    seconds = _number(values.get("s", ""))
    if not 0 <= seconds <= _LONGEST_FREEZE_S:
        raise ValueError(f"s is not in 0 to {_LONGEST_FREEZE_S:g}")
    freeze(seconds)
    return _json({"frozen_s": seconds})


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a number of seconds")
    return value


def _json(value: object, status: int = 200) -> ControlAnswer:
    return status, json.dumps(value, separators=(",", ":")).encode(), _JSON
