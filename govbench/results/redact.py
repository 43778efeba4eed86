"""Takes secrets and personal data out of text before it is kept or shown. Best effort, by pattern.

It runs within the load process, on whatever a target answers. So every pattern takes time in proportion to
the text: it begins at a fixed mark or behind a lookbehind, and what follows is bounded or cannot be read in
two ways. And a text of which only the beginning is kept is cut before it is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit, urlunsplit

REDACTED: Final = "[redacted]"
# Shorter values (a port, "true", a user name) would blacken half of a log.
_SHORTEST_SECRET: Final = 6
# Beyond what is kept of a text, for what redacting and joining lines makes shorter.
_SPARE_CHARS: Final = 4_096
_LONGEST_WORD: Final = 512

_NAMED: Final = re.compile(
    r"(?i)("
    r"(?:api[_-]?key|(?:access|private|secret|account)[_-]?key|token|secret|passwo?r?d|passphrase|authorization"
    r"|credentials?|(?<![^\W\d_])(?:pass|pwd)|(?-i:(?<=[a-z])(?:Pass|Pwd)))"
    r"\\{0,4}[\"']?\s*[:=]\s*)"
    r"(?:(\")(?:[^\"\\\n]|\\.)++|(\\{1,4}\")[^\"\\\n]++|('?)(?:bearer\s+|basic\s+)?[^\s\"',;&}]+)"
)
_SCHEME: Final = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}")
_PREFIXED: Final = re.compile(r"\b(?:sk|pk|rk|gh[opsu]|github_pat|glpat|xox[abprs])[-_][\w-]{10,}")
# A password may hold "@" and "/" as they are; a colon before mere digits and "/" is that of a port.
_USERINFO: Final = re.compile(
    r"://(?:[^\s/@:\"'<>]{0,256}:(?!\d{1,5}[/?#])[^\s\"'<>]{0,512}|[^\s/\"'<>]{1,512})@"
)
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+")
_LONG_NUMBER: Final = re.compile(r"\+?\d[\d ()./-]{7,}\d")
_CONTROL: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_CUT_WORD: Final = re.compile(rf"\S{{1,{_LONGEST_WORD}}}\Z")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without the given secrets, without what looks like one, and without terminal control codes."""
    text = _without(_CONTROL.sub("", text), secrets)
    text = without_credentials(text)
    text = _NAMED.sub(lambda found: f"{found[1]}{found[2] or found[3] or found[4]}{REDACTED}", text)
    text = _SCHEME.sub(rf"\1 {REDACTED}", text)
    return _PREFIXED.sub(REDACTED, text)


def without_credentials(text: str, *, mark: str = REDACTED) -> str:
    """``text`` with ``mark`` in place of the user names and passwords of the URLs in it."""
    return _USERINFO.sub(f"://{mark}@", text)


def excerpt(body: bytes | str, secrets: Iterable[str] = (), *, chars: int = 200) -> str:
    """The beginning of an answer, on one line; nothing of a secret is left where it is cut."""
    line = " ".join(redact(_beginning(body, secrets, chars=chars), secrets).split())
    return line if len(line) <= chars else line[: chars - 1] + "…"


def shown_url(url: str) -> str:
    """``url`` without user name and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def anonymised(text: str, secrets: Iterable[str] = (), *, chars: int) -> str:
    """The beginning of a text, redacted, and also without e-mail addresses and long numbers.

    Long numbers are those of telephones, accounts and identity cards.
    """
    text = redact(_beginning(text, secrets, chars=chars), secrets)
    return _LONG_NUMBER.sub(REDACTED, _EMAIL.sub(REDACTED, text))[:chars]


def _without(text: str, secrets: Iterable[str]) -> str:
    """``text`` without the secrets, whole wherever they stand: overlapping ones, too."""
    spans = sorted(
        (found.start(1), found.end(1))
        for secret in set(secrets)
        if len(secret) >= _SHORTEST_SECRET and secret in text
        for found in re.finditer(rf"(?=({re.escape(secret)}))", text)
    )
    kept, end = [], 0
    for begin, until in spans:
        if begin >= end:
            kept += [text[end:begin], REDACTED]
        end = max(end, until)
    return "".join((*kept, text[end:]))


def _beginning(body: bytes | str, secrets: Iterable[str], *, chars: int) -> str:
    """As much of a text as is needed to keep ``chars`` of it, without what a cut leaves of a secret."""
    most = chars + _SPARE_CHARS
    text = body[:most] if isinstance(body, str) else body[:most].decode(errors="replace")
    if len(body) <= most:
        return text
    for secret in secrets:
        length = next((n for n in range(len(secret), 0, -1) if text.endswith(secret[:n])), 0)
        text = text[: len(text) - length]
    return _CUT_WORD.sub("", text)
