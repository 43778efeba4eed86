"""Custom test files: imports one, and finds the users in it. What users do is theirs."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import locust
from locust import User

from govbench.errors import LoadError
from govbench.load.users import BenchUser
from govbench.results.plan import Plan

if TYPE_CHECKING:
    from govbench.load.engine import Engine

_MODULE = "govbench_test_file"
_HINT = "see docs/custom-users.md"


def custom_classes(plan: Plan, engine: Engine | None) -> list[type[User]]:
    """The users of the plan's test file, made part of ``engine`` and aimed at its target.

    Raises:
        LoadError: the file cannot be imported, or has no such users.
    """
    assert plan.test_file is not None
    kinds = users_of(plan.test_file, plan.user_classes)
    if len(plan.sides) > 1 and any(not issubclass(kind, BenchUser) for kind in kinds):
        raise LoadError("users of Locust's own classes can measure one target only", hint=_HINT)
    for kind in kinds:
        kind.host = plan.sides[0].url.rstrip("/")
        if issubclass(kind, BenchUser) and engine is not None:
            kind.engine = engine
    return kinds


def users_of(path: str, names: tuple[str, ...]) -> list[type[User]]:
    """The users of a test file by their names; all of them where there are no names.

    Raises:
        LoadError: the file cannot be imported, or has no such users.
    """
    return _chosen(_users_in(path), names, path)


@lru_cache(maxsize=1)
def _users_in(path: str) -> tuple[type[User], ...]:
    """Import a test file and find the users that it defines or imports, in their order."""
    file = Path(path).resolve()
    spec = importlib.util.spec_from_file_location(_MODULE, file)
    if spec is None or spec.loader is None:
        raise LoadError(f"{path} is no Python file", hint=_HINT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise LoadError(f"{error.filename}:{error.lineno}: {error.msg}") from error
    except FileNotFoundError as error:
        raise LoadError(f"{path}: {error.strerror}") from error
    except (Exception, SystemExit) as error:
        raise LoadError(f"{place_in(path, error)}: {type(error).__name__}: {error}") from error
    found = [each for each in vars(module).values() if _is_user(each)]
    return tuple(dict.fromkeys(found))


def _is_user(item: object) -> bool:
    return isinstance(item, type) and issubclass(item, User) and not item.abstract


def _chosen(found: Iterable[type[User]], names: tuple[str, ...], path: str) -> list[type[User]]:
    by_name = {kind.__name__: kind for kind in found}
    if not by_name:
        raise LoadError(
            f"{path} has no users: no class in it derives from BenchUser or GovStackUser", hint=_HINT
        )
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise LoadError(f"{path} has no user {unknown[0]}", hint=f"it has {', '.join(by_name)}")
    return [by_name[name] for name in names or by_name]


def place_in(path: str, error: BaseException) -> str:
    """Where in a test file an exception came from: ``file:line``, the last one that is in it."""
    file = str(Path(path).resolve())
    frames = traceback.extract_tb(error.__traceback__)
    here = [frame for frame in frames if str(Path(frame.filename).resolve()) == file]
    if not (here or frames):
        return Path(path).name
    frame = (here or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def hand_over_listeners(environment: Any) -> None:
    """Have the listeners that a test file added to ``locust.events`` hear of this environment's events."""
    for name, hook in vars(locust.events).items():
        for listener in hook._handlers:  # noqa: SLF001 - there is no other way to ask
            getattr(environment.events, name).add_listener(listener)
