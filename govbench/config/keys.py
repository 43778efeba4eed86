"""Every configuration key, declared once: its kind, option and effect. Reads nothing; ``load.py`` merges.

File parser, variables, error messages, the table in docs/configuration.md and the tests follow from this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from govbench.config import values as v
from govbench.config.profiles import PROFILES
from govbench.config.settings import OnNotMeasured
from govbench.config.values import Kind
from govbench.results.comparison import Verdict
from govbench.results.metrics import METRICS, Direction, MetricName, Unit
from govbench.results.plan import MOST_USERS, Api, ArrivalProcess, TestType

VARIABLE_PREFIX = "GOVBENCH_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key that a user may set.

    ``name`` is dotted as in TOML; ``<metric>`` and ``<test type>`` in it stand for one key each.
    ``field`` is where the value goes in ``Settings``; None where it becomes something else. A ``secret``
    is refused in a file.
    """

    name: str
    kind: Kind
    effect: str
    field: str | None = None
    flag: str | None = None
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that sets this key."""
        word = self.name.replace("<test type>", "<test_type>").replace(".", "_")
        return VARIABLE_PREFIX + word.upper()


def _key(name: str, kind: Kind, effect: str, *, flag: str | None = None, field: str | None = "") -> Key:
    return Key(name=name, kind=kind, effect=effect, flag=flag, field=name if field == "" else field)


def _secret(name: str, effect: str) -> Key:
    return Key(name=name, kind=v.TEXT, effect=effect, field=name, secret=True)


_JSON_PATH = v.matching(r"[^\s.]+(\.[^\s.]+)*", 'a dotted JSON path such as "choices.0.message.content"')
_METHOD = v.choice(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"), any_case=True)
_SUITE = v.matching(
    r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*",
    "a name of letters, digits, single dots, dashes and underscores",
)
_CLASSES = v.matching(r"[^\W\d]\w*( *, *[^\W\d]\w*)*", "names of classes, separated by commas")
FAILING = tuple(word for word in Verdict if word not in (Verdict.PASS, Verdict.IMPROVEMENT))
_RATIO = v.number(0, 1)

_TARGET = (
    _key(
        "target.form",
        v.TEXT,
        "the stack under test: a URL, embedded[:switches], command:CMD or git:REF (TARGET is the same)",
        flag="--api-url",
    ),
    _key("target.api", v.choice(Api), "request and answer format; http for a URL with a path", flag="--api"),
    _key(
        "target.stream",
        v.SWITCH,
        "read answers as streams of events, and ask for such (openai-chat, govstack, http)",
        flag="--stream",
    ),
    _key("target.model", v.TEXT, "model that a request names (openai-chat)"),
    _key("target.collection_id", v.TEXT, "collection that a request names (govstack)"),
    _key(
        "target.headers",
        v.HEADERS,
        "headers of every request; those of all sources are joined",
        flag="--header",
    ),
    _key(
        "target.connect_timeout_s",
        v.duration(),
        "longest time to connect",
        field="target.deadlines.connect_s",
    ),
    _key(
        "target.timeout_s",
        v.duration(),
        "longest time from send to the last byte",
        flag="--api-timeout",
        field="target.deadlines.total_s",
    ),
    _key("target.http.method", _METHOD, "method of a request (http)", flag="--method"),
    _key("target.http.path", v.URL_PATH, "path of a request (http)"),
    _key("target.http.body", v.BODY, "body template of a request (http)", flag="--body"),
    _key(
        "target.http.answer",
        _JSON_PATH,
        "where the answer's text is; of a stream, in each of its events (http)",
        field="target.http.answer_path",
    ),
    _key("target.http.session", _JSON_PATH, "where the session is (http)", field="target.http.session_path"),
    _key(
        "target.http.input_tokens",
        _JSON_PATH,
        "where the tokens read are (http)",
        field="target.http.input_tokens_path",
    ),
    _key(
        "target.http.output_tokens",
        _JSON_PATH,
        "where the tokens written are (http)",
        field="target.http.output_tokens_path",
    ),
    _key(
        "target.http.end",
        v.TEXT,
        "data or name of the event that ends a stream; without it the end of the answer does (http)",
        field="target.http.end",
    ),
    _secret("target.api_key", "key of the API: X-API-Key, or Bearer for openai-chat; never in a file"),
    _secret("target.openai_api_key", "Bearer token of openai-chat; never in a file"),
    _key("target.openai_org_id", v.TEXT, "OpenAI-Organization header of openai-chat"),
)
_STACK = (
    _key("stack.build", v.TEXT, "command that is run once before the first boot of a command target"),
    _key("stack.build_timeout_s", v.duration(), "longest time that it takes"),
    _key("stack.health_path", v.URL_PATH, "path that answers 2xx once the stack is ready"),
    _key("stack.boot_timeout_s", v.duration(), "longest time until it is ready"),
    _key("stack.stop_timeout_s", v.duration(), "time to end by itself before it is killed"),
    _key("stack.port", v.whole(1, 65535), "port of a booted stack; a free one when unset"),
    _key(
        "stack.environment", v.STRINGS, "variables handed to a booted stack; those of all sources are joined"
    ),
)
_LOAD = (
    _key("load.profile", v.choice(PROFILES), "ready-made set of phases", flag="--profile"),
    _key("load.test_types", v.choices(TestType), "which test types run, in this order", flag="--test-types"),
    _key(
        "load.users",
        v.whole(1, MOST_USERS),
        "one fixed load: the only level of test type concurrent, which alone runs",
        flag="--users",
    ),
    _key("load.max_users", v.whole(1, MOST_USERS), "highest level of concurrent users", flag="--max-users"),
    _key("load.spawn_rate", v.number(above=True), "users started per second", flag="--spawn-rate"),
    _key("load.ramp_up_s", v.duration(), "time to reach max_users; the faster of this and spawn_rate wins"),
    _key("load.test_duration_s", v.duration(), "steady seconds of each level", flag="--test-duration"),
    _key(
        "load.arrival_rate_rps",
        v.number(above=True),
        "an open loop: requests are due at this rate, whatever the answers do",
        flag="--rate",
    ),
    _key("load.arrivals", v.choice(ArrivalProcess), "how they follow each other", flag="--arrivals"),
    _key(
        "load.max_in_flight",
        v.whole(1, MOST_USERS),
        "most of them under way at a time; as many more wait, the rest is dropped",
        flag="--max-in-flight",
    ),
    _key("load.seed", v.whole(), "seed of all random choices", flag="--seed"),
    _key("load.max_requests", v.whole(1), "stop after that many requests", flag="--max-requests"),
    _key("load.retries", v.whole(), "attempts after a failed one; every attempt is recorded"),
    _key("load.retry_delay_s", v.duration(above=False), "pause before such an attempt"),
    _key("load.stop_timeout_s", v.duration(above=False), "time that open requests get at the end"),
    _key("load.queries_file", v.PATH, "queries of scenarios that name none (.json or .txt)", field=None),
    _key("load.scenarios_file", v.PATH, "scenarios as a JSON file, instead of [[scenarios]]", field=None),
    _key("load.test_file", v.PATH, "Python file with users of your own", flag="--test-file"),
    _key("load.user_class", _CLASSES, "which of its users run; all when unset", flag="--user-class"),
    _key("load.workers", v.whole(), "processes on this machine that share the load", flag="--workers"),
    _key("load.remote_workers", v.whole(), "workers on other machines to wait for", flag="--remote-workers"),
    _key("load.master_bind", v.TEXT, "address on which workers are awaited", flag="--master-bind"),
    _key(
        "load.master_port",
        v.whole(1, 65535),
        "port of it; unset: 5557 with remote workers, a free one without",
        flag="--master-port",
    ),
    Key(
        name="worker.token",
        kind=v.TEXT,
        effect="what a run and its remote workers must both know; never in a file",
        field="load.worker_token",
        secret=True,
    ),
    _key("load.assume_yes", v.SWITCH, "do not ask before loading another machine", flag="--yes"),
)
_COMPARE = (
    _key("compare.level", v.number(0.5, 1, below=True), "level of the confidence intervals"),
    _key("compare.paired_margin", _RATIO, "smallest relative change worth acting on, paired runs"),
    _key("compare.unpaired_margin", _RATIO, "the same for runs compared with a baseline"),
    _key("compare.absolute_margin_ms", v.number(), "smallest change of a time worth acting on"),
    _key("compare.between_run_sd", v.number(), "deviation between two runs until calibrated"),
    _key("compare.instance_sd", v.number(), "deviation between two instances until calibrated"),
    _key("compare.calibration_max_age_days", v.whole(1), "days until a calibration no longer counts"),
    _key("compare.min_samples", v.whole(2), "fewest requests that a verdict rests on"),
    _key("compare.confirm", v.SWITCH, "measure once more what stored runs make suspect"),
    _key(
        "compare.fail_on",
        v.choices(FAILING, or_none=True),
        "verdicts that make the exit code fail; replaces the default list",
        flag="--fail-on",
    ),
    _key("compare.metrics.<metric>.gate", v.SWITCH, "whether the metric can fail a run", field=None),
    _key(
        "compare.metrics.<metric>.direction",
        v.choice(Direction),
        "which change is a regression; with neither_is_better every one",
        field=None,
    ),
    _key("compare.metrics.<metric>.margin", _RATIO, "relative margin of the metric", field=None),
    _key("compare.metrics.<metric>.absolute_margin", v.number(), "margin in the metric's unit", field=None),
)
_AB = (
    _key("ab.max_time_s", v.duration(), "time of govbench ab, load and boots together (--max-time)"),
    _key("ab.round_s", v.duration(), "load of one round; as long as the boot takes when unset (--round)"),
    _key("ab.users", v.whole(1, MOST_USERS), "users of test type concurrent in govbench ab (--users)"),
    _key(
        "ab.levels", v.rising(1, MOST_USERS), "the same at several levels, each judged for itself (--levels)"
    ),
    _key(
        "ab.throughput_rps",
        v.number(above=True),
        "measure throughput too, in open-loop phases at this rate (--throughput)",
    ),
)
_REST = (
    _key(
        "thresholds.<metric>",
        v.number(),
        'highest value (throughput: lowest) in any test type, in the metric\'s unit; bytes also as "512MiB"',
        field=None,
    ),
    _key("thresholds.<test type>.<metric>", v.number(), "the same in one test type", field=None),
    _key(
        "thresholds.on_not_measured",
        v.choice(OnNotMeasured),
        "what a bound comes to that could not be measured: exit code 3, or a note",
        field=None,
    ),
    _key("baselines.folder", v.PATH, "where committed baselines lie"),
    _key("baselines.window", v.whole(1), "baselines kept per machine class and plan"),
    _key("baselines.deepen", v.SWITCH, "fetch the history that a shallow clone lacks, where it is needed"),
    _key("output.folder", v.PATH, "where run folders are written", flag="--output"),
    _key("output.region", v.TEXT, "label of where the load came from", flag="--region"),
    _key("output.track_tokens", v.SWITCH, "record the tokens that answers report"),
    _key("output.save_responses", v.ANSWERS, "answers kept, redacted and cut"),
    _key("output.log_level", v.LOG_LEVEL, "how much is logged"),
)

DECLARED: tuple[Key, ...] = (
    _key("suite", _SUITE, "name of the suite; baselines are kept per suite"),
    *_TARGET,
    *_STACK,
    *_LOAD,
    _key("scenarios", v.SCENARIOS, "the kinds of users; see Scenarios", field="load.scenarios"),
    _key("phases", v.PHASES, "the phases of test type custom; see Phases", field=None),
    *_AB,
    *_COMPARE,
    *_REST,
)


def _threshold_kind(metric: MetricName) -> Kind:
    match METRICS[metric].unit:
        case Unit.BYTES:
            return v.SIZE
        case Unit.RATIO:
            return _RATIO
        case _:
            return v.number()


def _expanded(declared: Key) -> list[Key]:
    if "<metric>" not in declared.name:
        return [declared]
    found = []
    for metric in MetricName:
        is_threshold = declared.name.startswith("thresholds.")
        kind = _threshold_kind(metric) if is_threshold else declared.kind
        name = declared.name.replace("<metric>", metric)
        types = [str(word) for word in TestType] if "<test type>" in name else [""]
        found += [replace(declared, name=name.replace("<test type>", word), kind=kind) for word in types]
    return found


KEYS: dict[str, Key] = {key.name: key for declared in DECLARED for key in _expanded(declared)}
BY_VARIABLE: dict[str, Key] = {key.variable: key for key in KEYS.values()}
TABLES: frozenset[str] = frozenset(
    ".".join(name.split(".")[:depth]) for name in KEYS for depth in range(1, name.count(".") + 1)
)


def unknown_hint(name: str) -> str:
    """What to do about a key or table that does not exist: the closest right one, and where it belongs."""
    table, _, last = name.rpartition(".")
    here = {key.rpartition(".")[2]: key for key in (*KEYS, *TABLES) if key.rpartition(".")[0] == table}
    elsewhere = {
        key.rpartition(".")[2]: key for key in KEYS if not key.startswith(("thresholds", "compare.m"))
    }
    if last in elsewhere:
        return f"{last} belongs in [{elsewhere[last].rpartition('.')[0]}]"
    for words in (here, elsewhere):
        like = v.closest(last, words)
        if like is not None:
            place = words[like].rpartition(".")[0]
            noun = f"the table [{words[like]}]" if words[like] in TABLES else like
            return f"did you mean {noun}?" + (f" It belongs in [{place}]." if place != table else "")
    where = f"[{table}]" if table else "the top level"
    return f"{where} takes {', '.join(sorted(here))}" if here else "see docs/configuration.md"
