"""Whether a test file has the users that are asked for: ``python -m govbench.load.preview`` imports it.

Protocol: one line on stdin, the JSON list of the file and the names of the users; one event on stdout, as
those of the load process. Puts no load on anything.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402 - the patch must come before everything else
import os  # noqa: E402
import sys  # noqa: E402

from govbench.errors import LoadError  # noqa: E402
from govbench.load.custom import users_of  # noqa: E402
from govbench.load.startup import Channel  # noqa: E402


def main() -> None:
    """Import the file, as the load process will, and tell what is wrong with it, or that nothing is."""
    channel = Channel()
    path, *names = json.loads(sys.stdin.readline())
    try:
        users_of(path, tuple(names))
    except LoadError as error:
        channel.emit({"event": "failed", "message": str(error), "hint": error.hint})
    else:
        channel.emit({"event": "ready"})


if __name__ == "__main__":
    main()
    sys.stderr.flush()
    os._exit(0)  # whatever the file has started by being imported
