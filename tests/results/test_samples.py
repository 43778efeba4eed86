"""The layout of the samples file, and the tables of the documents that are made from the code."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from govbench.results import resources
from govbench.results.breakdown import Breakdown, Group, Groups, Spread
from govbench.results.metrics import METRICS, Direction
from govbench.results.run import Outcome
from govbench.results.samples import (
    CODE_OF,
    FIELDS,
    HEAD,
    HEADER_BYTES,
    LAYOUT_VERSION,
    MAGIC,
    NOT_MEASURED,
    OUTCOME_CODES,
    PLACES,
    RECORD,
    RECORD_BYTES,
    Kind,
    Place,
    SamplesHeader,
    kind_of,
)

DOC = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
TYPES = {"q": "int64", "f": "float32", "e": "float16", "I": "uint32", "H": "uint16", "B": "uint8"}
NAN = math.nan


def header() -> SamplesHeader:
    return SamplesHeader(offered=12, dropped=2, sent=10)


def described(places: object, record_bytes: int = RECORD_BYTES) -> bytes:
    """A header with another table of fields."""
    text = places if isinstance(places, bytes) else json.dumps(places).encode()
    head = HEAD.pack(MAGIC, LAYOUT_VERSION, record_bytes, 0, 0, 0, HEAD.size + len(text), len(text))
    return head + text


def rows_of(*places: Place) -> list[dict[str, Any]]:
    return [place._asdict() for place in places]


def test_sizes() -> None:
    assert RECORD_BYTES == 80
    assert HEADER_BYTES % 1024 == 0
    assert RECORD.size == sum(struct.calcsize("<" + field.code) for field in FIELDS)


def test_a_header_is_read_back() -> None:
    assert SamplesHeader.unpack(header().pack()) == header()
    assert SamplesHeader.unpack(header().pack() + b"records") == header()


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"", "shorter than its header"),
        (header().pack()[:-1], "shorter than its header"),
        (b"PK\x03\x04" + header().pack()[4:], "not a govbench samples file"),
        (
            HEAD.pack(MAGIC, 3, RECORD_BYTES, 0, 0, 0, HEADER_BYTES, 2),
            "layout 3 is none of the layouts 1 and 2",
        ),
        (HEAD.pack(MAGIC, 2, RECORD_BYTES, 0, 0, 0, 64, 1), "shorter than its header"),
        (HEAD.pack(MAGIC, 1, 8, 0, 0, 0, 0, 0), "lies outside its record"),
        (described(b"[{"), "table of fields in the header is damaged"),
        (described([{"name": "due_ns"}]), "table of fields in the header is damaged"),
        (described(rows_of(*PLACES), 79), "field flags lies outside its record"),
        (described(rows_of(*PLACES[:-1], Place("flags", "<c16", 0, ""))), "field flags is of type <c16"),
        (described(rows_of(*PLACES[1:])), "the file has no field due_ns"),
    ],
)
def test_what_is_no_header_is_refused(head: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SamplesHeader.unpack(head)


def test_fields_of_a_later_version_are_passed_over() -> None:
    later = [*rows_of(*PLACES), {"name": "mood", "type": "<u16", "offset": 80, "unit": "", "since": 9}]
    assert SamplesHeader.unpack(described(later, 82)).places == PLACES


def test_every_outcome_has_one_code_and_zero_is_none() -> None:
    assert OUTCOME_CODES[0] is None
    assert set(CODE_OF) == set(Outcome)
    assert sorted(CODE_OF.values()) == list(range(1, len(Outcome) + 1))
    assert all(OUTCOME_CODES[code] is outcome for outcome, code in CODE_OF.items())


# docs/results.md


def table(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    section = DOC.split(f"\n{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert lines is not None
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[0].splitlines()]
    return rows[2:]


def test_the_documented_fields_are_those_of_the_layout() -> None:
    offset, expected = 0, []
    for name, code, _, meaning in FIELDS:
        expected.append([str(offset), f"`{name}`", TYPES[code], meaning])
        offset += struct.calcsize("<" + code)
    assert table("### Records") == expected


def test_the_documented_fields_of_resources_are_those_of_the_layout() -> None:
    types = TYPES | {"d": "float64", "Q": "uint64"}
    offset, expected = 0, []
    for name, code, _, meaning in resources.FIELDS:
        expected.append([str(offset), f"`{name}`", types[code], meaning])
        offset += struct.calcsize("<" + code)
    assert table("## resources") == expected


def test_the_documented_outcomes_are_those_of_the_layout() -> None:
    documented = [(int(row[0]), row[1].strip("`")) for row in table("### Outcomes")]
    assert documented[1:] == [(code, str(outcome)) for outcome, code in CODE_OF.items()]
    assert documented[0][0] == 0


def test_the_documented_metrics_are_those_of_the_code() -> None:
    better = {Direction.LOWER: "less", Direction.HIGHER: "more"}
    assert [row[:4] for row in table("## Metrics")] == [
        [f"`{name}`", spec.unit.value, better[spec.direction], "yes" if spec.gate else "no"]
        for name, spec in METRICS.items()
    ]


def snippet(word: str) -> str:
    found: list[str] = [code for code in re.findall(r"```python\n(.*?)```", DOC, re.DOTALL) if word in code]
    assert len(found) == 1
    return found[0]


def record(due_s: float, last_byte_ms: float, outcome: Outcome) -> bytes:
    values: dict[str, Any] = {field.name: NAN if field.code in "fe" else 0 for field in FIELDS} | NOT_MEASURED
    values |= {"due_ns": int(due_s * 1e9), "send_delay_ms": 1.0, "last_byte_ms": last_byte_ms}
    values |= {"outcome": CODE_OF[outcome]}
    return RECORD.pack(*values.values())


def test_the_documented_way_to_read_samples_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "latest"
    folder.mkdir(parents=True)
    records = [record(10, 20.0, Outcome.OK), record(11, 30.0, Outcome.OK), record(12, 900.0, Outcome.TIMEOUT)]
    never_written = bytes(RECORD_BYTES)
    (folder / "samples").write_bytes(header().pack() + b"".join(records) + never_written)
    for word, most_lines in (("read_samples", 5), ("np.fromfile(path", 12)):
        code = snippet(word)
        assert len([line for line in code.splitlines() if line.strip()]) <= most_lines
        exec(compile(code, "docs/results.md", "exec"), {})
        assert capsys.readouterr().out.split() == ["2", "26.0"]


def test_the_documented_way_to_read_events_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "latest"
    folder.mkdir(parents=True)
    (folder / "events").write_bytes(b"".join(struct.pack("<If", 0, at) for at in (5.0, 7.0, 12.0)))
    exec(compile(snippet("latest/events"), "docs/results.md", "exec"), {})
    assert capsys.readouterr().out.split() == ["3.5"]


def test_the_documented_way_to_read_results_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "latest"
    folder.mkdir(parents=True)
    metric = {"name": "response_time_p50_ms", "value": 21.5, "n": 900}
    side = {"test_type": "baseline", "side": 0, "metrics": [metric]}
    body = {"summary": {"test_types": [side]}, "comparison": {"verdict": "pass", "reason": "all well"}}
    (folder / "results.json").write_text(json.dumps(body))
    exec(compile(snippet('results["comparison"]'), "docs/results.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["pass: all well", "baseline 0 response_time_p50_ms 21.5"]


def test_the_documented_way_to_read_a_breakdown_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "latest"
    folder.mkdir(parents=True)
    group = Group(name="GET /items", failed=3, times=Spread(n=40, min_ms=1, mean_ms=3, p50_ms=2.5, max_ms=9))
    breakdown = Breakdown(response_time=group.times, names=Groups(largest=(group,)))
    phases = [
        {"phase": {"name": "ten"}, "breakdown": dataclasses.asdict(breakdown)},
        {"phase": {"name": "idle"}, "breakdown": None},
    ]
    (folder / "results.json").write_text(json.dumps({"summary": {"phases": phases}}))
    exec(compile(snippet('group["times"]'), "docs/results.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["ten GET /items 3 2.5"]


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("[citizen/passports]", Kind("citizen", "passports")),
        ("[a%2Fb/100 %25 %5Bof%5D it]", Kind("a/b", "100 % [of] it")),
        ("[/%252F]", Kind("", "%2F")),
        ("[na\u00efve \u65e5\u672c/x%5D%2F%5By]", Kind("na\u00efve \u65e5\u672c", "x]/[y")),
    ],
)
def test_a_request_name_of_layout_1_tells_its_kind_whatever_that_holds(suffix: str, kind: Kind) -> None:
    assert kind_of(f"POST /api/v1/chat {suffix}") == kind


@pytest.mark.parametrize("name", ["POST /api/v1/chat", "GET /items [list]", "GET /a [b/c] d", ""])
def test_another_request_name_tells_no_kind(name: str) -> None:
    assert kind_of(name) is None
