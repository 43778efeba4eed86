"""Decides that a stack is ready, or says why it is not. Starts and stops nothing."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from govbench.config.settings import StackConfig
from govbench.errors import ConfigError, StackError
from govbench.results.redact import excerpt, passwords_in, redact, shown_url

LOG_TAIL_LINES: Final = 20
_LOG_TAIL_BYTES: Final = 32_768
_END_LINES, _END_CHARS = 5, 500
_LONGEST_SECRET: Final = 512
_BODY_BYTES: Final = 4096
_TRY_TIMEOUT_S: Final = 5.0
_GREETING_S: Final = 0.3
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 0.5
# Faults that waiting does not mend end the wait once they have stood this long without a change.
_LASTING_S: Final = 3.0
# What is seen is told once it has stood this long.
_TOLD_AFTER_S: Final = 3.0
# What a stack answers that is only busy, besides 5xx; the same request may succeed later (RFC 9110, 15.5.9;
# RFC 8470, 5.2; RFC 6585, 4).
BUSY: Final = frozenset({408, 425, 429})
# While a stack boots, a gateway in front of it may not know its route yet.
_PASSES_AT_BOOT: Final = BUSY | {404}


class Finding(StrEnum):
    """What one look at a health address found."""

    HEALTHY = "healthy"
    NO_HEALTH_PATH = "no_health_path"  # HTTP answers, but with a status from 300 to 499
    UNHEALTHY = "unhealthy"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    CLOSED = "closed"
    UNREACHABLE = "unreachable"
    BROKEN = "broken"  # it speaks HTTP, but not as the standard has it
    NOT_HTTP = "not_http"
    DNS = "dns"
    TLS = "tls"


_LASTING: Final = frozenset({Finding.NO_HEALTH_PATH, Finding.NOT_HTTP, Finding.DNS, Finding.TLS})

_HINTS: Final = {
    Finding.NO_HEALTH_PATH: "set health_path in section [stack] to a path that answers 2xx once ready",
    Finding.UNHEALTHY: "see the stack's own log; raise boot_timeout_s in section [stack] if it needs longer",
    Finding.REFUSED: "start the stack, or check the address and the port",
    Finding.TIMEOUT: "check that the stack is not stuck and that no firewall drops the packets",
    Finding.CLOSED: "check that this is the port of the API and not of a proxy whose backend is down",
    Finding.UNREACHABLE: "check the address and the network",
    Finding.BROKEN: "look at what the server, or a proxy before it, sends: curl -v shows it",
    Finding.NOT_HTTP: "another service has this port: name the port of the API",
    Finding.DNS: "check the host name in the address",
    Finding.TLS: "check http against https in the address, and the certificate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a health address: what was found, and the sentence that says it."""

    finding: Finding
    detail: str
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """A stack that is ready: the address that said so, how long it took, what a reader should know."""

    url: str
    status: int
    waited_s: float
    note: str | None = None


