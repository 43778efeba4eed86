"""Takes what may be personal or secret out of text that is kept or shown. Best effort, by pattern."""

from __future__ import annotations

import re

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<email>"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w~+/.=-]{8,}"), r"\1 <token>"),
    (re.compile(r"\b(?:sk|pk|ghp|gho|ghs|github_pat|xox[abp])[-_][\w-]{8,}"), "<key>"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+"), "<token>"),
    (re.compile(r"(?i)\b(api[-_]?key|password|secret|token)(\"?\s*[:=]\s*\"?)[^\s\",;&]+"), r"\1\2<secret>"),
    (re.compile(r"(://[^/\s:@]+):[^/\s@]+@"), r"\1:<secret>@"),
    (re.compile(r"\+?\d[\d ()./-]{7,}\d"), "<number>"),
)


def redacted(text: str) -> str:
    """``text`` with e-mail addresses, long numbers, keys, tokens and passwords replaced by a word."""
    for pattern, word in _PATTERNS:
        text = pattern.sub(word, text)
    return text
