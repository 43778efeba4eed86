"""The layout of the ``samples`` file: one fixed-size record per request. Opens and maps no file itself.

A file is a header, which holds the table of its fields, followed by one record for each request, all
little-endian and packed. Readers find fields by their names, so that a field can be added without a new
layout; what a file has no field for was not measured. A record whose outcome code is 0 was never written:
the file is grown in steps ahead of need, and a killed process leaves such a tail. docs/results.md describes
every field for readers in other languages.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from govbench.results.run import Outcome

LAYOUT_VERSION: Final = 2
MAGIC: Final = b"GOVBENCH"

NO_TOKENS: Final = 0xFFFFFFFF
NO_SESSION: Final = 0xFFFFFFFF
NO_KIND: Final = 0xFFFF

# The bits of ``flags``, from the lowest up.
FLAG_NAMES: Final = ("kernel_clock", "reused", "resend", "retry", "redirect", "last_turn")
KERNEL_CLOCK, REUSED, RESEND, RETRY, REDIRECT, LAST_TURN = (1 << bit for bit in range(len(FLAG_NAMES)))


class Field(NamedTuple):
    """A field of a record as this version writes it; ``code`` is its struct code."""

    name: str
    code: str
    unit: str
    meaning: str


# Times are float32 milliseconds from the send instant and NaN where not measured; float32 keeps them to 1 µs
# up to 10 s and to 8 µs up to 100 s.
FIELDS: Final[tuple[Field, ...]] = tuple(
    Field(*each)
    for each in (
        ("due_ns", "q", "ns", "intended start, Unix time in ns"),
        ("send_delay_ms", "f", "ms", "send instant - intended start"),
        ("first_byte_ms", "f", "ms", "first byte of the answer, from send"),
        ("first_token_ms", "f", "ms", "first streamed event with content or reasoning, from send"),
        ("first_answer_ms", "f", "ms", "first streamed event with content that is no reasoning, from send"),
        ("last_byte_ms", "f", "ms", "last byte of the answer (or the instant of failure), from send"),
        ("lag_ms", "f", "ms", "program's clock when it had read the last byte - last_byte instant"),
        ("response_bytes", "I", "bytes", "body bytes received (decoded from chunks, not from compression)"),
        ("request_bytes", "I", "bytes", "bytes sent, head and body"),
        ("input_tokens", "I", "tokens", "of the request as reported by the target; NO_TOKENS where not"),
        ("output_tokens", "I", "tokens", "of the answer as reported by the target; NO_TOKENS where not"),
        ("cached_tokens", "I", "tokens", "of the input, read from a cache there; NO_TOKENS where not told"),
        ("session", "I", "", "session, its turns have the same; NO_SESSION where there is none"),
        ("upload_ms", "e", "ms", "kernel had taken all of the request, from send; 0 when at once"),
        ("dns_ms", "e", "ms", "name look-up before this request; NaN when the connection was reused"),
        ("connect_ms", "e", "ms", "TCP connect before this request; NaN when reused"),
        ("tls_ms", "e", "ms", "TLS handshake before this request; NaN when reused or plain"),
        ("status", "H", "", "HTTP status; 0 when there was none"),
        ("user", "H", "", "virtual user, from 0"),
        ("name", "H", "", "index into names.json"),
        ("kind", "H", "", "index into kinds.json; NO_KIND where there is none"),
        ("events", "H", "", "streamed events received (65535 = that many or more)"),
        ("turn", "B", "", "turn within the session, from 0"),
        ("phase", "B", "", "index of the phase in the plan"),
        ("outcome", "B", "", "index into OUTCOME_CODES; 0 = record never written"),
        ("attempt", "B", "", "0 for the first try, then 1, 2, … for redirects and retries; flags tell which"),
        ("side", "B", "", "index of the side in the plan"),
        ("flags", "B", "|".join(FLAG_NAMES), "bits, the lowest first, as the unit in the header names them"),
    )
)  # fmt: skip

RECORD: Final = struct.Struct("<" + "".join(field.code for field in FIELDS))
RECORD_BYTES: Final = RECORD.size
TYPES: Final = {"q": "<i8", "f": "<f4", "I": "<u4", "e": "<f2", "H": "<u2", "B": "u1"}
# What stands for "not measured" in a field of whole numbers; all others have 0 for it, those of times NaN.
NOT_MEASURED: Final = {
    "input_tokens": NO_TOKENS, "output_tokens": NO_TOKENS, "cached_tokens": NO_TOKENS,
    "session": NO_SESSION, "kind": NO_KIND,
}  # fmt: skip
# Without these a file says nothing about how long requests took and how they ended.
REQUIRED: Final = ("due_ns", "send_delay_ms", "last_byte_ms", "phase", "outcome", "side")

OUTCOME_CODES: tuple[Outcome | None, ...] = (
    None,
    Outcome.OK,
    Outcome.CONNECT,
    Outcome.TLS,
    Outcome.TIMEOUT,
    Outcome.RESET,
    Outcome.TRUNCATED,
    Outcome.HTTP_4XX,
    Outcome.HTTP_429,
    Outcome.HTTP_5XX,
    Outcome.BAD_BODY,
    Outcome.CHECK,
    Outcome.CANCELLED,
    Outcome.STREAM,
)
CODE_OF: dict[Outcome, int] = {outcome: code for code, outcome in enumerate(OUTCOME_CODES) if outcome}


class Kind(NamedTuple):
    """What kind of request it was, an entry of kinds.json: who asked, and which category of question."""

    scenario: str
    category: str | None


def kinds_json(kinds: list[Kind]) -> str:
    """The text of kinds.json."""
    return json.dumps([kind._asdict() for kind in kinds])


# In layout 1 a request asked in pairs said its kind in its name: "POST /api/v1/chat [citizen/passports]".
_KIND = re.compile(r" \[([^/\[\]]*)/([^/\[\]]*)\]$")


def kind_of(name: str) -> Kind | None:
    """The kind of a request of layout 1 by its name, or None where that does not say."""
    found = _KIND.search(name)
    return Kind(unquote(found[1]), unquote(found[2])) if found else None


class Place(NamedTuple):
    """A field as a file describes it: its numpy type, and where in a record it begins."""

    name: str
    type: str
    offset: int
    unit: str


def _places(fields: tuple[tuple[str, str, str], ...]) -> tuple[Place, ...]:
    found, offset = [], 0
    for name, code, unit in fields:
        found.append(Place(name, TYPES[code], offset, unit))
        offset += struct.calcsize("<" + code)
    return tuple(found)


PLACES: Final = _places(tuple((field.name, field.code, field.unit) for field in FIELDS))

# Layout 1 has no table in its header. Its last byte told the clock, as the lowest of the flags does now.
_LAYOUT_1: Final = (
    ("due_ns", "q"), ("send_delay_ms", "f"), ("first_byte_ms", "f"), ("first_token_ms", "f"),
    ("last_byte_ms", "f"), ("lag_ms", "f"), ("response_bytes", "I"), ("request_bytes", "I"),
    ("input_tokens", "I"), ("output_tokens", "I"), ("dns_ms", "e"), ("connect_ms", "e"), ("tls_ms", "e"),
    ("status", "H"), ("user", "H"), ("name", "H"), ("events", "H"), ("turn", "B"), ("phase", "B"),
    ("outcome", "B"), ("attempt", "B"), ("side", "B"), ("flags", "B"),
)  # fmt: skip
PLACES_1: Final = _places(
    tuple((name, code, FLAG_NAMES[0] if name == "flags" else "") for name, code in _LAYOUT_1)
)

# Magic, layout, bytes of a record, three counters, bytes of the header, bytes of the table in it.
# The counters are kept up while the load runs: a killed process still tells what it had sent.
HEAD: Final = struct.Struct("<8sIIQQQII16x")
COUNTERS_AT: Final = 16
_HEADER_BYTES_1: Final = HEAD.size
_TABLE: Final = json.dumps([place._asdict() for place in PLACES], separators=(",", ":")).encode()
_ALIGNED: Final = 1024
HEADER_BYTES: Final = -(-(HEAD.size + len(_TABLE)) // _ALIGNED) * _ALIGNED
MOST_HEADER_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesHeader:
    """The first bytes of a samples file: its layout, and the counters of the process that wrote it."""

    offered: int
    dropped: int
    sent: int
    layout_version: int = LAYOUT_VERSION
    record_bytes: int = RECORD_BYTES
    header_bytes: int = HEADER_BYTES
    places: tuple[Place, ...] = PLACES

    def pack(self) -> bytes:
        """The header as it stands in a file of this version's layout."""
        head = HEAD.pack(
            MAGIC,
            LAYOUT_VERSION,
            RECORD_BYTES,
            self.offered,
            self.dropped,
            self.sent,
            HEADER_BYTES,
            len(_TABLE),
        )
        return (head + _TABLE).ljust(HEADER_BYTES, b"\0")

    @classmethod
    def unpack(cls, head: bytes) -> SamplesHeader:
        """Read a header back from the first ``MOST_HEADER_BYTES`` of a file, or all that there are.

        Raises:
            ValueError: the bytes are too few, of another kind of file, of an unknown layout, or without a
                field that no reader can do without.
        """
        if len(head) < HEAD.size:
            raise ValueError("file is shorter than its header")
        magic, version, size, offered, dropped, sent, header_bytes, table_bytes = HEAD.unpack_from(head)
        if magic != MAGIC:
            raise ValueError("not a govbench samples file")
        if version == 1:
            header_bytes, places = _HEADER_BYTES_1, PLACES_1
        elif version != LAYOUT_VERSION:
            raise ValueError(f"sample layout {version} is none of the layouts 1 and 2 of this govbench")
        elif len(head) < header_bytes or HEAD.size + table_bytes > header_bytes:
            raise ValueError("file is shorter than its header")
        else:
            places = _read_table(head[HEAD.size : HEAD.size + table_bytes])
        _check(places, size)
        return cls(
            layout_version=version,
            record_bytes=size,
            header_bytes=header_bytes,
            places=places,
            offered=offered,
            dropped=dropped,
            sent=sent,
        )


def _read_table(text: bytes) -> tuple[Place, ...]:
    """The fields of a file that this version knows; others are of a later one and are passed over."""
    known = {field.name for field in FIELDS}
    try:
        rows: list[dict[str, Any]] = json.loads(text)
        return tuple(
            Place(str(row["name"]), str(row["type"]), int(row["offset"]), str(row["unit"]))
            for row in rows
            if row["name"] in known
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"the table of fields in the header is damaged: {error!r}") from error


def _check(places: tuple[Place, ...], record_bytes: int) -> None:
    sizes = {numpy_type: struct.calcsize("<" + code) for code, numpy_type in TYPES.items()}
    for place in places:
        if place.type not in sizes:
            raise ValueError(f"field {place.name} is of type {place.type}, which this govbench does not know")
        if not 0 <= place.offset <= record_bytes - sizes[place.type]:
            raise ValueError(f"field {place.name} lies outside its record")
    missing = set(REQUIRED) - {place.name for place in places}
    if missing:
        raise ValueError(f"the file has no field {', '.join(sorted(missing))}")
