"""An event loop whose timers keep their time to well below a millisecond.

The stock loops (asyncio's and uvloop alike) wait in whole milliseconds, which makes every wait of an LLM late
by up to one, and a slowdown of 1.3 then is not quite 1.3.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import sys

if sys.platform == "linux":

    class PreciseSelector(selectors.EpollSelector):
        """An epoll whose time-out is honoured to the microsecond.

        epoll_wait rounds up to a millisecond; select does not, and the epoll's own descriptor becomes
        readable when one of those it watches does. It is opened first, so it stays below select's limit
        of 1024.
        """

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """Wait up to ``timeout`` seconds for events, at once when it is not positive."""
            if timeout is not None and timeout > 0:
                ready = super().select(0)
                if ready:
                    return ready
                select.select([self.fileno()], (), (), timeout)
                timeout = 0
            return super().select(timeout)

    def new_precise_loop() -> asyncio.AbstractEventLoop:
        """An asyncio loop with precise timers."""
        return asyncio.SelectorEventLoop(PreciseSelector())

else:

    def new_precise_loop() -> asyncio.AbstractEventLoop:
        """The system's own loop; elsewhere than on Linux its timers are as precise as they are."""
        return asyncio.new_event_loop()
