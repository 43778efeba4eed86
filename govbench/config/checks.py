"""What settings contradict each other, and what a reader should know of them. Changes no value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from govbench.config import profiles
from govbench.config.keys import KEYS
from govbench.config.requests import api_of
from govbench.config.settings import Settings
from govbench.config.sources import Value
from govbench.config.targets import Target
from govbench.config.variables import Variable
from govbench.errors import ConfigError
from govbench.results.comparison import Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import BODILESS, MOST_PHASES, Api, Side, TestType
from govbench.results.redact import shown_address
from govbench.results.wire import Wire

Merged = Mapping[str, Value]


def check(settings: Settings, target: Target, merged: Merged) -> None:
    """Raise ConfigError where two values cannot both be meant."""
    api = api_of(settings.target, target)
    _check_api(api, target, merged)
    _check_http(settings, api, target, merged)
    _check_levels(merged)
    _check_custom(settings, merged)
    _check_test_file(settings, merged)
    _check_workers(settings, merged)


def _check_levels(merged: Merged) -> None:
    users, levels = merged.get("ab.users"), merged.get("ab.levels")
    if users is not None and levels is not None:
        raise ConfigError(
            f"{users.label}: one number of users, but {levels.label} asks for levels",
            hint="leave one of them out; --levels also takes a single number",
        )


def _check_custom(settings: Settings, merged: Merged) -> None:
    load = settings.load
    if TestType.CUSTOM in profiles.test_types(load) and not profiles.custom_phases(load):
        raise ConfigError(
            f"{merged['load.test_types'].label}: no phases are configured for test type custom",
            hint="write [[phases]], or give a rate with --rate",
        )
    planned = len(profiles.build_phases(load))
    if planned > MOST_PHASES:
        own = len(profiles.custom_phases(load))
        raise ConfigError(
            f"{merged['phases'].label}: {own} phases, and with those of the other test types {planned}; "
            f"a run has at most {MOST_PHASES}",
            hint="leave some of them out, or other test types with --test-types",
        )


def _check_test_file(settings: Settings, merged: Merged) -> None:
    if settings.load.user_class is not None and settings.load.test_file is None:
        raise ConfigError(
            f"{merged['load.user_class'].label}: names users of a test file, but there is none",
            hint="set load.test_file, or --test-file",
        )


def _check_workers(settings: Settings, merged: Merged) -> None:
    load = settings.load
    if not load.workers and not load.remote_workers:
        raise ConfigError(
            f"{merged['load.workers'].label}: nobody is left to put the load on",
            hint="ask for at least one worker, or for --remote-workers",
        )
    if load.remote_workers and not load.worker_token:
        raise ConfigError(
            f"{merged['load.remote_workers'].label}: remote workers need a token",
            hint=f"set {KEYS['worker.token'].variable} here and on their machines; see docs/distributed.md",
        )


def _check_api(api: Api, target: Target, merged: Merged) -> None:
    path = target.request_path
    if path is not None and api not in {Api.HTTP, Api.OPENAI_CHAT}:
        raise ConfigError(
            f"{merged['target.api'].label}: {api} has paths of its own,"
            f" but the target's URL ends in {shown_address(path)}",
            hint="leave the path out of the URL, or use api http",
        )
    stream = merged.get("target.stream")
    if stream is not None and stream.value and api is Api.GOVSTACK_MESSAGE:
        raise ConfigError(
            f"{stream.label}: only api openai-chat, govstack and http stream their answers, not {api}",
            hint='set api = "openai-chat"',
        )


def _check_http(settings: Settings, api: Api, target: Target, merged: Merged) -> None:
    http = [value for key, value in merged.items() if key.startswith("target.http.")]
    if http and api is not Api.HTTP:
        raise ConfigError(
            f"{http[0].label}: is for api http, but the api is {api}",
            hint='set api = "http", or leave it out',
        )
    if target.request_path is not None and "target.http.path" in merged:
        path = shown_address(target.request_path)
        raise ConfigError(
            f"{merged['target.http.path'].label}: the target's URL has a path already: {path}",
            hint="keep one of them",
        )
    if settings.target.http.body is not None and settings.target.http.method in BODILESS:
        method, body = merged.get("target.http.method"), merged["target.http.body"]
        said = "GET" if method is None else f"{method.label} is {method.value}, which"
        raise ConfigError(
            f"{body.label}: {said} sends no body", hint='set method = "POST", or leave out the body'
        )
    _check_body(settings, api, merged)
    if settings.target.http.end is not None and not settings.target.stream:
        raise ConfigError(
            f"{merged['target.http.end'].label}: says where a stream ends, but answers are not streamed",
            hint="set stream = true in [target]",
        )


def _check_body(settings: Settings, api: Api, merged: Merged) -> None:
    """Put the body on the wire once, so that what is wrong with it is told before anything is booted."""
    body = merged.get("target.http.body")
    if body is None or api is not Api.HTTP:
        return
    kind = tuple(item for item in settings.target.headers.items() if item[0].lower() == "content-type")
    try:
        Wire(Side(name="any", url="http://localhost", api=api, http=settings.target.http, headers=kind))
    except ConfigError as error:
        raise ConfigError(f"{body.label}: {str(error).partition(': ')[2]}", hint=error.hint) from error


def notes(settings: Settings, target: Target, merged: Merged) -> list[str]:
    """What is allowed, but may not be what was meant."""
    return [
        *_unused_fields(api_of(settings.target, target), merged),
        *_ramp(settings, merged),
        *_unused_load(settings, merged),
        *_deadlines(settings, merged),
        *_loose_gates(settings),
    ]


def _unused_fields(api: Api, merged: Merged) -> list[str]:
    only = {"target.model": Api.OPENAI_CHAT, "target.collection_id": Api.GOVSTACK}
    return [
        f"{merged[key].label}: not used, for only api {wanted} sends it"
        for key, wanted in only.items()
        # the suite's variable has a note of its own
        if key in merged and api is not wanted and merged[key].variable != "API_COLLECTION_ID"
    ]


def _ramp(settings: Settings, merged: Merged) -> list[str]:
    load = settings.load
    if load.spawn_rate is None or load.ramp_up_s is None:
        return []
    rate, ramp = merged["load.spawn_rate"], merged["load.ramp_up_s"]
    users = profiles.max_users(load)
    by_ramp = users / load.ramp_up_s
    winner, loser = (ramp, rate) if by_ramp > load.spawn_rate else (rate, ramp)
    rates = f"({load.spawn_rate:g}/s, or {users} users in {load.ramp_up_s:g} s)"
    fastest = profiles.spawn_rate(load)
    return [f"{loser.label}: {winner.label} wins: the faster ramp, {fastest:.3g} users/s {rates}"]


def _unused_load(settings: Settings, merged: Merged) -> list[str]:
    """Keys of the open loop that no phase will follow."""
    load = settings.load
    custom = TestType.CUSTOM in profiles.test_types(load)
    found = []
    if not custom:
        found += [
            f"{merged[key].label}: not used, for test type custom is not asked for"
            for key in ("load.arrival_rate_rps", "phases")
            if key in merged
        ]
    if load.arrival_rate_rps is None:
        found += [
            f"{merged[key].label}: not used without a rate (load.arrival_rate_rps, --rate)"
            for key in ("load.arrivals", "load.max_in_flight")
            if key in merged
        ]
    return found


def _deadlines(settings: Settings, merged: Merged) -> list[str]:
    connect_s, total_s = settings.target.deadlines.connect_s, settings.target.deadlines.total_s
    connect = merged.get("target.connect_timeout_s")
    if connect is None or connect_s <= total_s:  # of our own default nobody has to be told
        return []
    return [f"{connect.label}: {connect_s:g} s to connect cannot exceed the {total_s:g} s of a whole request"]


def _loose_gates(settings: Settings) -> list[str]:
    found = []
    if Verdict.REGRESSION not in settings.compare.fail_on:
        found.append("fail_on leaves out regression: a regression will not fail the run")
    found += [
        f"{threshold.source}: an error rate of 1 allows every request to fail"
        for threshold in settings.thresholds
        if threshold.metric is MetricName.ERROR_RATE and threshold.bound >= 1
    ]
    return found


def unused_variables(variables: Iterable[tuple[str, Variable]], target: Target, api: Api) -> list[str]:
    """One note per reason, naming the suite's variables that were set and that nothing will use."""
    by_reason: dict[str, dict[str, None]] = {}
    for name, variable in variables:
        if not variable.used_by(target, api):
            by_reason.setdefault(variable.unused, {})[name] = None
    return [f"{', '.join(names)}: not used: {reason}" for reason, names in by_reason.items()]
