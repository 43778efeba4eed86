"""Takes secrets and personal data out of text before it is kept or shown. Best effort, by pattern."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit, urlunsplit

REDACTED: Final = "[redacted]"
# Shorter values (a port, "true", a user name) would blacken half of a log.
_SHORTEST_SECRET: Final = 6

_NAMED: Final = re.compile(
    r"(?i)([\w-]*(?:api[_-]?key|token|secret|passwo?r?d|authorization)[\"']?\s*[:=]\s*[\"']?(?:bearer\s+|basic\s+)?)"
    r"[^\s\"',;&}]+"
)
_SCHEME: Final = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}")
_PREFIXED: Final = re.compile(r"\b(?:sk|pk|rk|gh[opsu]|github_pat|glpat|xox[abprs])[-_][\w-]{10,}")
_USERINFO: Final = re.compile(r"(\w+://)[^\s/@]+@")
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_LONG_NUMBER: Final = re.compile(r"\+?\d[\d ()./-]{7,}\d")
_CONTROL: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without the given secrets, without what looks like one, and without terminal control codes."""
    text = _CONTROL.sub("", text)
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, REDACTED)
    text = _USERINFO.sub(rf"\1{REDACTED}@", text)
    text = _NAMED.sub(rf"\1{REDACTED}", text)
    text = _SCHEME.sub(rf"\1 {REDACTED}", text)
    return _PREFIXED.sub(REDACTED, text)


def excerpt(body: bytes | str, secrets: Iterable[str] = (), *, chars: int = 200) -> str:
    """The beginning of an answer, on one line and redacted before it is cut."""
    text = body if isinstance(body, str) else body.decode(errors="replace")
    line = " ".join(redact(text, secrets).split())
    return line if len(line) <= chars else line[: chars - 1] + "…"


def shown_url(url: str) -> str:
    """``url`` without user name and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def anonymised(text: str) -> str:
    """``redact`` that also takes out e-mail addresses and long numbers (telephone, account, identity)."""
    return _LONG_NUMBER.sub(REDACTED, _EMAIL.sub(REDACTED, redact(text)))
