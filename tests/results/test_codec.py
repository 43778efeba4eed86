"""``results.json``: what is written is read back the same, and what is wrong is refused with file and key."""

from __future__ import annotations

import dataclasses
import json
import math
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from govbench.errors import ResultsError
from govbench.results import breakdown, codec, comparison, metrics, plan, rounds, run
from govbench.results.breakdown import Attempts, Spread
from govbench.results.comparison import Change, Reference, Results
from govbench.results.metrics import AdjustedPercentile, Metric, MetricName
from govbench.results.plain import plain_line
from govbench.results.plan import Arrivals, LoadModel, Phase, RatePoint, Slice, ThinkTime
from govbench.results.rounds import Circumstance, Observation, Round
from govbench.results.run import Environment, MachineSpeed, Provenance, RunInfo, Window
from govbench.results.versions import PlanVersion
from tests.recorded.runs import recorded_text

DOCS = Path(__file__).parents[2] / "docs"

COUNTS = st.integers(0, 2**53)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE, SMALL = st.floats(1e-3, 1e6), st.floats(0, 1e6)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=12).map(plain_line),  # what else a text may hold is never written
    float: FLOATS,
    int: COUNTS,
    bool: st.booleans(),
    type(None): st.none(),
}
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_+-]{0,9}", fullmatch=True)
COMMITS = st.none() | st.sampled_from(["0123456", "f" * 40, "0" * 64])
TIMES = st.sampled_from(["2026-01-31T09:30:00Z", "2026-01-31T09:30:00.25+01:00"])
# What the invariants of a type, and of what is read, ask of its fields.
FIELDS: dict[type, dict[str, st.SearchStrategy[Any]]] = {
    ThinkTime: {"low_s": st.floats(0.5, 5), "high_s": st.floats(5, 9)},
    RatePoint: {"at_s": SMALL, "rate_rps": POSITIVE},
    Arrivals: {
        "points": st.lists(SMALL, min_size=1, max_size=3, unique=True).map(
            lambda instants: tuple(RatePoint(at_s=at, rate_rps=2.5) for at in sorted(instants))
        ),
        "max_in_flight": st.integers(1, 10_000),
    },
    Slice: {"start_s": SMALL, "duration_s": POSITIVE},
    Phase: {
        "users": st.integers(1, 10_000),
        "steady_s": POSITIVE,
        "warmup_s": SMALL,
        "cooldown_s": SMALL,
        "spawn_rate": POSITIVE,
        "model": st.just(LoadModel.CLOSED),
        "arrivals": st.none(),
    },
    AdjustedPercentile: {"n": st.integers(9, 2**53), "failed": st.integers(0, 9)},
    Metric: {
        "n": st.integers(1, 2**53),
        "low": st.none() | st.floats(-9, 0),
        "high": st.none() | st.floats(0, 9),
        "standard_error": st.none() | SMALL,
    },
    Observation: {
        "base": FLOATS,
        "head": FLOATS,
        "base_n": st.integers(1, 2**53),
        "head_n": st.integers(1, 2**53),
        "effect": st.none(),
        "standard_error": st.none() | SMALL,
    },
    Circumstance: {
        "base_n": st.integers(100, 2**53),
        "head_n": st.integers(100, 2**53),
        "base_failed": st.integers(0, 100),
        "head_failed": st.integers(0, 100),
        "base": st.just(20.0),
        "head": st.just(25.0),
        "effect": FLOATS,
        "standard_error": FLOATS,
    },
    Spread: {"n": st.integers(1, 2**53)},
    Attempts: {
        "asked": st.integers(9, 2**53),
        "ok_at_first": st.integers(0, 9),
        "retries": st.integers(9, 2**53),
        "ok_after": st.integers(0, 9),
    },
    MachineSpeed: {"per_s": st.floats(1e-3, 1e6), "standard_error": SMALL},
    Round: {"start_s": st.floats(0, 1), "end_s": st.floats(1, 2), "boot_s": SMALL},
    Change: {"low": st.floats(-9, -1), "estimate": st.floats(-1, 1), "high": st.floats(1, 9)},
    RunInfo: {
        **dict.fromkeys(("id", "suite", "suite_version", "profile", "govbench_version"), NAMES),
        "started_at": TIMES,
    },
    PlanVersion: {"hash": NAMES},
    Environment: {"machine_class": NAMES},
    Provenance: {"commit": COMMITS, "committed_at": st.none() | TIMES},
    Reference: {
        "run_ids": st.lists(NAMES, max_size=2).map(tuple),
        "machine_class": st.none() | NAMES,
        "commit": COMMITS,
    },
    Window: {
        "start_s": st.floats(0, 1),
        "steady_start_s": st.floats(1, 2),
        "steady_end_s": st.floats(2, 3),
        "end_s": st.floats(3, 4),
    },
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type as the documents hold them, of any depth."""
    if kind in PLAIN:
        return PLAIN[kind]
    parts = get_args(kind)
    if get_origin(kind) is tuple:
        if parts[-1] is Ellipsis:
            return st.lists(values(parts[0]), max_size=2).map(tuple)
        return st.tuples(*map(values, parts))
    if get_origin(kind) is dict:
        return st.dictionaries(values(parts[0]), values(parts[1]), max_size=2)
    if parts:  # a union
        return st.one_of(*map(values, parts))
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    of_fields = {name: values(hint) for name, hint in get_type_hints(kind).items()}
    return st.builds(kind, **of_fields | FIELDS.get(kind, {}))


def _types() -> list[type]:
    """Every dataclass and every choice that a document can hold: those that its schema defines."""
    modules = (breakdown, comparison, metrics, plan, rounds, run)
    named = {name: value for module in modules for name, value in vars(module).items()}
    return [named[name] for name in codec.json_schema()["$defs"]]


TYPES = _types()
DATACLASSES = [kind for kind in TYPES if dataclasses.is_dataclass(kind)]
CHOICES = [kind for kind in TYPES if issubclass(kind, Enum)]
DOCUMENTS: st.SearchStrategy[Results] = values(Results)
LIGHT = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def document() -> Results:
    """A document in which every optional part is there: the longest of some."""
    drawn: list[Results] = []

    @settings(parent=LIGHT, database=None, derandomize=True)
    @given(DOCUMENTS.filter(lambda results: results.comparison is not None))
    def collect(results: Results) -> None:
        drawn.append(results)

    collect()
    return max(drawn, key=lambda results: len(codec.to_json(results)))


def test_the_documents_are_made_of_many_types() -> None:
    assert len(DATACLASSES) > 15
    assert len(CHOICES) > 5


@pytest.mark.parametrize("kind", DATACLASSES, ids=lambda kind: kind.__name__)
def test_every_type_is_read_back_as_it_was(kind: type) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    @LIGHT
    @given(values(kind))
    def round_trip(value: Any) -> None:
        text = json.dumps(adapter.dump_python(value, mode="json"), allow_nan=False)
        assert adapter.validate_json(text, strict=True) == value

    round_trip()


@pytest.mark.parametrize("kind", CHOICES, ids=lambda kind: kind.__name__)
def test_every_word_of_every_choice_is_read_back(kind: type[Enum]) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    for word in kind:
        assert adapter.validate_json(json.dumps(word.value), strict=True) is word


@LIGHT
@given(DOCUMENTS)
def test_a_document_is_read_back_as_it_was(results: Results) -> None:
    text = codec.to_json(results)
    again = codec.from_json(text, source="results.json")
    assert again == results
    assert codec.to_json(again) == text


def test_a_document_begins_with_what_it_is(document: Results) -> None:
    body = json.loads(codec.to_json(document))
    assert list(body)[:2] == ["schema", "schema_version"]
    assert (body["schema"], body["schema_version"]) == ("govbench/results", 1)


def test_the_environment_alone(document: Results) -> None:
    summary = document.summary
    body = json.loads(codec.environment_json(summary.environment, summary.provenance))
    for key, value in (("environment", summary.environment), ("provenance", summary.provenance)):
        adapter: TypeAdapter[Any] = TypeAdapter(type(value))
        assert adapter.validate_json(json.dumps(body[key]), strict=True) == value


# Reading what is wrong.


def edited(document: Results, where: str, value: Any) -> str:
    body = json.loads(codec.to_json(document))
    *path, last = where.split(".")
    part = body
    for key in path:
        part = part[int(key)] if isinstance(part, list) else part[key]
    part[int(last) if isinstance(part, list) else last] = value
    return json.dumps(body)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("[]", "not a govbench result"),
        ("null", "not a govbench result"),
        ("{}", "not a govbench result"),
        ('{"schema": "govbench/baseline"}', "not a govbench result"),
        ('{"schema": "govbench/results"}', "schema version None"),
        ('{"schema": "govbench/results", "schema_version": 2}', "schema version 2, and this govbench reads"),
        ('{"schema": "govbench/results", "schema_version": 1}', "summary: Field required"),
    ],
)
def test_what_is_no_document_is_refused(text: str, says: str) -> None:
    with pytest.raises(ResultsError, match=says) as caught:
        codec.from_json(text, source="some/results.json")
    assert str(caught.value).startswith("some/results.json: ")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_document_is_refused(document: Results, share: float) -> None:
    text = codec.to_json(document)
    with pytest.raises(ResultsError, match=r"r.json: not valid JSON at line \d+") as caught:
        codec.from_json(text[: int(len(text) * share)], source="r.json")
    assert caught.value.hint is not None
    assert "truncated" in caught.value.hint


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("summary.run.duration_s", "60"),
        ("summary.run.duration_s", None),
        ("summary.run.seed", 1.5),
        ("summary.run.seed", True),
        ("summary.run.status", "done"),
        ("summary.accounting.ok", "9"),
        ("summary.generator.saturated", 1),
        ("summary.targets", {}),
        ("summary.environment", []),
        ("comparison.verdict", "PASS"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(document: Results, where: str, value: Any) -> None:
    with pytest.raises(ResultsError) as caught:
        codec.from_json(edited(document, where, value), source="r.json")
    assert str(caught.value).startswith(f"r.json: {where}: ")


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("summary.run.id", "::error::x"),
        ("summary.run.started_at", "2026-01-31\n09:30:00Z"),
        ("summary.run.note", "\x1b[2J"),
        ("summary.provenance.branch", "a\nb"),
        ("summary.provenance.commit", "HEAD"),
        ("summary.environment.machine_class", "a b"),
        ("summary.warnings", ["so\n  ::warning::x"]),
        ("comparison.reason", "evil\u202egnp"),
        ("comparison.candidate.label", "x" * 3_000),
        ("comparison.candidate.run_ids", ["a b"]),
    ],
)
def test_text_that_no_run_leaves_is_refused_with_its_key(document: Results, where: str, value: Any) -> None:
    with pytest.raises(ResultsError) as caught:
        codec.from_json(edited(document, where, value), source="r.json")
    key = f"{where}.0" if isinstance(value, list) else where
    assert str(caught.value).startswith(f"r.json: {key}: ")


def test_text_that_came_from_outside_is_written_so_that_it_can_be_read(document: Results) -> None:
    said = "\x1b[31mno\x1b[0m\n::error::x\ud800 \u202eend"
    summary = dataclasses.replace(
        document.summary,
        run=dataclasses.replace(document.summary.run, note=said, region=said),
        warnings=(said,),
        environment=dataclasses.replace(
            document.summary.environment, packages={said.replace("\ud800", ""): said}
        ),
    )
    read = codec.from_json(codec.to_json(Results(summary=summary)), source="r.json").summary
    assert read.warnings == ("no\n: :error::x end",)
    assert (read.run.note, read.run.region) == ("no\n: :error::x end", "no : :error::x end")
    assert read.environment.packages == {"no : :error::x end": "no : :error::x end"}
    body = json.loads(codec.environment_json(summary.environment, summary.provenance))
    assert body["environment"]["packages"] == read.environment.packages


def test_a_value_that_breaks_an_invariant_is_refused_with_its_key(document: Results) -> None:
    metric = {"name": "error_rate", "value": 0.5, "n": 0}
    side = {"test_type": "baseline", "side": 0, "metrics": [metric]}
    with pytest.raises(ResultsError, match=r"r.json: summary.test_types.0.metrics.0: .*n must be at least 1"):
        codec.from_json(edited(document, "summary.test_types", [side]), source="r.json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused_with_its_key(document: Results, number: str) -> None:
    text = edited(document, "summary.run.duration_s", "HERE").replace('"HERE"', number)
    with pytest.raises(ResultsError, match=r"r\.json: summary.run.duration_s: not a finite number"):
        codec.from_json(text, source="r.json")


def test_what_is_no_number_is_never_written(document: Results) -> None:
    broken = dataclasses.replace(document.summary.run, duration_s=math.nan)
    with pytest.raises(ValueError, match="JSON"):
        codec.to_json(Results(summary=dataclasses.replace(document.summary, run=broken)))
    for number in (math.nan, math.inf):
        with pytest.raises(ValueError, match="finite"):
            Metric(name=MetricName.ERROR_RATE, value=number, n=1)
    with pytest.raises(ValueError, match="standard error"):
        Metric(name=MetricName.ERROR_RATE, value=1.0, n=1, standard_error=-1.0)


def test_keys_of_a_later_version_are_ignored(document: Results) -> None:
    body = json.loads(codec.to_json(document))
    body["colour"] = "green"
    body["summary"]["run"]["mood"] = {"good": True}
    assert codec.from_json(json.dumps(body), source="r.json") == document


def older(document: Results, verdict: str, *, gated: str) -> Results:
    """The document as it was written before a fault had a field, read back."""
    body = json.loads(codec.to_json(document))
    compared = body["comparison"]
    for key in ("fault", "base_failure"):
        del compared[key]
    for bound in compared["thresholds"]:
        for key in ("n", "failed", "phase", "demanded", "default"):
            del bound[key]
    compared |= {"verdict": verdict, "reason": "the control is not flat"}
    finding = {"test_type": "baseline", "metric": "error_rate", "gated": True, "reason": "r"}
    compared["findings"] = [{**finding, "verdict": gated}]
    return codec.from_json(json.dumps(body), source="older.json")


@pytest.mark.parametrize(
    ("verdict", "gated", "fault"),
    [
        ("invalid", "regression", "the control is not flat"),
        ("invalid", "pass", "the control is not flat"),
        ("invalid", "invalid", None),
        ("regression", "regression", None),
    ],
)
def test_an_older_file_is_read_and_its_fault_is_found(
    document: Results, verdict: str, gated: str, fault: str | None
) -> None:
    """Where no gated metric is invalid, an invalid whole was at fault itself."""
    read = older(document, verdict, gated=gated)
    assert read.comparison is not None
    assert (read.comparison.fault, read.comparison.verdict.value) == (fault, verdict)


def test_an_older_file_tells_no_breakdown(document: Results) -> None:
    body = json.loads(codec.to_json(document))
    assert body["summary"]["phases"]
    for phase in body["summary"]["phases"]:
        del phase["endings"], phase["breakdown"]
    read = codec.from_json(json.dumps(body), source="older.json")
    assert {(phase.endings, phase.breakdown) for phase in read.summary.phases} == {((), None)}


def test_older_files_have_no_steady_counts_and_open_loops_without_users() -> None:
    body = json.loads(recorded_text("open_loop"))
    (phase,) = body["summary"]["phases"]
    del phase["steady"], phase["steady_s"], body["summary"]["side_timelines"]
    phase["phase"]["users"] = 1000
    for point in body["summary"]["timeline"]:
        point["users"] = point.pop("under_way") or 0
    (result,) = codec.from_json(json.dumps(body), source="older.json").summary.phases
    assert (result.phase.users, result.steady, result.steady_s, result.finished) == (None, None, None, None)


def test_a_document_is_read_from_its_file_or_its_folder(document: Results, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(codec.to_json(document), encoding="utf-8")
    assert codec.read(tmp_path) == codec.read(tmp_path / "results.json") == document
    with pytest.raises(ResultsError, match=r"none\.json: no such result"):
        codec.read(tmp_path / "none.json")
    (tmp_path / "results.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ResultsError, match="cannot be read"):
        codec.read(tmp_path)


# The published schema.


def test_the_published_schema_is_that_of_the_types() -> None:
    published = json.loads((DOCS / "results.schema.json").read_text(encoding="utf-8"))
    assert published == codec.json_schema(), "write it anew: see docs/results.md, Schema"


def test_every_part_of_the_schema_says_what_it_is() -> None:
    schema = codec.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [name for name, part in schema["$defs"].items() if not part.get("description")] == []


@LIGHT
@given(DOCUMENTS)
def test_what_is_written_fits_the_schema(results: Results) -> None:
    VALIDATOR.validate(json.loads(codec.to_json(results)))


VALIDATOR = jsonschema.Draft202012Validator(codec.json_schema())


def test_what_is_no_document_does_not_fit_the_schema(document: Results) -> None:
    assert not VALIDATOR.is_valid({})
    for where, value in (("schema", "other"), ("schema_version", 2), ("comparison.verdict", "PASS")):
        assert not VALIDATOR.is_valid(json.loads(edited(document, where, value)))


def test_an_older_file_tells_tokens_only_where_both_halves_were_reported(document: Results) -> None:
    whole = {"side": 0, "answers": 9, "answers_with_usage": 9, "input_tokens": 3, "output_tokens": 5}
    none = {"side": 1, "answers": 9, "answers_with_usage": 0, "input_tokens": 0, "output_tokens": 0}
    body = json.loads(codec.to_json(document))
    body["summary"]["tokens"] = [whole, none]
    told, untold = codec.from_json(json.dumps(body), source="older.json").summary.tokens
    assert (told.input_tokens, told.answers_with_input, told.output_per_answer) == (3, 9, 5 / 9)
    assert (untold.input_tokens, untold.output_tokens, untold.answers_with_output) == (None, None, 0)
