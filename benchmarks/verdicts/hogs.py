"""Programs that burn CPU beside a measurement, on and off, as neighbours on a shared machine do."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator

# They end by themselves after this long, and when the program that started them is gone.
LIFETIME_S = 300.0
SHORTEST_S, LONGEST_S = 0.2, 2.0


@contextlib.contextmanager
def hogs(count: int, *, seed: int) -> Iterator[None]:
    """``count`` hogs while the block lasts; none is left when it is over."""
    with contextlib.ExitStack() as started:
        for number in range(count):
            command = [sys.executable, __file__, str(os.getpid()), f"{seed}-{number}"]
            process = started.enter_context(subprocess.Popen(command, stdin=subprocess.DEVNULL))
            started.callback(process.kill)  # leaving the process itself waits for it
        yield


def burn(parent: int, seed: str) -> None:
    """Burn and rest in turns of random length."""
    lengths = random.Random(seed)
    ends = time.monotonic() + LIFETIME_S
    while time.monotonic() < ends and os.getppid() == parent:
        rest = time.monotonic() + lengths.uniform(SHORTEST_S, LONGEST_S)
        while time.monotonic() < rest:
            pass
        time.sleep(lengths.uniform(SHORTEST_S, LONGEST_S))


if __name__ == "__main__":
    burn(int(sys.argv[1]), sys.argv[2])
