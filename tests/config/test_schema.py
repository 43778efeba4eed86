"""The JSON Schema of govbench.toml: fresh, open to what the docs show, closed to mistakes."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from govbench.config.keys import KEYS
from govbench.config.load import load_settings
from govbench.config.schema import json_schema, schema_text
from govbench.errors import ConfigError

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
VALIDATOR = Draft7Validator(json_schema())


def mistakes(toml: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(tomllib.loads(toml))]


def examples() -> Iterator[Any]:
    for page in DOCS:
        text = page.read_text(encoding="utf-8")
        for number, block in enumerate(re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)):
            yield pytest.param(block, id=f"{page.name}-{number}")


EXAMPLES = list(examples())


def test_it_is_a_schema_and_the_published_one_is_fresh() -> None:
    Draft7Validator.check_schema(json_schema())
    published = (ROOT / "docs" / "govbench.schema.json").read_text(encoding="utf-8")

    assert published == schema_text(), "govbench init --schema > docs/govbench.schema.json"


def test_it_has_every_key_that_a_file_may_hold() -> None:
    def leaves(node: dict[str, Any], path: str = "") -> Iterator[str]:
        for name, inner in node["properties"].items():
            if inner.get("additionalProperties") is False and "description" not in inner:
                yield from leaves(inner, f"{path}{name}.")
            else:
                yield path + name

    assert set(leaves(json_schema())) == {name for name, key in KEYS.items() if not key.secret}


@pytest.mark.parametrize("example", EXAMPLES)
def test_it_takes_what_the_docs_show_and_so_does_the_tool(example: str, tmp_path: Path) -> None:
    assert mistakes(example) == []

    (tmp_path / "govbench.toml").write_text(example, encoding="utf-8")
    load_settings(flags={}, config_file=None, environ={}, cwd=tmp_path)


def test_the_docs_show_some() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize(
    "toml",
    [
        "[load]\ntest_duration_s = '2m'",
        "[load]\ntest_duration_s = 1.5",
        "[load]\ntest_types = 'baseline, concurrent'",
        "[ab]\nlevels = [10, 25]",
        "[compare]\nfail_on = []",
        "[compare]\nfail_on = 'none'",
        "[compare.metrics.response_time_p50_ms]\ngate = true",
        "[thresholds]\nmemory_peak_bytes = '512MiB'",
        "[thresholds.concurrent]\nerror_rate = 0.1",
        "[output]\nsave_responses = true\nlog_level = 'info'",
        "[target]\nheaders = ['A: b']",
        "[target.headers]\nA = 'b'",
        "[target.http]\nmethod = 'post'\nbody = { a = 1 }",
        "[stack.environment]\nPORT = 5",
        "[[phases]]\nname = 'a'\nrates = [[0, 1], ['30s', 5]]\narrivals = 'constant'",
        "[[phases]]\nname = 'a'\nusers = 2\nthink_time_s = { pacing = [1, 2] }",
        "[[scenarios]]\nname = 'a'\nqueries = ['x', { query = 'y' }]\nthink_time_s = [0, '2s']",
    ],
)
def test_it_takes_each_way_to_write_a_value(toml: str) -> None:
    assert mistakes(toml) == []


@pytest.mark.parametrize(
    "toml",
    [
        "[load]\nmax_user = 5",
        "[laod]\nmax_users = 5",
        "zzz = 5",
        "[load]\nmax_users = '50'",
        "[load]\nmax_users = 65536",
        "[load]\nmax_users = 0",
        "[load]\nprofile = 'quik'",
        "[load]\ntest_types = []",
        "[load]\ntest_types = 'baseline,strss'",
        "[load]\ntest_duration_s = '5 parsec'",
        "[load]\ntest_duration_s = 0",
        "[load]\nassume_yes = 'yes'",
        "[load]\nspawn_rate = 0",
        "[compare]\nlevel = 1",
        "[compare]\nfail_on = ['pass']",
        "[compare.metrics.error_rate]\nmargn = 1",
        "[thresholds]\nerror_rate = 5",
        "[thresholds]\nresponse_time_p95 = 5",
        "[target]\napi = 'rest'",
        "[target]\napi_key = 'x'",
        "[target.http]\nmethod = 'GTE'",
        "[target.http]\npath = 'x'",
        "[output]\nlog_level = 'loud'",
        "[[phases]]\nusers = 5",
        "[[phases]]\nname = 'a'",
        "[[phases]]\nname = 'a'\nusers = 1\nrate_rps = 1",
        "[[phases]]\nname = 'a'\nuser = 1",
        "[[phases]]\nname = 'a'\nusers = 1\nthink_time_s = { pareto = 1 }",
        "[[scenarios]]\nturns = 1",
    ],
)
def test_what_it_refuses_the_tool_refuses_too(toml: str, tmp_path: Path) -> None:
    assert mistakes(toml) != []

    (tmp_path / "govbench.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(ConfigError):
        load_settings(flags={}, config_file=None, environ={}, cwd=tmp_path)


def test_defaults_are_of_their_kinds() -> None:
    def check(node: Any) -> None:
        if isinstance(node, dict):
            if "default" in node and "description" in node:
                assert Draft7Validator(node).is_valid(node["default"]), node["description"]
            for inner in node.values():
                check(inner)

    check(json_schema())
    assert json.loads(schema_text())["properties"]["load"]["properties"]["profile"]["default"] == "quick"
