"""A request as it is to be sent: where to, with which headers and body, and what a redirect makes of it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urljoin, urlsplit

from govbench.load.transport import Origin, origin_of

Headers = dict[str, tuple[str, str]]

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_URL_SAFE = "/?#[]@!$&'()*+,;=:%~"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BODILESS = {"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"}  # without a body these name no length
_REDIRECTS = {301, 302, 303, 307, 308}
_OF_BODY = {"content-type", "content-length", "content-encoding", "content-language", "content-location"}
_OF_ORIGIN = {"authorization", "cookie", "proxy-authorization"}


class Place(NamedTuple):
    """Where a request goes: ``target`` is what its first line says, ``host`` its ``Host`` header."""

    origin: Origin
    target: str
    host: str
    url: str


@lru_cache(maxsize=4096)
def place_of(base: str, url: str) -> Place:
    """The place of a path under ``base``, or of a whole URL.

    Raises:
        ValueError: it is no HTTP URL.
    """
    full = url if _ABSOLUTE.match(url) else base + url
    parts = urlsplit(full)
    if parts.scheme not in {"http", "https"} or not parts.hostname or _CONTROL.search(full):
        raise ValueError(f"not an HTTP URL: {full!r}")
    target = quote(parts.path or "/", safe=_URL_SAFE)
    if not target.startswith("/"):
        target = f"/{target}"
    if parts.query:
        target += "?" + quote(parts.query, safe=_URL_SAFE)
    host = parts.netloc.rpartition("@")[2]
    if not host.isascii():
        host = host.encode("idna").decode()
    return Place(origin_of(parts), target, host, full.partition("#")[0])


class Outgoing(NamedTuple):
    """One request but for the headers that all requests of its user share."""

    method: str
    place: Place
    headers: Headers
    body: bytes | None

    def to_bytes(self, headers: Headers) -> bytes:
        """The request as it goes over the wire with ``headers``.

        Raises:
            ValueError: its method is none.
        """
        if not _TOKEN.fullmatch(self.method):
            raise ValueError(f"not an HTTP method: {self.method!r}")
        lines = [f"{self.method} {self.place.target} HTTP/1.1"]
        if "host" not in headers:
            lines.append(f"Host: {self.place.host}")
        own = {"content-length", "transfer-encoding", "connection"}
        lines += [f"{name}: {value}" for key, (name, value) in headers.items() if key not in own]
        if self.body is not None or self.method not in _BODILESS:
            lines.append(f"Content-Length: {len(self.body or b'')}")
        return "\r\n".join((*lines, "", "")).encode("utf-8") + (self.body or b"")


def checked_headers(pairs: Iterable[tuple[str, str | bytes]]) -> Headers:
    """Headers by their lower-case names; of two with one name the later holds.

    Raises:
        ValueError: one cannot be sent.
    """
    found: Headers = {}
    for name, given in pairs:
        value = given.decode("latin-1") if isinstance(given, bytes) else str(given)
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise ValueError(f"header {name!r} cannot be sent")
        found[name.lower()] = (name, value.strip())
    return found


def with_params(url: str, params: Any) -> str:
    """A URL with ``params`` added to its query."""
    if not params:
        return url
    query = params if isinstance(params, str) else urlencode(params, doseq=True)
    return f"{url}{'&' if '?' in url else '?'}{query}"


def body_of(data: Any) -> tuple[bytes | None, str | None]:
    """The body that ``data`` stands for, and its content type where that says what it is.

    Raises:
        ValueError: it stands for none.
    """
    if data is None:
        return None, None
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data), None
    if isinstance(data, str):
        return data.encode(), None
    if isinstance(data, dict | list | tuple):
        return urlencode(data, doseq=True).encode(), "application/x-www-form-urlencoded"
    raise ValueError(f"a body is text, bytes, a mapping or pairs, not {type(data).__name__}")


def basic_auth(user: str | bytes, password: str | bytes) -> str:
    """The value of an ``Authorization`` header (RFC 7617)."""
    words = (word if isinstance(word, bytes) else word.encode() for word in (user, password))
    return "Basic " + b64encode(b":".join(words)).decode()


def redirected(outgoing: Outgoing, status: int, location: str | None) -> Outgoing | None:
    """The request that a redirect asks for; None where the answer is no redirect (RFC 9110, 15.4).

    Raises:
        ValueError: it leads to what is no HTTP URL.
    """
    if status not in _REDIRECTS or not location:
        return None
    try:
        place = place_of("", urljoin(outgoing.place.url, location))
    except ValueError as error:
        raise ValueError(f"redirect to what cannot be asked: {location!r}") from error
    method, headers, body = outgoing.method, outgoing.headers, outgoing.body
    becomes_get = (status == 303 and method != "HEAD") or (status in {301, 302} and method == "POST")
    if becomes_get:
        method, body = "GET", None
        headers = {key: pair for key, pair in headers.items() if key not in _OF_BODY}
    if place.origin != outgoing.place.origin:
        headers = {key: pair for key, pair in headers.items() if key not in {*_OF_ORIGIN, "host"}}
    return Outgoing(method, place, headers, body)
