"""Whether an answer says of itself that it failed, though its status is 200. Sends nothing.

It does so by the name of an event (``event: error``), by a key (``error``, ``errors``), by a type (``"type":
"error"``, ``"object": "error"``, ``"status": "error"``), by ``"success": false`` or ``"ok": false``, or by
the reason for which a model stopped. ``content_filter`` and ``length`` are no such reasons: a policy or a
limit ended the answer, as it will each time, and the service did its work.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from govbench.results.redact import excerpt

_FAILED_KINDS: Final = frozenset({"error", "failed"})
# What servers say when they gave an answer up: among them those of vLLM ("abort") and DeepSeek (the last).
_FAILED_REASONS: Final = frozenset(
    {"error", "failed", "abort", "aborted", "cancelled", "insufficient_system_resource"}
)
_TEXT_KEYS: Final = ("message", "detail", "error", "reason", "title", "code")
_REASON_CHARS: Final = 200
_MOST_DEPTH: Final = 4

_MOST_LOOKED_AT: Final = 64 * 1024
_TELLING_KEYS: Final = frozenset(
    {"error", "errors", "type", "object", "status", "success", "ok", "choices", "finish_reason"}
)
# One escape of a JSON string: a pair of surrogates, a surrogate without its other half, anything else.
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class ReportedFailure(ValueError):
    """The answer says that it failed; the message holds its own words, redacted and cut."""


def loads(data: bytes) -> Any:
    """JSON as it comes: also with half a character, escaped or raw, where a text was cut into events.

    Raises:
        orjson.JSONDecodeError: it is no JSON all the same.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        text = data.decode(errors="replace")
        mended = _ESCAPE.sub(lambda found: "\ufffd" if found[1] else found[0], text).encode()
        if mended == data:
            raise
        return orjson.loads(mended)


def check_unknown(body: bytes) -> None:
    """Take the answer of an API that nothing is known about for what it says, if it is an object of JSON.

    Parsing costs less than looking for words. What says no more than that it failed is short: a larger answer
    is not looked at, for its time belongs to the load.

    Raises:
        ReportedFailure: that it failed.
    """
    if len(body) > _MOST_LOOKED_AT or not body.lstrip().startswith(b"{"):
        return
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    check_object(value)


def check_object(value: dict[str, Any], what: str = "answer") -> None:
    """Take an object of JSON for what it says.

    Raises:
        ReportedFailure: that it failed.
    """
    if value.keys().isdisjoint(_TELLING_KEYS):
        return
    if (
        value.get("error")
        or _is_list_of_errors(value.get("errors"))
        or _names_failure(value.get("type"))
        or _names_failure(value.get("object"))
        or value.get("status") == "error"
        or value.get("success") is False
        or value.get("ok") is False
    ):
        raise ReportedFailure(f"the {what} says that it failed: {_words(value)}")
    reason = _failed_reason(value)
    if reason is not None:
        raise ReportedFailure(f"the {what} ends with the reason {reason}{reported(value)}")


def check_event(name: bytes, data: bytes) -> None:
    """Take an event by its name.

    Raises:
        ReportedFailure: it is the name of a failure.
    """
    if name and _names_failure(name.decode(errors="replace")):
        try:
            words = _words(loads(data))
        except orjson.JSONDecodeError:
            words = excerpt(data, chars=_REASON_CHARS)
        raise ReportedFailure(f"an event named {excerpt(name, chars=40)} ends the answer: {words}")


def reported(value: dict[str, Any]) -> str:
    """What an answer of another shape says about an error, to be added to a message."""
    error = value.get("error", value.get("detail"))
    return "" if error is None else f"; it reports an error: {_words(error)}"


def _names_failure(kind: object) -> bool:
    """Whether a type or a name is that of a failure, as ``error`` or ``response.failed`` are."""
    return isinstance(kind, str) and re.split(r"[._/-]", kind.strip().lower())[-1] in _FAILED_KINDS


def _is_list_of_errors(value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _failed_reason(value: dict[str, Any]) -> str | None:
    choices = value.get("choices")
    for each in (value, *(choices if isinstance(choices, list) else ())):
        if not isinstance(each, dict):
            continue
        reason = each.get("finish_reason")
        if isinstance(reason, str) and reason.lower() in _FAILED_REASONS:
            return reason
        if each is not value and each.get("error"):
            return f"error: {_words(each['error'])}"
    return None


def _words(value: object, depth: int = 0) -> str:
    """The words of a failure, wherever an error of a common shape keeps them."""
    if depth < _MOST_DEPTH:
        if isinstance(value, dict):
            inner = value.get("error") or value.get("errors")
            if isinstance(inner, dict | list | str) and inner:
                return _words(inner, depth + 1)
            text = next((value[k] for k in _TEXT_KEYS if value.get(k) not in (None, "", True, False)), None)
            if text is not None:
                return _words(text, depth + 1)
        elif isinstance(value, list) and value:
            return _words(value[0], depth + 1)
    if isinstance(value, str):
        return excerpt(value, chars=_REASON_CHARS)
    return excerpt(orjson.dumps(value, default=str), chars=_REASON_CHARS)
