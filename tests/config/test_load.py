"""Layers, wrong input and contradictions: what settings come of it, and what the messages say."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import govbench
from govbench.config.load import environment, load_settings
from govbench.config.settings import DEFAULT_ERROR_RATE, Settings
from govbench.config.targets import parse_target
from govbench.errors import ConfigError
from govbench.results.comparison import Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import Api, TestType
from tests.config.conftest import Load, refused


def test_nothing_configured_gives_the_defaults_and_a_scenario(tmp_path: Path) -> None:
    settings = load_settings(flags={}, config_file=None, environ={}, cwd=tmp_path)

    assert settings.target == Settings().target
    assert settings.compare == Settings().compare
    assert settings.notes == ()
    (scenario,) = settings.load.scenarios
    assert len(scenario.queries) > 1


def test_each_layer_goes_before_the_one_below(load: Load) -> None:
    toml = "[load]\nmax_users = 1\n"
    low = {"dotenv": "MAX_USERS=2\n"}
    high = {"environ": {"MAX_USERS": "3"}}

    assert load().load.max_users is None
    assert load(toml).load.max_users == 1
    assert load(toml, **low).load.max_users == 2
    assert load(toml, **low, **high).load.max_users == 3
    assert load(toml, **low, **high, load__max_users=4).load.max_users == 4
    assert load(toml, **low, **high, load__max_users=None).load.max_users == 3


def test_same_variable_in_environment_and_dotenv_is_no_news(load: Load) -> None:
    assert load(dotenv="MAX_USERS=2\n", environ={"MAX_USERS": "3"}).notes == ()


def test_an_own_variable_goes_before_one_of_the_suite(load: Load) -> None:
    settings = load(environ={"MAX_USERS": "3", "GOVBENCH_LOAD_MAX_USERS": "7"})

    assert settings.load.max_users == 7
    assert settings.notes == ("MAX_USERS: GOVBENCH_LOAD_MAX_USERS wins: govbench's own variable goes first",)


def test_every_section_of_a_file_arrives(load: Load) -> None:
    settings = load(
        """
