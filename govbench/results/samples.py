"""The layout of the ``samples`` file: one fixed-size record per request. Opens and maps no file itself.

A file is a header of ``HEADER_BYTES`` followed by records of ``RECORD_BYTES`` each, all little-endian and
packed. A record whose outcome code is 0 was never written: the file is grown in steps ahead of need, and a
killed process leaves such a tail. docs/results.md describes every field for readers in other languages.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from govbench.results.run import Outcome

LAYOUT_VERSION = 1
MAGIC = b"GOVBENCH"

# name, struct code, meaning. Times are float32 milliseconds from the send instant and NaN where not
# measured; float32 keeps them to 1 µs up to 10 s and to 8 µs up to 100 s.
FIELDS: tuple[tuple[str, str, str], ...] = (
    ("due_ns", "q", "intended start, Unix time in ns"),
    ("send_delay_ms", "f", "send instant - intended start"),
    ("first_byte_ms", "f", "first byte of the answer, from send"),
    ("first_token_ms", "f", "first streamed event with content, from send"),
    ("last_byte_ms", "f", "last byte of the answer (or the instant of failure), from send"),
    ("lag_ms", "f", "program's clock when it had read the last byte - last_byte instant"),
    ("response_bytes", "I", "body bytes received (decoded from chunks, not from compression)"),
    ("request_bytes", "I", "bytes sent, head and body"),
    ("input_tokens", "I", "tokens of the request as reported by the target; NO_TOKENS where not"),
    ("output_tokens", "I", "tokens of the answer as reported by the target; NO_TOKENS where not"),
    ("dns_ms", "e", "name look-up before this request; NaN when the connection was reused"),
    ("connect_ms", "e", "TCP connect before this request; NaN when reused"),
    ("tls_ms", "e", "TLS handshake before this request; NaN when reused or plain"),
    ("status", "H", "HTTP status; 0 when there was none"),
    ("user", "H", "virtual user, from 0"),
    ("name", "H", "index into names.json"),
    ("events", "H", "streamed events received (65535 = that many or more)"),
    ("turn", "B", "turn within the session, from 0"),
    ("phase", "B", "index of the phase in the plan"),
    ("outcome", "B", "index into OUTCOME_CODES; 0 = record never written"),
    ("attempt", "B", "0 for the first try, then 1, 2, … for redirects and retries"),
    ("side", "B", "index of the side in the plan"),
    ("clock", "B", "1 = kernel receive timestamps, 0 = the program's clock"),
)

RECORD = struct.Struct("<" + "".join(code for _, code, _ in FIELDS))
RECORD_BYTES = RECORD.size
NO_TOKENS = 0xFFFFFFFF

# The header's counters are kept up while the load runs: a killed process still tells what it had sent.
HEADER = struct.Struct("<8sIIQQQ24x")
HEADER_BYTES = HEADER.size

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
)
CODE_OF: dict[Outcome, int] = {outcome: code for code, outcome in enumerate(OUTCOME_CODES) if outcome}

# "POST /api/v1/chat [citizen/passports]": asked in pairs, a request says in its name what kind it was.
_KIND = re.compile(r" \[([^/\[\]]*)/([^/\[\]]*)\]$")
_QUOTED = str.maketrans({character: f"%{ord(character):02X}" for character in "%/[]"})


@cache
def kind_suffix(scenario: str, category: str) -> str:
    """What follows the name of a request to say which scenario asked, and which category of question."""
    quoted = (text.translate(_QUOTED) for text in (scenario, category))
    return f" [{'/'.join(quoted)}]"


def kind_of(name: str) -> tuple[str, str] | None:
    """Scenario and category of a request by its name, or None where it does not say."""
    found = _KIND.search(name)
    return (unquote(found[1]), unquote(found[2])) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesHeader:
    """The first bytes of a samples file: layout and the counters of the process that wrote it."""

    layout_version: int
    record_bytes: int
    offered: int
    dropped: int
    sent: int

    def pack(self) -> bytes:
        """The header as it stands in the file."""
        return HEADER.pack(
            MAGIC, self.layout_version, self.record_bytes, self.offered, self.dropped, self.sent
        )

    @classmethod
    def unpack(cls, head: bytes) -> SamplesHeader:
        """Read a header back.

        Raises:
            ValueError: the bytes are too few, of another kind of file, or of an unknown layout.
        """
        if len(head) < HEADER_BYTES:
            raise ValueError("file is shorter than its header")
        magic, version, size, offered, dropped, sent = HEADER.unpack(head[:HEADER_BYTES])
        if magic != MAGIC:
            raise ValueError("not a govbench samples file")
        if version != LAYOUT_VERSION or size != RECORD_BYTES:
            raise ValueError(f"sample layout {version} is not the layout {LAYOUT_VERSION} of this govbench")
        return cls(layout_version=version, record_bytes=size, offered=offered, dropped=dropped, sent=sent)
