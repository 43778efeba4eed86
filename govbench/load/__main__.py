"""The load process: ``python -m govbench.load FOLDER``, started by ``launch.py``.

Protocol: the first line on stdin is the plan (a pickle in base64, from our own parent); then ``stop`` ends
the run in order, and so does the end of stdin, when the parent has died. Events go to stdout, one JSON
object a line.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import base64  # noqa: E402 - the patch must come before everything else
import contextlib  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import pickle  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from collections.abc import Mapping  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402
from gevent.fileobject import FileObjectPosix  # noqa: E402

from govbench.errors import ExitCode, GovbenchError  # noqa: E402
from govbench.load.engine import Engine  # noqa: E402


class Channel:
    """The line of events to the parent. Whatever else is printed goes to the log instead."""

    def __init__(self) -> None:
        self._fd = os.dup(1)
        os.dup2(2, 1)

    def emit(self, event: Mapping[str, object]) -> None:
        """Tell the parent; a parent that is gone is noticed on stdin, not here."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._fd, json.dumps(event).encode() + b"\n")


def main() -> int:
    """Run the plan that comes on stdin; the exit code says how it went (0, or 3 for a fault of ours)."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    emit = Channel().emit
    commands = FileObjectPosix(0, "rb")
    plan = pickle.loads(base64.b64decode(commands.readline()))  # noqa: S301 - from our own parent
    try:
        engine = Engine(plan, Path(sys.argv[1]), emit)
    except (OSError, GovbenchError) as error:
        emit({"event": "failed", "message": str(error)})
        return ExitCode.NOT_MEASURED

    def obey() -> None:
        commands.readline()  # "stop", or the end of input: both mean the same
        engine.stop()

    gevent.spawn(obey)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, engine.stop)
    emit({"event": "ready"})
    try:
        engine.run()
    except OSError as error:
        emit({"event": "failed", "message": str(error)})
        return ExitCode.NOT_MEASURED
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
