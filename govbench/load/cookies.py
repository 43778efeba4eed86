"""The cookies of one user, by RFC 6265 but without a list of public suffixes. Sends nothing itself."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import NamedTuple

MAX_COOKIES = 3_000
_MAX_AGE = re.compile(r"-?\d+")


class Cookie(NamedTuple):
    """A cookie as it was set; ``expires_s`` is Unix time, None for one that lasts as long as its user."""

    name: str
    value: str
    domain: str
    path: str
    host_only: bool = True
    secure: bool = False
    expires_s: float | None = None


class CookieJar:
    """Takes ``Set-Cookie`` headers and gives the ``Cookie`` header of a request.

    ``now_s`` tells Unix time.
    """

    __slots__ = ("_cookies", "_now_s", "version")

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self.version = 0  # rises with every change
        self._cookies: dict[tuple[str, str, str], Cookie] = {}
        self._now_s = now_s

    def __iter__(self) -> Iterator[Cookie]:
        return iter(list(self._cookies.values()))

    def __len__(self) -> int:
        return len(self._cookies)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of the first cookie of that name."""
        return next((cookie.value for cookie in self._cookies.values() if cookie.name == name), default)

    def set(self, name: str, value: str, *, domain: str, path: str = "/") -> None:
        """Put a cookie into the jar by hand."""
        self._keep(Cookie(name, value, domain.lower(), path))

    def clear(self) -> None:
        """Forget all cookies."""
        self._cookies.clear()
        self.version += 1

    def take(self, set_cookies: list[bytes], host: str, target: str, *, secure: bool) -> None:
        """Take the ``Set-Cookie`` headers of an answer from ``host`` to a request for ``target``.

        A header that breaks the rules sets no cookie (RFC 6265, 5.2 and 5.3).
        """
        for line in set_cookies:
            cookie = _parsed(line.decode("utf-8", "replace"), host, _path_of(target), self._now_s())
            if cookie is None or (cookie.secure and not secure):
                continue
            if cookie.expires_s is not None and cookie.expires_s <= self._now_s():
                if self._cookies.pop((cookie.domain, cookie.path, cookie.name), None):
                    self.version += 1
            else:
                self._keep(cookie)

    def _keep(self, cookie: Cookie) -> None:
        key = (cookie.domain, cookie.path, cookie.name)
        if self._cookies.get(key) == cookie:
            return
        self._cookies[key] = cookie
        self.version += 1
        if len(self._cookies) > MAX_COOKIES:
            del self._cookies[next(iter(self._cookies))]

    def header(self, host: str, target: str, *, secure: bool) -> str | None:
        """The value of the ``Cookie`` header of a request; None where there is none to send.

        Longer paths come first (RFC 6265, 5.4).
        """
        if not self._cookies:
            return None
        path, now_s = target.partition("?")[0], self._now_s()
        for key in [k for k, c in self._cookies.items() if c.expires_s is not None and c.expires_s <= now_s]:
            del self._cookies[key]
        found = [c for c in self._cookies.values() if _fits(c, host, path) and (secure or not c.secure)]
        found.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in found) or None


def _parsed(line: str, host: str, default_path: str, now_s: float) -> Cookie | None:
    pair, *attributes = line.split(";")
    name, separator, value = pair.partition("=")
    name = name.strip()
    if not separator or not name or any(ord(c) < 32 or ord(c) == 127 for c in line.replace("\t", " ")):
        return None
    given = {key.strip().lower(): text.strip() for key, _, text in (a.partition("=") for a in attributes)}
    domain = given.get("domain", "").removeprefix(".").lower()
    if domain and not _may_set(domain, host):
        return None
    path = given.get("path", "")
    return Cookie(
        name=name,
        value=value.strip(),
        domain=domain or host,
        path=path if path.startswith("/") else default_path,
        host_only=not domain,
        secure="secure" in given,
        expires_s=_expiry(given, now_s),
    )


def _expiry(given: dict[str, str], now_s: float) -> float | None:
    """When a cookie ends; ``Max-Age`` wins over ``Expires`` (RFC 6265, 5.3)."""
    if _MAX_AGE.fullmatch(given.get("max-age", "")):
        return now_s + int(given["max-age"][:12])
    if "expires" in given:
        try:
            return parsedate_to_datetime(given["expires"].replace("-", " ")).timestamp()
        except (ValueError, TypeError, OverflowError):
            return None
    return None


def _may_set(domain: str, host: str) -> bool:
    """Whether ``host`` may set cookies for ``domain``: itself, or one above it of more than one label."""
    return domain == host or ("." in domain and _is_below(host, domain))


def _is_below(host: str, domain: str) -> bool:
    if not host.endswith(f".{domain}"):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def _fits(cookie: Cookie, host: str, path: str) -> bool:
    if host != cookie.domain and (cookie.host_only or not _is_below(host, cookie.domain)):
        return False
    return path == cookie.path or path.startswith(cookie.path.rstrip("/") + "/")


def _path_of(target: str) -> str:
    """The default path of a cookie (RFC 6265, 5.1.4)."""
    return target.partition("?")[0].rpartition("/")[0] or "/"
