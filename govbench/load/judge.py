"""In which class a request ended: by its status here, by an exception of another client. Sends nothing."""

from __future__ import annotations

import socket
import ssl

from govbench.load.exchange import RequestFailed
from govbench.results.run import Outcome

# By the names that the exceptions of requests, urllib3 and geventhttpclient have: none of them is imported
# here, and the one that says most stands first.
_BY_NAME: tuple[tuple[str, Outcome], ...] = (
    ("ConnectTimeout", Outcome.TIMEOUT),
    ("ReadTimeout", Outcome.TIMEOUT),
    ("Timeout", Outcome.TIMEOUT),
    ("SSL", Outcome.TLS),
    ("IncompleteRead", Outcome.TRUNCATED),
    ("ChunkedEncodingError", Outcome.TRUNCATED),
    ("RemoteDisconnected", Outcome.RESET),
    ("ConnectionReset", Outcome.RESET),
    ("ProtocolError", Outcome.RESET),
    ("HTTPConnectionClosed", Outcome.RESET),
    ("NewConnectionError", Outcome.CONNECT),
    ("NameResolutionError", Outcome.CONNECT),
    ("ConnectionError", Outcome.CONNECT),
    ("Parse", Outcome.BAD_BODY),
    ("ContentDecodingError", Outcome.BAD_BODY),
    ("DecodeError", Outcome.BAD_BODY),
    ("TooManyRedirects", Outcome.CHECK),
)


def outcome_of(status: int) -> Outcome:
    """The class of an answer that is no success."""
    if status == 429:
        return Outcome.HTTP_429
    if status >= 500:
        return Outcome.HTTP_5XX
    return Outcome.HTTP_4XX if status >= 400 else Outcome.CHECK


def outcome_of_foreign(error: object, status: int) -> Outcome:
    """The class of a request of another client, from what its request event told.

    A status of 400 or more says more than the exception that is made of it, and an exception that comes
    with a good status is a check that failed.
    """
    if error is None:
        return Outcome.OK
    if status >= 400:
        return outcome_of(status)
    for cause in _causes(error):
        known = _known(cause)
        if known is not None and not (status and known is Outcome.CONNECT):
            return known
    return Outcome.CHECK


def _causes(error: object) -> list[object]:
    """An exception and those that it wraps, innermost first: they say most."""
    found: list[object] = []
    while error is not None and len(found) < 10:
        found.insert(0, error)
        arguments = getattr(error, "args", ())
        inner = [getattr(error, "reason", None), *arguments] if isinstance(error, Exception) else []
        following = next((each for each in inner if isinstance(each, BaseException)), None)
        error = following or getattr(error, "__cause__", None)
    return found


def _known(error: object) -> Outcome | None:
    if isinstance(error, RequestFailed):
        return error.outcome
    if isinstance(error, ssl.SSLError):
        return Outcome.TLS
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return Outcome.RESET
    if isinstance(error, TimeoutError):
        return Outcome.TIMEOUT
    if isinstance(error, ConnectionRefusedError | socket.gaierror):
        return Outcome.CONNECT
    names = [kind.__name__ for kind in type(error).__mro__]
    return next((outcome for part, outcome in _BY_NAME if any(part in name for name in names)), None)