def wait_until_healthy(
    url: str,
    config: StackConfig,
    *,
    alive: Callable[[], int | None],
    log_path: Path | None = None,
    foreign: bool = False,
    timeout_s: float | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> HealthReport:
    """Ask ``config.health_path`` until it answers 2xx.

    Args:
        url: base address of the stack.
        config: health path, the time allowed, and the environment whose values are kept out of messages.
        alive: exit code of the booted process, None while it runs (and where nothing was booted).
        log_path: where the booted process writes; its last lines go into the error.
        foreign: the stack was not booted by govbench; then any answer below 500 will do, since many APIs
            have no health path.
        timeout_s: replaces ``config.boot_timeout_s``.
        tell: is told what is seen instead, once it has stood for some seconds.

    Raises:
        StackError: the stack did not become healthy, or its process ended.
    """
    address = health_url(url, config.health_path)
    allowed_s = config.boot_timeout_s if timeout_s is None else timeout_s
    started = time.monotonic()
    pause_s, standing = _FIRST_PAUSE_S, _Standing(allowed_s, tell)
    with _client() as client:
        while True:
            _check_alive(alive, config, log_path)
            left_s = max(0.2, allowed_s - (time.monotonic() - started))
            look = _look(client, address, min(_TRY_TIMEOUT_S, left_s), config)
            now = time.monotonic()
            report = _ready(look, address, now - started, foreign=foreign)
            if report is not None:
                # An old process may hold the port while ours has just failed to get it.
                _check_alive(alive, config, log_path)
                return report
            if standing.is_hopeless(look, now) or now - started >= allowed_s:
                raise _not_healthy(look, address, now - started, config, log_path)
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


class _Standing:
    """For how long the same has been seen, and what follows from that."""

    def __init__(self, allowed_s: float, tell: Callable[[str], None]) -> None:
        self._allowed_s, self._tell = allowed_s, tell
        self._seen: tuple[Finding, int | None] | None = None
        self._since = 0.0
        self._told: set[tuple[Finding, int | None]] = set()

    def is_hopeless(self, look: Look, now: float) -> bool:
        """Whether waiting on is useless; also tells what stands."""
        seen = look.finding, look.status
        if seen != self._seen:
            self._seen, self._since = seen, now
        stood_s = now - self._since
        if may_pass(look):
            if stood_s >= _TOLD_AFTER_S and seen not in self._told:
                self._told.add(seen)
                self._tell(f"waiting up to {self._allowed_s:g} s: {look.detail}")
            return False
        return stood_s >= min(_LASTING_S, self._allowed_s)


def may_pass(look: Look) -> bool:
    """Whether a stack that is booting may yet become healthy by itself."""
    return look.finding not in _LASTING or look.status in _PASSES_AT_BOOT


def look_once(url: str, health_path: str, *, timeout_s: float = _TRY_TIMEOUT_S) -> Look:
    """One look at the health address, without waiting for it to change."""
    with _client() as client:
        return _look(client, health_url(url, health_path), timeout_s, StackConfig())


def hint_for(finding: Finding) -> str | None:
    """What to do about a finding; None where nothing needs doing."""
    return _HINTS.get(finding)


def health_url(url: str, health_path: str) -> str:
    """The address that is asked: ``health_path`` below the base address."""
    return f"{url.rstrip('/')}/{health_path.lstrip('/')}"


def log_tail(log_path: Path, *, lines: int = LOG_TAIL_LINES, secrets: tuple[str, ...] = ()) -> str:
    """The last lines of a log, redacted; empty when there is none."""
    try:
        with log_path.open("rb") as log:
            log.seek(0, 2)
            begin = max(0, log.tell() - max(_LOG_TAIL_BYTES, 400 * lines))
            log.seek(begin)
            text = log.read().decode(errors="replace")
    except OSError:
        return ""
    if begin:  # the rest of a line, or of a secret, cannot be told for what it is
        text = text.partition("\n")[2] or text[_LONGEST_SECRET:]
    return "\n".join(redact(text, secrets).splitlines()[-lines:]) if lines > 0 else ""


def with_log(message: str, log_path: Path | None, config: StackConfig) -> str:
    """``message``, followed by the last lines of the stack's log."""
    if log_path is None:
        return message
    tail = log_tail(log_path, secrets=secrets_of(config))
    if not tail.strip():
        return f"{message}\nIts log {log_path} is empty."
    return f"{message}\nLast lines of {log_path}:\n{tail}"


def log_end(log_path: Path, config: StackConfig) -> str:
    """The last lines of a log in one, for where a sentence has to do; empty when there is none."""
    tail = log_tail(log_path, lines=_END_LINES, secrets=secrets_of(config))
    return " | ".join(line.strip() for line in tail.splitlines() if line.strip())[-_END_CHARS:]


def secrets_of(config: StackConfig) -> tuple[str, ...]:
    """The values that must not be shown, and the passwords of those that are URLs."""
    values = tuple(config.environment.values())
    return (*values, *(password for value in values for password in passwords_in(value)))


def exit_text(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def describe_failure(error: httpx.HTTPError | httpx.InvalidURL, url: str) -> Look:
    """What a failed request says about the other end."""
    where = urlsplit(shown_url(url)).netloc
    finding = _finding(error)
    details = {
        Finding.DNS: f"the host name {urlsplit(url).hostname!r} cannot be resolved",
        Finding.TLS: f"the TLS handshake with {where} failed: {_tls_reason(error)}",
        Finding.TIMEOUT: f"{where} accepts connections but does not answer in time",
        Finding.REFUSED: f"nothing listens on {where} (connection refused)",
        Finding.UNREACHABLE: f"no connection to {where}: {str(error) or 'nothing answers'}",
        Finding.BROKEN: f"{where} sends an answer that is no valid HTTP: {_said(error)}",
        Finding.NOT_HTTP: f"{where} does not speak HTTP: {_said(error)}",
        Finding.CLOSED: f"{where} closed the connection before its answer was complete",
    }
    return Look(finding=finding, detail=details[finding])


def _finding(error: httpx.HTTPError | httpx.InvalidURL) -> Finding:
    """The class of a failure: by the operating system's error where there is one, else by httpx's."""
    kinds: tuple[tuple[type[BaseException], Finding], ...] = (
        (socket.gaierror, Finding.DNS),
        (ssl.SSLError, Finding.TLS),
        (ConnectionRefusedError, Finding.REFUSED),
        (httpx.ConnectTimeout, Finding.UNREACHABLE),
        (httpx.TimeoutException, Finding.TIMEOUT),
        (httpx.ConnectError, Finding.UNREACHABLE),
    )
    causes = _causes(error)
    for kind, finding in kinds:
        if any(isinstance(cause, kind) for cause in causes):
            return finding
    # A peer that closes too early is a protocol error to httpx, too; only the text tells.
    early = "disconnected" in str(error) or "peer closed" in str(error)
    if early or not isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
        return Finding.CLOSED
    return Finding.NOT_HTTP if "status line" in str(error) else Finding.BROKEN


def _said(error: httpx.HTTPError | httpx.InvalidURL) -> str:
    """The message of a protocol error, with the bytes that it quotes as text."""
    return excerpt(re.sub(r"(?:bytearray\()?\bb(['\"])(.*?)\1\)?", r"\2", str(error)))


def _client() -> httpx.Client:
    # No proxy and no .netrc from the environment: the load goes straight to the stack, and so does this.
    return httpx.Client(
        verify=ssl.create_default_context(), trust_env=False, follow_redirects=True, max_redirects=5
    )


def _look(client: httpx.Client, address: str, timeout_s: float, config: StackConfig) -> Look:
    try:
        with client.stream("GET", address, timeout=timeout_s) as response:
            body = _some_bytes(response, timeout_s)
            status = response.status_code
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise ConfigError(f"{shown_url(address)}: not an address that can be asked: {error}") from error
    except httpx.TooManyRedirects:
        return Look(finding=Finding.NO_HEALTH_PATH, detail=f"{shown_url(address)} redirects in a circle")
    except httpx.HTTPError as error:
        return _greeted(address) or describe_failure(error, address)
    if 200 <= status < 300:
        return Look(finding=Finding.HEALTHY, status=status, detail=f"{shown_url(address)} answers {status}")
    finding = Finding.UNHEALTHY if status >= 500 else Finding.NO_HEALTH_PATH
    said = excerpt(body, secrets_of(config))
    detail = f"{shown_url(address)} answers {status}" + (f": {said}" if said else "")
    return Look(finding=finding, status=status, detail=detail)


def _greeted(address: str) -> Look | None:
    """Whether the port speaks before it is asked, as SSH, SMTP and databases do and HTTP never does.

    An HTTP client waits for the rest of such a greeting and can only report a timeout.
    """
    parts = urlsplit(address)
    if parts.scheme != "http" or parts.hostname is None:
        return None
    try:
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=_GREETING_S) as connection:
            greeting = connection.recv(200)
    except OSError:
        return None
    if not greeting:
        return None
    where = urlsplit(shown_url(address)).netloc
    return Look(
        finding=Finding.NOT_HTTP, detail=f"{where} does not speak HTTP: {excerpt(greeting, chars=80)}"
    )


def _some_bytes(response: httpx.Response, timeout_s: float) -> bytes:
    """The beginning of the body; an endless one must not hold up the decision."""
    body, deadline = b"", time.monotonic() + timeout_s
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) >= _BODY_BYTES or time.monotonic() > deadline:
                break
    except httpx.DecodingError:
        pass
    return body[:_BODY_BYTES]


