"""The version of a plan, one for each test type: a hash of all that decides its figures. Reads no file.

Hashed is what differs from the defaults only: a field that is added to a phase, a scenario or a template
changes no version until somebody sets it. The seed is no part of it, nor how many workers put the load on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

from govbench.config.requests import api_of
from govbench.config.settings import LoadConfig, Settings, TargetConfig
from govbench.config.targets import Target
from govbench.results.plan import Api, Deadlines, Phase
from govbench.results.versions import PlanVersion

_FORMAT: Final = 1  # raise it when the same settings come to mean another load
_MOST_PHASES: Final = 10
_LONGEST: Final = 120


def plan_versions(
    settings: Settings,
    phases: Sequence[Phase],
    *,
    target: Target,
    test_file: bytes | None = None,
    of_target: bool = True,
) -> dict[str, PlanVersion]:
    """The version of every test type that these phases belong to, by its name.

    Args:
        settings: with the scenarios and with how the target is asked.
        phases: all phases of the plan, in order.
        target: what is booted, or asked where it is; for ``git:REF`` what is booted at that commit.
        test_file: the content of the custom test file; what that imports is not looked at.
        of_target: whether what the target is counts, besides how it is asked; not so for rounds, whose two
            sides are often two kinds.
    """
    asked = _asked(settings, target, test_file)
    if of_target:
        asked = {"target": target_kind(target), **asked}
    found = {}
    for test_type in dict.fromkeys(phase.test_type for phase in phases):
        own = [phase for phase in _settled(phases) if phase.test_type is test_type]
        scenarios = deviating(settings.load.scenarios)
        content = [_FORMAT, [with_cap(phase, deviating(phase)) for phase in own], scenarios, asked]
        shown = {**asked, "questions": _digest(scenarios), "phases": _phases_text(own)}
        found[test_type.value] = PlanVersion(
            hash=_digest(content, length=12),
            settings={name: _line(text) for name, text in shown.items()},
        )
    return found


def target_kind(target: Target) -> str:
    """What kind of target that is, and of an address elsewhere which one: as eight digits, not readable.

    A command is no part of it: a flag more is a change under test, not another target. Nor are the switches
    of the embedded API, which stand for such changes.
    """
    if target.address is None:
        return target.kind.value
    if target.is_local:
        return f"{target.kind}, this machine"
    where = urlsplit(target.address)
    return f"{target.kind} {_digest(f'{where.scheme}://{where.netloc}')}"


def with_cap(phase: Phase, hashed: dict[str, Any]) -> dict[str, Any]:
    """The fields of a phase as versions hash them: an open loop's cap goes by ``users``, as it always did."""
    return hashed if phase.arrivals is None else {**hashed, "users": phase.arrivals.max_in_flight}


def deviating(value: object) -> Any:
    """A value as JSON, and of a dataclass only the fields that differ from their defaults."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {field.name: deviating(item) for field, item in items if item != default_of(field)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [deviating(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): deviating(item) for key, item in value.items()}
    return value


def default_of(field: dataclasses.Field[Any]) -> object:
    """What a field holds where nobody has set it."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _settled(phases: Sequence[Phase]) -> list[Phase]:
    """The phases without what depends on their neighbours: the ramp from the one before, and the cool-down.

    So a test type that is measured alone has the version that it has among others.
    """
    found, before = [], 0
    for phase in phases:
        ramp_s = max(0, (phase.users or 0) - before) / phase.spawn_rate if not phase.paired else 0.0
        settle_s = max(0.0, round(phase.warmup_s - ramp_s, 6))
        found.append(dataclasses.replace(phase, warmup_s=settle_s, cooldown_s=0.0))
        before = phase.users or 0
    return found


def _asked(settings: Settings, target: Target, test_file: bytes | None) -> dict[str, str]:
    """How requests are made, as text; of the optional things only what is set."""
    config, load = settings.target, settings.load
    deadlines = config.deadlines
    allowed = f"{deadlines.connect_s:g} s to connect, {deadlines.total_s:g} s in all"
    found = {
        "api": api_of(config, target).value,
        "stream": config.stream and "yes",
        "model": config.model,
        "template": _template(config, target),
        "deadlines": deadlines != Deadlines() and allowed,
        "retries": _retries(load),
        "test file": test_file is not None and hashlib.sha256(test_file).hexdigest()[:8],
        "users": load.user_class if load.test_file is not None else None,
    }
    return {name: str(text) for name, text in found.items() if text}


def _template(config: TargetConfig, target: Target) -> str | None:
    if api_of(config, target) is not Api.HTTP:
        return None
    template = config.http
    if target.request_path is not None:
        template = dataclasses.replace(template, path=target.request_path)
    return _digest(deviating(template))


def _retries(load: LoadConfig) -> str | None:
    return f"{load.retries} after {load.retry_delay_s:g} s" if load.retries else None


def _phases_text(phases: Sequence[Phase]) -> str:
    shown = [f"{phase.name} {phase.steady_s:g} s" for phase in phases[:_MOST_PHASES]]
    more = len(phases) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _line(text: str) -> str:
    """As one printable line that is not too long."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text).strip() or "?"
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 10]}… {_digest(text)}"


def _digest(value: object, *, length: int = 8) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]
