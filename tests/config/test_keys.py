"""Every declared key can be set from each source, and docs/configuration.md says what the code does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from govbench.config.keys import DECLARED, KEYS, TABLES, Key
from govbench.config.load import load_settings
from govbench.config.profiles import PROFILES
from govbench.config.reference import key_table, profile_table, variable_table
from govbench.config.settings import Settings
from govbench.results.metrics import MetricName
from govbench.results.plan import Api, TestType

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"
SAMPLES: dict[str, object] = {
    "suite": "other",
    "target.form": "http://h:1",
    "target.api": "http",
    "target.http.method": "POST",
    "target.http.path": "/x",
    "target.http.body": '{"q": "{query}"}',
    "stack.health_path": "/up",
    "target.headers": {"X-One": "1"},
    "stack.environment": {"MODE": "x"},
    "load.profile": "full",
    "load.test_types": ["baseline"],
    "ab.levels": ["2", "4"],
    "load.queries_file": "q.txt",
    "load.scenarios_file": "s.json",
    "load.arrivals": "constant",
    "scenarios": [{"name": "mine"}],
    "phases": [{"name": "mine", "users": 3}],
    "compare.level": 0.9,
    "compare.fail_on": ["regression"],
    "thresholds.on_not_measured": "ignore",
    "output.log_level": "DEBUG",
    "output.save_responses": 3,
    "compare.confirm": False,
    "output.track_tokens": False,
}
COMPANIONS: dict[str, dict[str, str]] = {
    "target.stream": {"GOVBENCH_TARGET_API": "openai-chat"},
    "target.http.end": {"GOVBENCH_TARGET_STREAM": "true"},
    "target.http.body": {"GOVBENCH_TARGET_HTTP_METHOD": "POST"},
    "load.user_class": {"GOVBENCH_LOAD_TEST_FILE": "mytest.py"},
    "load.remote_workers": {"GOVBENCH_WORKER_TOKEN": "a long random word"},
}


def sample(key: Key) -> object:
    if key.name in SAMPLES:
        return SAMPLES[key.name]
    if key.name.endswith(".direction"):
        return "neither_is_better"
    for candidate in (0.5, 7, True, "word"):
        try:
            key.kind.parse(candidate)
        except ValueError:
            continue
        return candidate
    raise AssertionError(f"{key.name} needs a sample")


def toml_text(key: Key, value: object) -> str:
    table, _, last = key.name.rpartition(".")
    if key.name == "scenarios":
        return '[[scenarios]]\nname = "mine"\n'
    if key.name == "phases":
        return '[[phases]]\nname = "mine"\nusers = 3\n'
    if isinstance(value, dict):
        lines = "".join(f"{name} = {json.dumps(item)}\n" for name, item in value.items())
        return f"[{key.name}]\n{lines}"
    return (f"[{table}]\n" if table else "") + f"{last} = {json.dumps(value)}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "q.txt").write_text("Why?\n")
    (tmp_path / "s.json").write_text('[{"name": "mine"}]')
    return tmp_path


def load(folder: Path, toml: str, flags: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    (folder / "govbench.toml").write_text(toml)
    return load_settings(flags=flags, config_file=None, environ=environ, cwd=folder)


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.name)
def test_every_key_counts_from_each_source_alike(folder: Path, key: Key) -> None:
    value = sample(key)
    text = json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
    if isinstance(value, list) and isinstance(value[0], str):
        text = ",".join(value)
    environ = dict(COMPANIONS.get(key.name, {}))
    if key.name.startswith("target.http"):
        environ["GOVBENCH_TARGET_API"] = "http"
    plain = load(folder, "", {}, environ)

    by_variable = load(folder, "", {}, {**environ, key.variable: text})
    by_flag = load(folder, "", {key.name: value}, environ)

    def bare(settings: Settings) -> object:
        bounds = [(each.metric, each.test_type, each.bound, each.demanded) for each in settings.thresholds]
        return [
            bounds,
            settings.suite,
            settings.target,
            settings.stack,
            settings.load,
            settings.ab,
            settings.compare,
            settings.baselines,
            settings.output,
        ]

    assert bare(by_variable) != bare(plain)
    assert bare(by_flag) == bare(by_variable)
    if not key.secret:
        assert bare(load(folder, toml_text(key, value), {}, environ)) == bare(by_variable)


def test_names_do_not_collide() -> None:
    assert len({key.variable for key in KEYS.values()}) == len(KEYS)
    assert not set(KEYS) & TABLES
    flags = [key.flag for key in DECLARED if key.flag]
    assert len(set(flags)) == len(flags)


@pytest.mark.parametrize(
    "table", [key_table(), variable_table(), profile_table()], ids=["keys", "variables", "profiles"]
)
def test_the_docs_hold_the_tables_of_the_code(table: str) -> None:
    assert table in DOCS.read_text(encoding="utf-8"), "write govbench.config.reference's tables into the docs"


def test_the_docs_call_a_key_by_its_name_and_not_by_its_field() -> None:
    def last(name: str) -> str:
        return name.rpartition(".")[2]

    fields = {last(key.field) for key in DECLARED if key.field} - {last(key.name) for key in DECLARED}
    assert "answer_path" in fields
    for page in DOCS.parent.glob("*.md"):
        words = set(re.findall(r"\w+", page.read_text(encoding="utf-8")))
        assert not words & fields, page.name


def test_the_docs_name_every_word_a_user_may_choose() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for word in (*MetricName, *TestType, *Api, *PROFILES):
        assert f"`{word}`" in text


def test_the_example_of_the_docs_loads_without_a_note(folder: Path) -> None:
    text = DOCS.read_text(encoding="utf-8")
    example = text.split("```toml\n", 1)[1].split("```", 1)[0]

    settings = load(folder, example, {}, {})

    assert settings.notes == ()
    assert settings.thresholds
    assert settings.load.scenarios[0].name == "citizen"
