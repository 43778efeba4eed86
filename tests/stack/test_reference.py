"""The reference server as a booted process: its truth, its freeze, and that nothing of it is left."""

from __future__ import annotations

import os
import time
from pathlib import Path

import httpx
import pytest

from govbench.errors import StackError
from govbench.stack.reference import RunningReference


def test_it_tells_what_was_asked_of_it(tmp_path: Path) -> None:
    with RunningReference(name="truth", log_folder=tmp_path, environ=os.environ) as server:
        before = server.dump()
        httpx.get(f"{server.url}/fixed?ms=1")
        dump = server.dump()

    assert b'"count":0' in before
    assert b'"count":1' in dump
    assert b'"/fixed"' in dump


def test_a_freeze_holds_answers_back(tmp_path: Path) -> None:
    with RunningReference(name="truth", log_folder=tmp_path, environ=os.environ) as server:
        server.freeze(0.3)
        began = time.monotonic()
        httpx.get(f"{server.url}/constant")

        assert time.monotonic() - began > 0.2


def test_streams_are_as_asked_for(tmp_path: Path) -> None:
    stream = "/stream?first_ms=1&gap_ms=1&events=2"
    with RunningReference(
        name="truth", log_folder=tmp_path, environ=os.environ, default_stream=stream
    ) as server:
        answer = httpx.post(f"{server.url}/v1/chat/completions", json={"stream": True})

    assert answer.text.count("data: ") == 5  # the opening, two of content, the end, [DONE]


def test_at_the_end_of_its_block_it_is_gone(tmp_path: Path) -> None:
    with RunningReference(name="truth", log_folder=tmp_path, environ=os.environ) as server:
        pid = server.pid

    assert not Path(f"/proc/{pid}").exists()


def test_one_that_has_died_is_an_error(tmp_path: Path) -> None:
    with RunningReference(name="truth", log_folder=tmp_path, environ=os.environ) as server:
        os.kill(server.pid, 9)
        with pytest.raises(StackError, match="does not answer"):
            server.dump()


def test_a_wrong_behaviour_does_not_come_up(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="default behaviour"):
        RunningReference(name="truth", log_folder=tmp_path, environ=os.environ, default_stream="/nothing")