def _ready(look: Look, address: str, waited_s: float, *, foreign: bool) -> HealthReport | None:
    healthy = look.finding is Finding.HEALTHY
    note = None
    if not healthy:
        if not foreign or look.finding is not Finding.NO_HEALTH_PATH or look.status is None:
            return None
        note = f"{shown_url(address)} answers {look.status}; that the port answers HTTP will do"
    return HealthReport(url=shown_url(address), status=look.status or 0, waited_s=waited_s, note=note)


def _check_alive(alive: Callable[[], int | None], config: StackConfig, log_path: Path | None) -> None:
    code = alive()
    if code is None:
        return
    hint = "the command must stay in the foreground as long as the stack runs" if code == 0 else None
    message = f"the stack {exit_text(code)} before it was healthy"
    raise StackError(with_log(message, log_path, config), hint=hint)


def _not_healthy(
    look: Look, address: str, waited_s: float, config: StackConfig, log_path: Path | None
) -> StackError:
    message = f"the stack is not healthy after {waited_s:.0f} s: {look.detail}"
    if look.status is None:
        message += f" (asked {shown_url(address)})"
    return StackError(with_log(message, log_path, config), hint=_HINTS[look.finding])


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def _tls_reason(error: BaseException) -> str:
    cause = next((cause for cause in _causes(error) if isinstance(cause, ssl.SSLError)), None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {getattr(cause, 'verify_message', cause)}"
    if "WRONG_VERSION_NUMBER" in str(cause) or "RECORD_LAYER" in str(cause):
        return "the port does not speak TLS; use http:// in the address"
    return str(cause)
