"""Text from outside, made harmless to a terminal, a report and the log of a CI job. Knows no secrets.

Outside is all that a server, a test file, a pull request or a stored file says. ``plain`` makes text so where
it enters or is written down; ``fault_in`` finds in a stored document what is not so, and names its key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

# Sequences that a terminal obeys: colours, cursor, title, clipboard.
_SEQUENCE: Final = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,16}[@-~]|\x1b\][^\x07\x1b\n]{0,512}(?:\x07|\x1b\\)|\x1b[()][0-9A-Za-z]"
)
# Controls but tab and line feed, separators of lines, what turns the direction of the text after it, halves
# of characters. What joins characters of a script (U+200C, U+200D) and marks of direction are part of words.
_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
# What a CI job's log takes for a command: of GitHub at the begin of a line, and a report may be wrapped at
# any blank; the older form, and those of others, anywhere.
_COMMAND: Final = re.compile(r"(?:^|(?<=\s)):(?=:[A-Za-z])|#(?=#[A-Za-z]{0,32}\[)", re.MULTILINE)

MOST_CHARS: Final = 65_536
MOST_LINE_CHARS: Final = 2_000
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_+-]|\.(?!\.)){0,199}")
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)")

_NAMES: Final = frozenset(
    {"govbench_version", "hash", "id", "machine_class", "profile", "run_id", "run_ids", "suite"}
    | {"suite_version", "target_kind"}
)
_TIMES: Final = frozenset({"calibrated_at", "committed_at", "measured_at", "started_at"})
_LINES: Final = frozenset(
    {
        "accepted",
        "anchor",
        "api",
        "architecture",
        "branch",
        "ci",
        "cpu_model",
        "form",
        "label",
        "level",
        "name",
    }
    | {"os", "os_release", "phase", "python", "region", "role", "runner_image", "since", "source", "target"}
    | {"url", "which"}
)
# What stands in these is called as somebody else likes: a package may be called "id".
_OTHERS: Final = frozenset({"packages", "settings"})
# Lists of pairs of numbers, long ones; the types of a document hold them to that.
_NUMBERS: Final = frozenset({"buckets"})
_CONTAINS_TEXT: Final = frozenset({str, list, dict})


def plain(text: str) -> str:
    """``text`` without what controls a terminal, and with blanks in what would command a CI job."""
    return without_commands(_UNSEEN.sub("", _SEQUENCE.sub("", text)))


def without_commands(text: str) -> str:
    """``text`` with blanks in what a CI job would take for a command."""
    return _COMMAND.sub(lambda found: f"{found[0]} ", text)


def plain_line(text: str) -> str:
    """The same on one line, cut where it is longer than any name."""
    line = " ".join(plain(text).split())
    return line if len(line) <= MOST_LINE_CHARS else line[: MOST_LINE_CHARS - 1] + "…"


def plain_document(value: Any, key: str = "") -> Any:
    """A document, as JSON, whose text is plain: what is written so can be read back."""
    if isinstance(value, str):
        return plain_line(value) if key in _LINES | _OTHERS else plain(value)[:MOST_CHARS]
    if isinstance(value, dict):
        return {plain_line(name): plain_document(item, _inner(key, name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_document(item, key) for item in value]
    return value


def fault_in(document: Any) -> str | None:
    """The key of the first text of a document that may not stand there, and why; None where all may."""
    return None if _is_plain(document, "") else next(_faults(document, "", ""), None)


def _is_plain(value: Any, key: str) -> bool:
    """Whether all may stand there, as nearly always: says no more, and takes a quarter of the time."""
    kind = type(value)
    if kind is str:
        return _looks_plain(value) and (key not in _RULES or _RULES[key](value) is None)
    if kind is list:
        return key in _NUMBERS or all(_is_plain(item, key) for item in value)
    if kind is dict:
        for name, item in value.items():
            if not _is_plain_key(name):
                return False
            if type(item) in _CONTAINS_TEXT and not _is_plain(item, _inner(key, name)):
                return False
    return True


@lru_cache(maxsize=4096)
def _is_plain_key(name: str) -> bool:
    return _looks_plain(name)


def _looks_plain(text: str) -> bool:
    """Whether a glance is enough: short, printable ASCII, and nothing that begins a command."""
    return (
        len(text) <= MOST_LINE_CHARS
        and text.isascii()
        and text.isprintable()
        and "::" not in text
        and "##" not in text
    )


def fault_of(text: str, *, most_chars: int = MOST_CHARS) -> str | None:
    """Why a text may not stand in a document: it is too long, or not plain."""
    if len(text) > most_chars:
        return f"is longer than {most_chars} characters"
    if _UNSEEN.search(text):
        return "holds characters that control a terminal or the direction of text"
    if _COMMAND.search(text):
        return "holds what a CI job would take for a command"
    return None


def _faults(value: Any, key: str, where: str) -> Iterator[str]:
    if isinstance(value, str):
        fault = fault_of(value) or _RULES.get(key, _no_fault)(value)
        if fault is not None:
            yield f"{where}: {fault}" if where else fault
    elif isinstance(value, Mapping):
        for name, item in value.items():
            fault = fault_of(name, most_chars=MOST_LINE_CHARS)
            if fault is not None:
                yield f"{where}: a key of it {fault}" if where else f"a key {fault}"
            yield from _faults(item, _inner(key, name), f"{where}.{name}" if where else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _faults(item, key, f"{where}.{index}")


def _inner(key: str, name: str) -> str:
    """Which rule holds for what a key of an object holds; ``key`` is that of the object."""
    return key if key in _OTHERS else name


def _no_fault(text: str) -> str | None:
    del text
    return None


def _fault_of_line(text: str) -> str | None:
    if "\n" in text or "\t" in text:
        return "must be a single line"
    return fault_of(text, most_chars=MOST_LINE_CHARS)


def _fault_of_name(text: str) -> str | None:
    if _NAME.fullmatch(text):
        return None
    return (
        "must be a name of letters, digits, single dots, dashes, plus signs and underscores, of at most 200"
    )


def _fault_of_commit(text: str) -> str | None:
    return None if _COMMIT.fullmatch(text) else "must be the hexadecimal id of a commit"


def _fault_of_time(text: str) -> str | None:
    wrong = f"{text[:40]!r} is no time such as 2026-01-31T09:30:00Z"
    if not _TIME.fullmatch(text):
        return wrong
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return wrong
    return None


_RULES: Final[Mapping[str, Callable[[str], str | None]]] = {
    **dict.fromkeys(_LINES | _OTHERS, _fault_of_line),
    **dict.fromkeys(_NAMES, _fault_of_name),
    **dict.fromkeys(_TIMES, _fault_of_time),
    "commit": _fault_of_commit,
}
