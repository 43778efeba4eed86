"""The layout of the samples file, and the tables of the documents that are made from the code."""

from __future__ import annotations

import json
import math
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from govbench.results.metrics import METRICS, Direction
from govbench.results.run import Outcome
from govbench.results.samples import (
    CODE_OF,
    FIELDS,
    HEADER,
    HEADER_BYTES,
    LAYOUT_VERSION,
    MAGIC,
    NO_TOKENS,
    OUTCOME_CODES,
    RECORD,
    RECORD_BYTES,
    SamplesHeader,
    kind_of,
    kind_suffix,
)

DOC = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
TYPES = {"q": "int64", "f": "float32", "e": "float16", "I": "uint32", "H": "uint16", "B": "uint8"}
NAN = math.nan


def header(**changes: int) -> SamplesHeader:
    fields = {"offered": 12, "dropped": 2, "sent": 10}
    return SamplesHeader(layout_version=LAYOUT_VERSION, record_bytes=RECORD_BYTES, **(fields | changes))


def test_sizes() -> None:
    assert RECORD_BYTES == 64
    assert HEADER_BYTES == 64
    assert RECORD.size == sum(struct.calcsize("<" + code) for _, code, _ in FIELDS)


def test_a_header_is_read_back() -> None:
    assert SamplesHeader.unpack(header().pack()) == header()
    assert SamplesHeader.unpack(header().pack() + b"records") == header()


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"", "shorter than its header"),
        (header().pack()[:-1], "shorter than its header"),
        (b"PK\x03\x04" + header().pack()[4:], "not a govbench samples file"),
        (HEADER.pack(MAGIC, LAYOUT_VERSION + 1, RECORD_BYTES, 0, 0, 0), "layout 2 is not the layout 1"),
        (HEADER.pack(MAGIC, LAYOUT_VERSION, RECORD_BYTES + 8, 0, 0, 0), "is not the layout"),
    ],
)
def test_what_is_no_header_is_refused(head: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SamplesHeader.unpack(head)


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
    for name, code, meaning in FIELDS:
        expected.append([str(offset), f"`{name}`", TYPES[code], meaning])
        offset += struct.calcsize("<" + code)
    assert table("### Records") == expected


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
    values: dict[str, Any] = dict.fromkeys([name for name, _, _ in FIELDS], 0)
    values |= {name: NAN for name, code, _ in FIELDS if code in "fe"}
    values |= {"due_ns": int(due_s * 1e9), "send_delay_ms": 1.0, "last_byte_ms": last_byte_ms}
    values |= {"input_tokens": NO_TOKENS, "output_tokens": NO_TOKENS, "outcome": CODE_OF[outcome]}
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
    code = snippet("import DTYPE")
    assert len([line for line in code.splitlines() if line.strip()]) <= 7
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
    exec(compile(snippet("json.loads"), "docs/results.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["pass: all well", "baseline 0 response_time_p50_ms 21.5"]


@pytest.mark.parametrize(
    ("scenario", "category"),
    [("citizen", "passports"), ("a/b", "100 % [of] it"), ("", "%2F"), ("naïve 日本", "x]/[y")],
)
def test_a_request_name_tells_its_scenario_and_category_whatever_they_hold(
    scenario: str, category: str
) -> None:
    name = f"POST /api/v1/chat{kind_suffix(scenario, category)}"
    assert kind_of(name) == (scenario, category)


@pytest.mark.parametrize("name", ["POST /api/v1/chat", "GET /items [list]", "GET /a [b/c] d", ""])
def test_another_request_name_tells_no_kind(name: str) -> None:
    assert kind_of(name) is None