suite = "chat"
[target]
form = "http://localhost:9"
api = "http"
timeout_s = "2m"
connect_timeout_s = "500ms"
[target.headers]
Accept-Language = "en"
[target.http]
method = "POST"
path = "/ask"
answer = "data.answer"
body = { question = "{query}" }
[stack]
port = 81
[stack.environment]
MODE = "fast"
WORKERS = 3
[load]
test_types = ["concurrent"]
[compare]
fail_on = ["regression", "inconclusive"]
[compare.metrics.response_time_p50_ms]
gate = false
margin = 0.2
[thresholds]
throughput_rps = 5
memory_peak_bytes = "512MiB"
[thresholds.concurrent]
response_time_p95_ms = 800
[baselines]
window = 5
[output]
save_responses = true
log_level = "info"
"""
    )

    assert settings.suite == "chat"
    assert settings.target.api is Api.HTTP
    assert (settings.target.deadlines.total_s, settings.target.deadlines.connect_s) == (120.0, 0.5)
    assert settings.target.headers == {"Accept-Language": "en"}
    assert settings.target.http.answer_path == "data.answer"
    assert settings.target.http.body == '{"question": "{query}"}'
    assert settings.stack.port == 81
    assert settings.stack.environment == {"MODE": "fast", "WORKERS": "3"}
    assert settings.load.test_types == (TestType.CONCURRENT,)
    assert settings.compare.fail_on == {Verdict.REGRESSION, Verdict.INCONCLUSIVE}
    assert settings.compare.metrics[MetricName.RESPONSE_TIME_P50].margin == 0.2
    assert settings.compare.metrics[MetricName.RESPONSE_TIME_P50].gate is False
    bounds = {(t.test_type, t.metric): (t.bound, t.source) for t in settings.thresholds}
    assert bounds == {
        (None, MetricName.THROUGHPUT): (5.0, "govbench.toml: [thresholds] throughput_rps"),
        (None, MetricName.MEMORY_PEAK): (512 * 2**20, "govbench.toml: [thresholds] memory_peak_bytes"),
        (TestType.CONCURRENT, MetricName.RESPONSE_TIME_P95): (
            800.0,
            "govbench.toml: [thresholds.concurrent] response_time_p95_ms",
        ),
        (None, MetricName.ERROR_RATE): (0.05, "the default of thresholds.error_rate"),
    }
    assert settings.baselines.window == 5
    assert settings.output.save_responses == 100
    assert settings.output.log_level == "INFO"


def test_headers_of_all_sources_are_joined_by_name(load: Load) -> None:
    settings = load(
        '[target.headers]\nX-One = "file"\nX-Two = "file"\n',
        environ={"GOVBENCH_TARGET_HEADERS": '{"x-two": "environment"}'},
        target__headers=["X-Three: option"],
    )

    assert settings.target.headers == {"X-One": "file", "x-two": "environment", "X-Three": "option"}


WRONG_FILES = [
    (
        "[load]\nmax_users = 'abc'",
        "govbench.toml: [load] max_users: expected a whole number from 1 to 65535, got 'abc'",
        "",
    ),
    ("[load]\nmax_users = '50'", "govbench.toml: [load] max_users: expected", "without quotes"),
    (
        "[load]\nmax_users = 0",
        "govbench.toml: [load] max_users: expected a whole number from 1 to 65535, got 0",
        "",
    ),
    ("[load]\nmax_users = 65536", "[load] max_users: expected a whole number from 1 to 65535, got 65536", ""),
    ("[load]\nusers = 65536", "[load] users: expected a whole number from 1 to 65535", ""),
    ("[load]\nmax_in_flight = 65536", "[load] max_in_flight: expected a whole number from 1 to 65535", ""),
    ("[ab]\nusers = 65536", "[ab] users: expected a whole number from 1 to 65535", ""),
    ("[ab]\nlevels = [1, 65536]", "[ab] levels: expected a list of whole numbers from 1 to 65535", ""),
    ("[load]\nmax_users = true", "govbench.toml: [load] max_users: expected a whole number", ""),
    ("[load]\nmax_users = 1.5", "govbench.toml: [load] max_users: expected a whole number", ""),
    ("[load]\nspawn_rate = nan", "govbench.toml: [load] spawn_rate: expected a number > 0, got nan", ""),
    ("[load]\nspawn_rate = inf", "govbench.toml: [load] spawn_rate: expected a number > 0", ""),
    ("[load]\nassume_yes = 'maybe'", "govbench.toml: [load] assume_yes: expected true or false", ""),
    ("[load]\nassume_yes = 1", "govbench.toml: [load] assume_yes: expected true or false", ""),
    (
        "[load]\ntest_duration_s = '5 parsec'",
        "govbench.toml: [load] test_duration_s: expected seconds > 0",
        "",
    ),
    (
        "[load]\nprofile = 'quik'",
        "govbench.toml: [load] profile: expected one of quick",
        "did you mean 'quick'?",
    ),
    ("[load]\ntest_types = []", "govbench.toml: [load] test_types: expected a list of baseline", ""),
    ("[load]\nmax_user = 5", "govbench.toml: [load] max_user: unknown key", "did you mean max_users?"),
    ("max_users = 5", "govbench.toml: max_users: unknown key", "max_users belongs in [load]"),
    (
        "[output]\nspawn_rat = 5",
        "[output] spawn_rat: unknown key",
        "did you mean spawn_rate? It belongs in [load]",
    ),
    ("[baselines]\nzzz = 5", "[baselines] zzz: unknown key", "[baselines] takes deepen, folder, window"),
    ("zzz = 5", "govbench.toml: zzz: unknown key", "the top level takes ab, baselines, compare"),
    ("[load]\nspawn_rate = []", "[load] spawn_rate: expected a number > 0, got []", ""),
    ("[load]\ntest_types = 5", "[load] test_types: expected a list", ""),
    ("[output]\nlog_level = 'loud'", "[output] log_level: expected one of DEBUG", ""),
    ("[stack]\nenvironment = 5", "[stack] environment: expected a table", ""),
    ("[target]\nmax_users = 5", "govbench.toml: [target] max_users: unknown key", "belongs in [load]"),
    ("[laod]\nmax_users = 5", "govbench.toml: laod: unknown table", "the table [load]"),
    ("load = 5", "govbench.toml: load: expected a table, got 5", "[load]"),
    ("[target]\napi = 'rest'", "govbench.toml: [target] api: expected one of govstack", ""),
    (
        "[target]\nform = 'localhost:8000'",
        "govbench.toml: [target] form: 'localhost:8000'",
        "http://localhost:8000",
    ),
    ("[target]\napi_key = 'geheim'", "govbench.toml: [target] api_key: a secret", "set API_KEY"),
    (
        "[target]\nopenai_api_key = 'geheim'",
        "govbench.toml: [target] openai_api_key: a secret",
        "OPENAI_API_KEY",
    ),
    ("[target.headers]\nX-API-Key = 'geheim'", "govbench.toml: [target] headers: X-API-Key", "set API_KEY"),
    ("[target.headers]\nAuthorization = 'geheim'", "headers: Authorization", "GOVBENCH_TARGET_HEADERS"),
    ("[target.headers]\n'a b' = 'geheim'", "govbench.toml: [target] headers: expected", "letters"),
    ("[stack.environment]\nDB_PASSWORD = 'geheim'", "environment: DB_PASSWORD", "GOVBENCH_STACK_ENVIRONMENT"),
    ("[stack.environment]\nDB = 'pg://me:geheim@db/x'", "environment: DB", "GOVBENCH_STACK_ENVIRONMENT"),
    *(
        (f"[target.headers]\n{name} = 'geheim'", f"headers: {name}: a secret", "GOVBENCH_TARGET_HEADERS")
        for name in ("X-Auth", "Authentication", "X-Signature", "Set-Cookie", "Proxy-Authorization")
    ),
    *(
        (f"[stack.environment]\n{name} = 'geheim'", f"environment: {name}: a secret", "STACK_ENVIRONMENT")
        for name in ("DB_PASS", "POSTGRES_PWD", "AWS_ACCESS_KEY_ID", "JWT", "REDISCLI_AUTH")
    ),
    ("[target.headers]\nX-Client = 'Bearer geheimgeheim'", "headers: X-Client: a secret", ""),
    ("[stack.environment]\nCLIENT = 'sk-geheim0geheim0'", "environment: CLIENT: a secret", ""),
    ("[load]\nmax_users = 'password=geheim'", "[load] max_users: expected", ""),
    ("target = 'http://me:geheim@h/'", "govbench.toml: target: expected a table", "[target]"),
    ("[compare]\nfail_on = ['regresion']", "govbench.toml: [compare] fail_on: expected", "'regression'?"),
    ("[compare]\nfail_on = ['pass']", "govbench.toml: [compare] fail_on: expected a list of regression", ""),
    ("[compare]\nlevel = 1", "govbench.toml: [compare] level: expected a number >= 0.5 and < 1, got 1", ""),
    (
        "[compare.metrics.response_time_p59_ms]\n",
        "response_time_p59_ms: unknown table",
        "[compare.metrics.response_time_p",
    ),
    ("[compare.metrics.error_rate]\nmargn = 1", "[compare.metrics.error_rate] margn: unknown key", "margin"),
    (
        "[thresholds]\nresponse_time_p95 = 5",
        "[thresholds] response_time_p95: unknown",
        "response_time_p95_ms",
    ),
    ("[thresholds]\nerror_rate = 5", "[thresholds] error_rate: expected a number >= 0 and <= 1, got 5", ""),
    (
        "[thresholds.concurent]\nerror_rate = 0",
        "[thresholds] concurent: unknown table",
        "[thresholds.concurrent]",
    ),
    ("suite = '../x'", "govbench.toml: suite: expected a name of letters", ""),
    ("[load]\nmax_users = ", "govbench.toml:2: ", "not valid TOML"),
    ("[load]\n\nmax_users = 5 5\n", "govbench.toml:3: ", "not valid TOML"),
    ("[output]\nfolder = 5", "govbench.toml: [output] folder: expected a path, got 5", ""),
    ("[output]\nsave_responses = -1", "govbench.toml: [output] save_responses: expected", ""),
    ("[target.http]\nmethod = 'GTE'", "[target.http] method: expected one of GET", "'GET'?"),
    ("[target.http]\npath = 'x'", "[target.http] path: expected a path that starts", ""),
]


@pytest.mark.parametrize(("toml", "message", "hint"), WRONG_FILES)
def test_wrong_file(load: Load, toml: str, message: str, hint: str) -> None:
    said, hinted = refused(load, toml)

    assert message in said
    assert hint in hinted
    assert "geheim" not in said + hinted


CONTRADICTIONS = [
    (
        "[target.http]\nmethod = 'POST'",
        "govbench.toml: [target.http] method: is for api http",
        'api = "http"',
    ),
    ("[target]\napi = 'http'\n[target.http]\nbody = 'x'", "[target.http] body: GET sends no body", "POST"),
    (
        "[target]\napi = 'http'\n[target.http]\nmethod = 'GET'\nbody = 'x'",
        "[target.http] body: govbench.toml: [target.http] method is GET, which sends no body",
        "POST",
    ),
    (
        "[target]\napi = 'http'\n[target.http]\nmethod = 'head'\nbody = 'x'",
        "[target.http] method is HEAD, which sends no body",
        "POST",
    ),
    (
        "[target]\napi = 'http'\n[target.http]\nmethod = 'POST'\nbody = 'q={query}'",
        "govbench.toml: [target.http] body: not JSON once the placeholders are filled in",
        "Content-Type",
    ),
    (
        "[target]\napi = 'http'\n[target.http]\nend = '[DONE]'",
        "[target.http] end: says where a stream ends, but answers are not streamed",
        "stream = true",
    ),
    (
        "[target]\nform = 'http://h/x'\napi = 'govstack'",
        "govbench.toml: [target] api: govstack has paths",
        "URL",
    ),
    (
        "[target]\nform = 'http://h/x'\n[target.http]\npath = '/y'",
        "govbench.toml: [target.http] path: the target's URL has a path already: /x",
        "keep one",
    ),
    (
        "[target]\napi = 'govstack-message'\nstream = true",
        "govbench.toml: [target] stream: only api openai-chat, govstack and http stream their answers",
        "openai-chat",
    ),
    (
        "[load]\nscenarios_file = 'x.json'\n[[scenarios]]\nname = 'a'",
        "govbench.toml: [load] scenarios_file: contradicts govbench.toml: [[scenarios]]",
        "keep one",
    ),
]


@pytest.mark.parametrize(("toml", "message", "hint"), CONTRADICTIONS)
def test_contradictions_are_refused(load: Load, toml: str, message: str, hint: str) -> None:
    said, hinted = refused(load, toml)

    assert message in said
    assert hint in hinted


def test_a_wrong_variable_is_named_with_its_source(load: Load) -> None:
    assert refused(load, dotenv="MAX_USERS=many\n")[0].startswith(
        ".env.test: MAX_USERS: expected a whole number from 1 to 65535, got 'many'"
    )
    assert refused(load, environ={"MAX_USERS": "many"})[0].startswith("MAX_USERS: expected")
    assert refused(load, environ={"GOVBENCH_LOAD_SEED": "x"})[0].startswith("GOVBENCH_LOAD_SEED: expected")


def test_a_wrong_option_is_named(load: Load) -> None:
    assert (
        refused(load, load__max_users=0)[0] == "--max-users: expected a whole number from 1 to 65535, got 0"
    )
    assert refused(load, load__max_usres=1) == (
        "option for load.max_usres: unknown key",
        "did you mean max_users?",
    )


def test_foreign_variables_and_those_of_a_stack_are_ignored(load: Load) -> None:
    assert load(environ={"PATH": "/bin", "GOVBENCH_STACK": "mark", "MAX_USER": "x"}).notes == ()


def test_unknown_variables_of_dotenv_are_noted(load: Load) -> None:
    (note,) = load(dotenv="MAX_USER=3\n").notes

    assert note.startswith(".env.test: MAX_USER: not a variable")


def test_a_broken_line_of_dotenv_is_refused_with_its_number(load: Load) -> None:
    assert refused(load, dotenv="MAX_USERS=3\n'broken\n")[0] == ".env.test:2: not a variable"


def test_secrets_never_show_in_a_message_or_a_repr(load: Load) -> None:
    said, hint = refused(load, environ={"GOVBENCH_TARGET_HEADERS": "{geheim"})
    assert said.startswith("GOVBENCH_TARGET_HEADERS: expected")
    assert "geheim" not in said + hint

    settings = load(environ={"API_KEY": "geheim", "OPENAI_API_KEY": "geheim", "POSTGRES_PASSWORD": "geheim"})
    assert settings.target.api_key == "geheim"
    assert settings.stack.environment["POSTGRES_PASSWORD"] == "geheim"
    assert "geheim" not in repr(settings)
    form = "command:serve --api-key geheim --port {port}"
    settings = load(target__form=form, target__headers=["X-Auth: geheim"])
    assert settings.target.headers == {"X-Auth": "geheim"}
    assert "geheim" not in repr(settings)
    assert "geheim" not in repr(parse_target(form)) + repr(parse_target("http://h/x?api_key=geheim"))


@pytest.mark.parametrize(
    "toml",
    [
        "[target.headers]\nX-Request-Id = 'abc'\nX-Author = 'ada'\nAccept = 'text/plain'\nX-Auth = 'none'",
        "[stack.environment]\nMAX_TOKENS = '100'\nKEYBOARD = 'de'\nAUTH_MODE = 'oidc'\nJWT_TTL = '9'",
        "[stack.environment]\nDATABASE_URL = 'postgres://db/x'\nPASSWORD_FILE = '/run/db'\nAUTH = 'off'",
    ],
)
def test_what_is_no_secret_may_stand_in_a_file(load: Load, toml: str) -> None:
    settings = load(toml)
    assert settings.target.headers or settings.stack.environment


def test_an_empty_variable_counts_as_not_set(load: Load) -> None:
    settings = load(environ={"API_KEY": "", "MAX_USERS": " ", "GOVBENCH_LOAD_SEED": ""})

    assert settings.target.api_key is None
    assert settings.load == load().load


def test_the_file_is_searched_up_to_the_repository(tmp_path: Path) -> None:
    inner = tmp_path / "repo" / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "govbench.toml").write_text("suite = 'stray'")

    def suite() -> str:
        return load_settings(flags={}, config_file=None, environ={}, cwd=inner).suite

    assert suite() == "default"  # outside a repository only cwd is searched
    (tmp_path / "repo" / ".git").mkdir()
    assert suite() == "default"
    (tmp_path / "repo" / "pyproject.toml").write_text("[tool.govbench]\nsuite = 'shared'")
    assert suite() == "shared"
    (tmp_path / "repo" / "a" / "govbench.toml").write_text("suite = 'near'")
    assert suite() == "near"


def test_pyproject_labels_and_the_note_where_both_exist(tmp_path: Path) -> None:
    def call() -> Settings:
        return load_settings(flags={}, config_file=None, environ={}, cwd=tmp_path)

    (tmp_path / "pyproject.toml").write_text("[tool.govbench.load]\nmax_users = 'x'")
    with pytest.raises(ConfigError, match=r"^pyproject\.toml: \[tool\.govbench\.load\] max_users: expected"):
        call()
    (tmp_path / "govbench.toml").write_text("suite = 'own'")
    settings = call()
    assert settings.suite == "own"
    assert settings.notes == (
        "pyproject.toml: [tool.govbench] is not read, for govbench.toml lies beside it",
    )


def test_a_named_file_is_read_and_its_paths_start_beside_it(load: Load, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "ci.toml").write_text("[output]\nfolder = 'out'")

    settings = load("[output]\nfolder = 'other'", config_file=Path("conf/ci.toml"))

    assert settings.output.folder == tmp_path / "conf" / "out"


def test_a_file_that_cannot_be_read(load: Load, tmp_path: Path) -> None:
    assert refused(load, config_file=Path("no.toml"))[0].startswith("no.toml: cannot be read: No such file")
    assert refused(load, config_file=tmp_path)[0].endswith("Is a directory")
    (tmp_path / "latin.toml").write_bytes(b"suite = '\xe4'")
    assert refused(load, config_file=Path("latin.toml"))[0] == "latin.toml: is not UTF-8 text"
    (tmp_path / "pyproject.toml").write_text("[tool]\nx = 1")
    assert "has no table [tool.govbench]" in refused(load, config_file=Path("pyproject.toml"))[0]


@pytest.mark.parametrize(
    ("toml", "environ", "defaults"),
    [
        ("", {}, 1),
        ("[thresholds]\nerror_rate = 0.2", {}, 0),
        ("[thresholds.concurrent]\nerror_rate = 0.2", {}, 1),
        ("[thresholds]\nresponse_time_p95_ms = 200", {}, 1),
        ("", {"MAX_ERROR_RATE": "0.2"}, 0),
        ("", {"MIN_SUCCESS_RATE": "0.9"}, 0),
    ],
)
def test_where_no_bound_on_errors_is_set_one_holds(
    load: Load, toml: str, environ: dict[str, str], defaults: int
) -> None:
    found = [t for t in load(toml, environ=environ).thresholds if t.default]
    assert found == [DEFAULT_ERROR_RATE] * defaults


@pytest.mark.parametrize(
    ("toml", "environ", "demanded"),
    [
        ("[thresholds]\nresponse_time_p95_ms = 200", {}, True),
        ("", {"GOVBENCH_THRESHOLDS_RESPONSE_TIME_P95_MS": "200"}, True),
        ("", {"MAX_RESPONSE_TIME_MS": "200"}, False),
        ("[thresholds]\nresponse_time_p95_ms = 200\non_not_measured = 'fail'", {}, True),
        ("[thresholds]\nresponse_time_p95_ms = 200\non_not_measured = 'ignore'", {}, False),
    ],
)
def test_a_bound_is_demanded_unless_ignored_or_of_the_suite(
    load: Load, toml: str, environ: dict[str, str], demanded: bool
) -> None:
    found = [t for t in load(toml, environ=environ).thresholds if t.metric is MetricName.RESPONSE_TIME_P95]
    assert [t.demanded for t in found] == [demanded]


def test_only_a_time_to_connect_that_was_set_can_be_too_long(load: Load) -> None:
    assert load("[target]\ntimeout_s = 5").notes == ()
    assert load("[target]\ntimeout_s = 5\nconnect_timeout_s = 6").notes == (
        "govbench.toml: [target] connect_timeout_s: 6 s to connect cannot exceed the 5 s of a whole request",
    )


def test_leaving_out_regression_is_noted(load: Load) -> None:
    assert load(compare__fail_on="none").compare.fail_on == frozenset()
    assert any(
        "fail_on leaves out regression" in note for note in load(compare__fail_on=["inconclusive"]).notes
    )
    assert load(compare__fail_on="regression, inconclusive").notes == ()


def test_only_one_function_reads_the_environment() -> None:
    package = Path(govbench.__file__).parent
    # giving GitPython a default is no reading
    reads = re.compile(r"os\.environ(?!\.setdefault)|getenv|from os import .*environ")
    readers = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if reads.search(path.read_text(encoding="utf-8"))
    }
    assert readers == {"config/environment.py"}
    assert environment() == dict(os.environ)
