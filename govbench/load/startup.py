"""What the load process and its workers do first: keep stdout for events, allow many sockets."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping


class Channel:
    """The line of events to the parent. Whatever else is printed goes to the log instead."""

    def __init__(self) -> None:
        self.fd = os.dup(1)
        os.dup2(2, 1)

    def emit(self, event: Mapping[str, object]) -> None:
        """Tell the parent; a parent that is gone is noticed on stdin, not here."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.fd, json.dumps(event).encode() + b"\n")


def allow_many_files() -> None:
    """Raise the limit of open files to what the system lets this process have: a user is a socket."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Windows has none

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS says "unlimited" and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
