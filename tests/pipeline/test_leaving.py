"""The instances of a round have ended before the load of the next one begins, or it is told that not."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from govbench.errors import StackError
from govbench.pipeline.ab import rounds
from govbench.pipeline.ab.rounds import Leaving, measure_round


class Stack:
    """Ends when it is let."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.may_end, self.has_ended, self._fault = threading.Event(), False, fault

    def stop(self) -> None:
        assert self.may_end.wait(10)
        if self._fault:
            raise self._fault
        self.has_ended = True


def leave(leaving: Leaving, stack: Stack) -> None:
    leaving.stop(stack)  # type: ignore[arg-type]


def test_waiting_lasts_until_all_have_ended() -> None:
    slow = Stack()
    with Leaving(print) as leaving:
        leave(leaving, slow)
        threading.Timer(0.2, slow.may_end.set).start()
        leaving.wait()
        assert slow.has_ended


def test_one_that_cannot_be_ended_is_an_error_once() -> None:
    stuck = Stack(StackError("the stack base cannot be ended", hint="by hand"))
    stuck.may_end.set()
    told: list[str] = []
    with Leaving(told.append) as leaving:
        leave(leaving, stuck)
        with pytest.raises(StackError, match="base cannot be ended") as error:
            leaving.wait()
        leaving.wait()
    assert (error.value.hint, told) == ("by hand", [])


def test_one_that_cannot_be_ended_at_the_end_is_told() -> None:
    stuck = Stack(OSError("no such thing"))
    stuck.may_end.set()
    told: list[str] = []
    with Leaving(told.append) as leaving:
        leave(leaving, stuck)
    assert told == ["no such thing"]


def test_the_load_of_a_round_begins_when_the_former_pair_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, gone_at_begin = Stack(), []

    class Load:
        def __init__(self, plan: object, folder: Path) -> None:
            pass

        def begin(self, plan: object) -> None:
            gone_at_begin.append(former.has_ended)
            raise KeyboardInterrupt  # what follows is of no interest here

        def close(self) -> None:
            pass

    class Booted:
        def __init__(self, *_: object) -> None:
            pass

        def __enter__(self) -> tuple[()]:
            return ()

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(rounds, "LoadProcess", Load)
    monkeypatch.setattr(rounds, "booted", Booted)
    monkeypatch.setattr(rounds, "_sides", lambda *_: ())
    monkeypatch.setattr(rounds, "build_plan", lambda *_: None)
    monkeypatch.setattr(rounds, "replace", lambda *_, **__: None)
    with Leaving(print) as leaving:
        leave(leaving, former)
        threading.Timer(0.3, former.may_end.set).start()
        bench: Any = SimpleNamespace(
            folder=tmp_path,
            leaving=leaving,
            settings=SimpleNamespace(load=SimpleNamespace(seed=1)),
            load=SimpleNamespace(phases=lambda **_: (), order=lambda _: ()),
        )
        with pytest.raises(KeyboardInterrupt):
            measure_round(bench, 1, load_s=lambda *_: 1.0, confirms=False)
    assert gone_at_begin == [True]
