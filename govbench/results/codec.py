"""``results.json``: results as JSON and back, checked against the schema version. Compares nothing.

Keys, metrics and test types that this version does not know are ignored, so that a later one may add some
without a new schema version; a known key that is missing, of another type or of an unknown word is an error.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from govbench.errors import ResultsError, hint_for
from govbench.files import read_text
from govbench.results.comparison import Results
from govbench.results.later import without_unknown
from govbench.results.plain import fault_in, plain_document
from govbench.results.run import Environment, Provenance

SCHEMA_NAME = "govbench/results"
SCHEMA_VERSION = 1

_ADAPTER = TypeAdapter(Results)
_DAMAGED = "the file was edited, is damaged, or was written by a later govbench"


def to_json(results: Results) -> str:
    """The document, with the schema's name and version first; NaN and infinity are refused.

    Text that came from outside is made plain, so that what is written can be read.
    """
    body = {
        "schema": SCHEMA_NAME,
        "schema_version": SCHEMA_VERSION,
        **plain_document(_ADAPTER.dump_python(results, mode="json")),
    }
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def environment_json(environment: Environment, provenance: Provenance) -> str:
    """``environment.json``: where and what was measured, for a reader that wants nothing else."""
    body = plain_document({"environment": asdict(environment), "provenance": asdict(provenance)})
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str, *, source: str) -> Results:
    """Read a document back; ``source`` names it in errors.

    Raises:
        ResultsError: empty or truncated text, another kind or version of document, or a wrong field;
            the message names the source and the key.
    """
    body = _object(text, source)
    if body.get("schema") != SCHEMA_NAME:
        raise ResultsError(f'{source}: not a govbench result (no "schema": "{SCHEMA_NAME}")')
    version = body.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ResultsError(
            f"{source}: schema version {version}, and this govbench reads version {SCHEMA_VERSION}",
            hint="measure again, or use the govbench that wrote it (run.govbench_version says which)",
        )
    where = _not_finite(body)
    if where is not None:
        raise ResultsError(f"{source}: {where}: not a finite number", hint=_DAMAGED)
    unfit = fault_in(body)
    if unfit is not None:
        raise ResultsError(f"{source}: {unfit}", hint=_DAMAGED)
    _name_the_fault(body.get("comparison"))
    _tell_halves_apart(body.get("summary"))
    _forget_caps(body.get("summary"))
    try:
        # As JSON and strictly: "12" is no number and 1 is not true, while arrays may fill tuples.
        return _ADAPTER.validate_json(json.dumps(without_unknown(body)), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ResultsError(f"{source}: {where}: {first['msg']}", hint=_DAMAGED) from error


def _name_the_fault(comparison: Any) -> None:
    """Say what an older file left unsaid: that a comparison is at fault where no metric made it invalid."""
    if not isinstance(comparison, dict) or "fault" in comparison or comparison.get("verdict") != "invalid":
        return
    found = comparison.get("findings")
    findings = [f for f in found if isinstance(f, dict)] if isinstance(found, list) else []
    if not any(f.get("gated") and f.get("verdict") == "invalid" for f in findings):
        comparison["fault"] = comparison.get("reason")


def _tell_halves_apart(summary: Any) -> None:
    """Of tokens, older files tell only answers that reported both halves, and 0 where none did."""
    usages = summary.get("tokens") if isinstance(summary, dict) else None
    for usage in usages if isinstance(usages, list) else ():
        if isinstance(usage, dict) and "answers_with_usage" in usage and "answers_with_input" not in usage:
            usage["answers_with_input"] = usage["answers_with_output"] = usage["answers_with_usage"]
            if not usage["answers_with_usage"]:
                usage["input_tokens"] = usage["output_tokens"] = None


def _forget_caps(summary: Any) -> None:
    """Older files give an open loop as many users as requests may be under way in it: it has none."""
    phases = summary.get("phases") if isinstance(summary, dict) else None
    for result in phases if isinstance(phases, list) else ():
        phase = result.get("phase") if isinstance(result, dict) else None
        if isinstance(phase, dict) and phase.get("arrivals") is not None:
            phase["users"] = None


def read(path: Path) -> Results:
    """Read ``results.json`` from a file or from a run folder that holds it.

    Raises:
        ResultsError: there is no such file, or it cannot be used.
    """
    file = path / "results.json" if path.is_dir() else path
    try:
        text = read_text(file)
    except FileNotFoundError as error:
        raise ResultsError(
            f"{file}: no such result", hint="name a results.json or a run folder that holds one"
        ) from error
    except OSError as error:
        raise ResultsError(
            f"{file}: cannot be read: {error.strerror or error}", hint=hint_for(error)
        ) from error
    except UnicodeDecodeError as error:
        raise ResultsError(f"{file}: cannot be read: {error}") from error
    return from_json(text, source=str(file))


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``results.json``; docs/results.schema.json is this value."""
    schema = _ADAPTER.json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "govbench results"
    schema["properties"] = {
        "schema": {"const": SCHEMA_NAME},
        "schema_version": {"const": SCHEMA_VERSION},
        **schema["properties"],
    }
    schema["required"] = ["schema", "schema_version", *schema.get("required", [])]
    return schema


def _object(text: str, source: str) -> dict[str, Any]:
    if not text.strip():
        raise ResultsError(
            f"{source}: the file is empty", hint="the run that wrote it did not finish; measure again"
        )
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise ResultsError(
            f"{source}: not valid JSON at line {error.lineno}: {error.msg}",
            hint="the file is truncated or damaged; measure again",
        ) from error
    if not isinstance(body, dict):
        raise ResultsError(f"{source}: not a govbench result (the document is not an object)")
    return body


def _not_finite(value: object, where: str = "") -> str | None:
    """The key of the first NaN or infinity, which Python reads though JSON has neither."""
    if isinstance(value, float) and not math.isfinite(value):
        return where
    if isinstance(value, dict):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        return None
    found = (_not_finite(item, f"{where}.{key}" if where else key) for key, item in items)
    return next((key for key in found if key is not None), None)
