"""The layout of the ``resources`` file: one fixed-size record per look at what plays a role. Opens no file.

A header, which holds the table of its fields and the names of the roles, then the records in order of time,
all little-endian and packed. Each is appended with one write as soon as it was read, so a kill loses at most
the last. Fields are found by name, as those of samples are. docs/results.md describes them.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Final, NamedTuple

MAGIC: Final = b"GOVBRSRC"
LAYOUT_VERSION: Final = 1
NOT_MEASURED_16: Final = 0xFFFF
NOT_MEASURED_64: Final = 0xFFFF_FFFF_FFFF_FFFF

# name, struct code, unit, meaning
FIELDS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("at_s", "d", "s", "instant of the look, Unix time"),
    ("cpu_s", "d", "s", "CPU seconds so far; never falls"),
    (
        "rss_bytes",
        "Q",
        "bytes",
        "resident memory; of several processes the sum, so shared pages count in each",
    ),
    (
        "own_bytes",
        "Q",
        "bytes",
        "memory, shared pages counted once: PSS of processes, anon of a container",
    ),
    ("handles", "H", "", "open file descriptors"),
    ("threads", "H", "", "threads"),
    ("unread", "H", "", "processes that may not be read and are in no figure of this look"),
    ("role", "B", "", "index into the roles in the header"),
    ("source", "B", "", "index into the sources in the header"),
)
RECORD: Final = struct.Struct("<" + "".join(code for _, code, _, _ in FIELDS))
RECORD_BYTES: Final = RECORD.size
TYPES: Final = {"d": "<f8", "Q": "<u8", "H": "<u2", "B": "u1"}
_HEAD: Final = struct.Struct("<8sIIII8x")
HEAD_BYTES: Final = _HEAD.size


class Header(NamedTuple):
    """What stands before the records."""

    header_bytes: int
    record_bytes: int
    fields: tuple[tuple[str, str, int], ...]  # name, numpy type, offset
    roles: tuple[str, ...]
    sources: tuple[str, ...]


def pack_header(roles: tuple[str, ...], sources: tuple[str, ...]) -> bytes:
    """The header of a file of this version."""
    fields, offset = [], 0
    for name, code, unit, _ in FIELDS:
        fields.append({"name": name, "type": TYPES[code], "offset": offset, "unit": unit})
        offset += struct.calcsize("<" + code)
    table = json.dumps({"fields": fields, "roles": roles, "sources": sources}).encode()
    size = HEAD_BYTES + len(table)
    return _HEAD.pack(MAGIC, LAYOUT_VERSION, RECORD_BYTES, size, len(table)) + table


def unpack_header(data: bytes) -> Header:
    """Read a header back from the bytes of a file.

    Raises:
        ValueError: they are of another kind of file, or damaged.
    """
    if len(data) < HEAD_BYTES:
        raise ValueError("file is shorter than its header")
    magic, version, record_bytes, header_bytes, table_bytes = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise ValueError("not a govbench resources file")
    if version != LAYOUT_VERSION:
        raise ValueError(f"resources layout {version} is not the layout {LAYOUT_VERSION} of this govbench")
    known = {name for name, _, _, _ in FIELDS}
    try:
        table: dict[str, Any] = json.loads(data[HEAD_BYTES : HEAD_BYTES + table_bytes])
        return Header(
            header_bytes=header_bytes,
            record_bytes=record_bytes,
            fields=tuple(
                (str(f["name"]), str(f["type"]), int(f["offset"]))
                for f in table["fields"]
                if f["name"] in known
            ),
            roles=tuple(map(str, table["roles"])),
            sources=tuple(map(str, table["sources"])),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"the table of fields in the header is damaged: {error!r}") from error
