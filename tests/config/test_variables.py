"""The variables of the GovStack suite: each does something or is reported, and overlaps follow the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from govbench.config.load import load_settings
from govbench.config.settings import Settings
from govbench.config.variables import VARIABLES, Variable, find_variable
from govbench.results.metrics import MetricName
from govbench.results.plan import Query

ROOT = Path(__file__).parents[2]
OTHER_THAN_DEFAULT = {
    "RETRY_DELAY": "2",
    "TRACK_TOKEN_USAGE": "false",
    "SAVE_RESPONSES": "true",
    "DEBUG": "true",
}
Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def call(toml: str = "", **environ: str) -> Settings:
        (tmp_path / "govbench.toml").write_text(toml)
        return load_settings(flags={}, config_file=None, environ=environ, cwd=tmp_path)

    return call


def bound(settings: Settings, metric: MetricName) -> float:
    (threshold,) = (t for t in settings.thresholds if t.metric is metric)
    return threshold.bound


def test_the_table_holds_every_variable_of_the_suite() -> None:
    names = """API_BASE_URL API_TIMEOUT API_COLLECTION_ID API_KEY MAX_USERS DAILY_USERS SPAWN_RATE
    TEST_DURATION RAMP_UP_TIME MAX_MEMORY_MB MAX_RESPONSE_TIME_MS MIN_SUCCESS_RATE MAX_ERROR_RATE
    DATABASE_URL POSTGRES_* MINIO_* CHROMA_* ENABLE_PROMETHEUS PROMETHEUS_PORT ENABLE_GRAFANA
    GRAFANA_ADMIN_PASSWORD
    TRACK_TOKEN_USAGE SAVE_RESPONSES ENABLE_DETAILED_LOGS LOG_LEVEL DEBUG TEST_SERVICE_HOST TEST_SERVICE_PORT
    ENABLE_CORS OPENAI_API_KEY OPENAI_ORG_ID REQUEST_TIMEOUT CONNECTION_TIMEOUT MAX_RETRIES RETRY_DELAY
    SAMPLE_QUERIES_FILE USER_SCENARIOS_FILE"""
    assert {variable.name for variable in VARIABLES} == set(names.split())


@pytest.mark.parametrize(
    "target", ["http://localhost:1", "http://localhost:1/x", "embedded", "command:serve {port}"]
)
@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_each_variable_changes_the_settings_or_is_reported(
    load: Load, variable: Variable, target: str
) -> None:
    name = variable.name.replace("*", "SETTING")
    text = OTHER_THAN_DEFAULT.get(name, variable.example)
    toml = f"[target]\nform = '{target}'\nconnect_timeout_s = 7\n"

    plain, settings = load(toml), load(toml, **{name: text})

    reported = any(name in note for note in settings.notes)
    in_stack_only = replace(settings, notes=(), stack=plain.stack) == replace(plain, notes=())
    assert reported or settings != plain
    if in_stack_only and not target.startswith("command:"):
        assert reported  # handed to a stack that nobody boots


def test_the_example_file_loads_unchanged(tmp_path: Path) -> None:
    text = (ROOT / ".env.test.example").read_text(encoding="utf-8")
    (tmp_path / ".env.test").write_text(text, encoding="utf-8")

    settings = load_settings(flags={}, config_file=None, environ={}, cwd=tmp_path)

    assert settings.target.form == "http://localhost:8000"
    assert (settings.load.max_users, settings.load.retries) == (1000, 3)
    assert settings.output.log_level == "INFO"
    assert settings.output.save_responses == 0
    assert bound(settings, MetricName.ERROR_RATE) == 0.05
    assert bound(settings, MetricName.RESPONSE_TIME_P95) == 2000
    assert bound(settings, MetricName.MEMORY_PEAK) == 2 * 2**30
    notes = "\n".join(settings.notes)
    assert "SPAWN_RATE: .env.test: RAMP_UP_TIME wins: the faster ramp, 16.7 users/s" in notes
    assert "config/sample_queries.json does not exist" in notes
    for name in ("DAILY_USERS", "POSTGRES_DB", "ENABLE_GRAFANA", "TEST_SERVICE_PORT", "OPENAI_ORG_ID"):
        assert name in notes
    assert "not a variable" not in notes


def test_the_example_file_has_every_variable() -> None:
    lines = (ROOT / ".env.test.example").read_text(encoding="utf-8").splitlines()
    found = {find_variable(line.partition("=")[0]) for line in lines if line and not line.startswith("#")}

    assert found == set(VARIABLES)


@pytest.mark.parametrize(
    ("environ", "rate"),
    [
        ({"MIN_SUCCESS_RATE": "0.95"}, 0.05),
        ({"MIN_SUCCESS_RATE": "95"}, 0.05),
        ({"MAX_ERROR_RATE": "5"}, 0.05),
        ({"MAX_ERROR_RATE": "0.5"}, 0.5),
        ({"MIN_SUCCESS_RATE": "1"}, 0.0),
        ({"MIN_SUCCESS_RATE": "99", "MAX_ERROR_RATE": "0.05"}, 0.01),
        ({"MIN_SUCCESS_RATE": "0.9", "MAX_ERROR_RATE": "2"}, 0.02),
    ],
)
def test_rates_as_share_or_percentage_and_the_stricter_wins(
    load: Load, environ: dict[str, str], rate: float
) -> None:
    settings = load(**environ)

    assert bound(settings, MetricName.ERROR_RATE) == pytest.approx(rate)
    assert len(settings.notes) == len(environ) - 1
    assert all("the stricter wins" in note for note in settings.notes)


def test_an_error_rate_of_one_is_noted(load: Load) -> None:
    assert load(MAX_ERROR_RATE="1").notes == (
        "MAX_ERROR_RATE: an error rate of 1 allows every request to fail",
    )


def test_api_timeout_goes_before_request_timeout(load: Load) -> None:
    settings = load(REQUEST_TIMEOUT="20", API_TIMEOUT="40")

    assert settings.target.deadlines.total_s == 40
    assert settings.notes == ("REQUEST_TIMEOUT: API_TIMEOUT wins: API_TIMEOUT goes first",)
    assert load(REQUEST_TIMEOUT="20").target.deadlines.total_s == 20
    assert load(REQUEST_TIMEOUT="20", API_TIMEOUT="20").notes == ()


def test_the_environment_goes_before_dotenv_also_under_another_name(load: Load, tmp_path: Path) -> None:
    (tmp_path / ".env.test").write_text("API_TIMEOUT=40\n")

    settings = load(REQUEST_TIMEOUT="20")

    assert settings.target.deadlines.total_s == 20
    assert settings.notes == (
        ".env.test: API_TIMEOUT: REQUEST_TIMEOUT wins: the environment goes before .env.test",
    )


def test_the_most_detailed_log_level_wins(load: Load) -> None:
    assert load(LOG_LEVEL="WARN").output.log_level == "WARNING"
    assert load(LOG_LEVEL="ERROR", ENABLE_DETAILED_LOGS="true").output.log_level == "INFO"
    assert load(LOG_LEVEL="ERROR", ENABLE_DETAILED_LOGS="true", DEBUG="1").output.log_level == "DEBUG"
    assert load(LOG_LEVEL="ERROR", ENABLE_DETAILED_LOGS="no", DEBUG="0").output.log_level == "ERROR"


def test_a_shared_variable_with_a_foreign_value_is_noted_outside_dotenv(load: Load) -> None:
    settings = load(DEBUG="express:*")

    assert settings.output == Settings().output
    assert "DEBUG: expected true or false" in settings.notes[0]


def test_the_ramp_of_a_higher_layer_wins_even_when_slower(tmp_path: Path) -> None:
    (tmp_path / ".env.test").write_text("RAMP_UP_TIME=10\nMAX_USERS=1000\n")

    settings = load_settings(flags={"load.spawn_rate": 5}, config_file=None, environ={}, cwd=tmp_path)

    assert (settings.load.spawn_rate, settings.load.ramp_up_s) == (5, None)
    assert settings.notes == (".env.test: RAMP_UP_TIME: --spawn-rate wins: an option goes first",)


def test_query_files_may_be_json_or_text(load: Load, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("# comment\nOne?\n\nTwo?\n")
    (tmp_path / "list.json").write_text('["One?", {"query": "Two?", "category": "tax"}]')
    (tmp_path / "groups.json").write_text('{"categories": {"tax": ["One?"]}, "hard": ["Two?"]}')

    def queries(name: str) -> tuple[Query, ...]:
        return load(SAMPLE_QUERIES_FILE=name).load.scenarios[0].queries

    assert queries("q.txt") == (Query(text="One?"), Query(text="Two?"))
    assert queries("list.json") == (Query(text="One?"), Query(text="Two?", category="tax"))
    assert queries("groups.json") == (Query(text="One?", category="tax"), Query(text="Two?", category="hard"))
