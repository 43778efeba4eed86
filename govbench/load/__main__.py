"""The load process: ``python -m govbench.load FOLDER``, started by ``launch.py``.

Protocol: the first line on stdin is the plan (a pickle in base64, from our own parent); then ``stop`` ends
the run in order, and so does the end of stdin, when the parent has died. Events go to stdout, one JSON
object a line.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import base64  # noqa: E402 - the patch must come before everything else
import logging  # noqa: E402
import os  # noqa: E402
import pickle  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
from gevent.fileobject import FileObjectPosix  # noqa: E402

from govbench.errors import ExitCode, GovbenchError, in_words  # noqa: E402
from govbench.load.engine import Engine  # noqa: E402
from govbench.load.startup import Channel, allow_many_files  # noqa: E402
from govbench.results.plan import Plan  # noqa: E402


def main() -> int:
    """Run the plan that comes on stdin; the exit code says how it went (0, or 3 for a fault of ours)."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    channel = Channel()
    emit = channel.emit
    allow_many_files()
    commands = FileObjectPosix(0, "rb")
    plan = pickle.loads(base64.b64decode(commands.readline()))  # noqa: S301 - from our own parent
    try:
        load = _load_of(plan, Path(sys.argv[1]), channel)
    except (OSError, GovbenchError) as error:
        emit({"event": "failed", "message": in_words(error)})
        return ExitCode.NOT_MEASURED

    def obey() -> None:
        commands.readline()  # "stop", or the end of input: both mean the same
        load.stop()

    gevent.spawn(obey)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, load.stop)
    emit({"event": "ready"})
    try:
        load.run()
    except (OSError, GovbenchError) as error:
        emit({"event": "failed", "message": in_words(error)})
        return ExitCode.NOT_MEASURED
    return ExitCode.OK


def _load_of(plan: Plan, folder: Path, channel: Channel) -> Any:
    """What carries the plan out: this process by itself, or a master with its workers."""
    if plan.workers.local == 1 and not plan.workers.remote:
        return Engine(plan, folder, channel.emit)
    from govbench.load.master import Master  # noqa: PLC0415 - one process alone needs no network

    return Master(plan, folder, channel)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All files are closed, and taking the interpreter down would take a fifth of a second more.
    os._exit(code)
