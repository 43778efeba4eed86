from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from govbench.errors import ExitCode, Interrupted
from govbench.pipeline.interrupt import Stopper

EACH = pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGHUP, ExitCode.HUNG_UP),
    ],
)


@EACH
def test_a_signal_with_nothing_to_stop_leaves_the_block(number: signal.Signals, code: ExitCode) -> None:
    course = []

    def work() -> None:
        with Stopper():
            try:
                os.kill(os.getpid(), number)
                course.append("went on")
            finally:
                course.append("cleaned up")

    with pytest.raises(Interrupted) as caught:
        work()

    assert course == ["cleaned up"]
    assert caught.value.exit_code is code


@EACH
def test_the_first_signal_stops_in_order_and_the_second_now(number: signal.Signals, code: ExitCode) -> None:
    course = []

    def work() -> None:
        with Stopper() as stopper:
            stopper.graceful = lambda: course.append("stop")
            os.kill(os.getpid(), number)
            course.append(f"stopped {stopper.stopped}")
            os.kill(os.getpid(), number)
            course.append("went on")

    with pytest.raises(Interrupted) as caught:
        work()

    assert course == ["stop", "stopped True"]
    assert caught.value.exit_code is code


def test_a_block_that_ended_in_order_says_what_ended_it() -> None:
    with Stopper() as stopper:
        stopper.graceful = lambda: None
        os.kill(os.getpid(), signal.SIGTERM)

    error = stopper.interrupted("interrupted; written")
    assert (str(error), error.exit_code) == ("interrupted; written", ExitCode.TERMINATED)


def test_afterwards_the_handlers_are_those_from_before() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]

    with Stopper():
        assert signal.getsignal(signal.SIGINT) not in before

    assert [signal.getsignal(number) for number in numbers] == before


def test_a_hang_up_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stopper() as stopper:
            os.kill(os.getpid(), signal.SIGHUP)
        assert not stopper.stopped
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_errors_pass_through() -> None:
    with pytest.raises(ValueError, match="as it was"), Stopper():
        raise ValueError("as it was")


def test_a_signal_while_a_text_is_executed_leaves_the_exit_code_to_us() -> None:
    script = """
import os, signal
from govbench.errors import Interrupted
from govbench.pipeline.interrupt import Stopper
try:
    with Stopper():
        exec("os.kill(os.getpid(), signal.SIGINT)")
except Interrupted:
    pass
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)

    assert ended.returncode == 0, "it dies of SIGINT, whatever it does about it"
