"""The open loop: requests go out when the schedule says so, whatever the answers do.

The schedule itself is ``models.py``'s, a request is ``users.py``'s. The schedule is absolute and never
shifted: what goes out late keeps the instant at which it was due, and its response time counts from there.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, takewhile
from typing import TYPE_CHECKING, Any

import gevent
import gevent.event
from locust import User
from locust.exception import InterruptTaskSet, RescheduleTask, StopUser
from locust.user.task import DefaultTaskSet

from govbench.load.alarm import Alarm
from govbench.load.models import due_offsets
from govbench.load.users import BenchUser

if TYPE_CHECKING:
    from govbench.load.engine import Engine

# Arrivals that are due already, before answers are read again.
_BURST = 16


class _Caller(gevent.Greenlet):  # type: ignore[misc]  # gevent is not typed
    """A user without a task loop of its own: one task for each arrival that it is given.

    ``due_ns`` is the arrival at hand until its request is sent; what is left there was never sent.
    """

    def __init__(self, user: Any, loop: OpenLoop) -> None:
        super().__init__()
        self.user = user
        self.kind: type[User] = type(user)
        self.due_ns: int | None = None
        self.is_idle = False
        self._loop = loop
        self._tasks: Any = DefaultTaskSet(user)
        user.due_ns = None
        user.is_called = True
        user._taskset_instance = self._tasks  # noqa: SLF001 - as Locust's own start does

    def _run(self) -> None:
        hub = gevent.get_hub()
        try:
            self.user.on_start()
            while True:
                self._ask()
                self._loop.free(self)
                hub.switch()  # until the next arrival, which may be on its way already
        except StopUser:
            pass
        except Exception as error:  # whatever it is, it ends the run
            self._loop.fault(error, self.user)
        finally:
            self._loop.gone(self)
            try:
                self.user.on_stop()
            finally:
                if isinstance(self.user, BenchUser):
                    self.user.release()

    def _ask(self) -> None:
        """One task; its first request takes ``due_ns`` from the user."""
        self.user.due_ns, self.due_ns = self.due_ns, None
        try:
            self._tasks.execute_task(self._tasks.get_next_task())
        except (InterruptTaskSet, RescheduleTask):
            pass
        finally:
            self.due_ns, self.user.due_ns = self.user.due_ns, None


class OpenLoop:
    """The callers of a load process, and the arrivals that they answer for.

    ``part`` of ``parts`` is the share that this process has in every schedule.
    """

    def __init__(
        self,
        engine: Engine,
        user_classes: Sequence[type[User]],
        environment: Any,
        *,
        part: int = 0,
        parts: int = 1,
    ) -> None:
        self.busy = 0
        self._engine = engine
        self._classes = list(user_classes)
        self._weights = [float(each.weight) for each in user_classes]
        self._environment = environment
        self._part, self._parts = part, parts
        self._alarm = Alarm()
        self._dispatcher: gevent.Greenlet | None = None
        self._callers: set[_Caller] = set()
        self._idle: dict[type[User], list[_Caller]] = {each: [] for each in user_classes}
        self._waiting: deque[tuple[int, type[User]]] = deque()
        self._cap = 1
        self._dropped: Counter[int] = Counter()
        self._dropped_steady: Counter[int] = Counter()
        self._steady_ns = (0, 0)
        self._all_free = gevent.event.Event()
        self._all_free.set()

    # The course of a phase.

    def begin(self, start_ns: int) -> None:
        """Let the arrivals of the engine's phase come, from ``start_ns`` of its clock on."""
        phase = self._engine.phase
        assert phase.arrivals is not None
        self._cap = -(-phase.arrivals.max_in_flight // self._parts)
        steady_ns = start_ns + int(phase.warmup_s * 1e9)
        self._steady_ns = (steady_ns, steady_ns + int(phase.steady_s * 1e9))
        seed = f"{self._engine.plan.seed}/arrivals/{self._engine.phase_index}"
        offsets = due_offsets(
            phase.arrivals, until_s=phase.duration_s, seed=seed, part=self._part, parts=self._parts
        )
        kinds = random.Random(f"{seed}/{self._part}/kinds")
        dues = (start_ns + int(offset * 1e9) for offset in offsets)
        self._dispatcher = gevent.spawn(self._dispatch, dues, kinds)

    def end(self) -> dict[int, tuple[int, int]]:
        """End the arrivals of a phase; what was due by now and is not sent is dropped.

        Returns:
            How many arrivals of the phase were dropped, and how many of these were due in its steady segment,
            by the side whose turn it was. Those already given to a caller that ends before it has sent count
            for the phase in which it ends.
        """
        if self._dispatcher is not None:
            self._dispatcher.kill()
            self._dispatcher = None
        self._drop(due_ns for due_ns, _ in self._waiting)
        self._waiting.clear()
        dropped = {side: (count, self._dropped_steady[side]) for side, count in self._dropped.items()}
        self._dropped.clear()
        self._dropped_steady.clear()
        return dropped

    def close(self, timeout_s: float) -> dict[int, tuple[int, int]]:
        """End every caller; requests under way get ``timeout_s`` to finish and are then cancelled."""
        dropped = self.end()
        self._all_free.wait(timeout_s)
        gevent.killall(list(self._callers))
        for caller in list(self._callers):  # killed before they ran at all
            self.gone(caller)
        self._alarm.close()
        for side, counts in self.end().items():
            before = dropped.get(side, (0, 0))
            dropped[side] = (before[0] + counts[0], before[1] + counts[1])
        return dropped

    def _dispatch(self, dues: Iterator[int], kinds: random.Random) -> None:
        clock = self._engine.clock
        burst = 0
        due_ns = 0
        try:
            for due_ns in dues:
                early_ns = due_ns - clock.now_ns()
                if early_ns > 0:
                    burst = 0
                    self._alarm.sleep_ns(early_ns)
                elif burst >= _BURST:
                    burst = 0
                    gevent.sleep(0)
                burst += 1
                self._arrive(due_ns, kinds)
        except gevent.GreenletExit:
            now_ns = clock.now_ns()
            self._drop(takewhile(lambda due: due <= now_ns, chain([due_ns], dues)))
        except Exception as error:  # a schedule that stops in silence would pass for a light load
            self.fault(error, None)

    def _arrive(self, due_ns: int, kinds: random.Random) -> None:
        one = len(self._classes) == 1
        kind = self._classes[0] if one else kinds.choices(self._classes, self._weights)[0]
        if self.busy < self._cap:
            self._give(due_ns, kind)
        elif len(self._waiting) < self._cap:
            self._waiting.append((due_ns, kind))
        else:
            self._drop((due_ns,))

    def _give(self, due_ns: int, kind: type[User]) -> None:
        """Hand an arrival to the caller that was free last, whose connection is warm, or to a new one."""
        self.busy += 1
        self._all_free.clear()
        idle = self._idle[kind]
        if idle:
            caller = idle.pop()
            caller.due_ns, caller.is_idle = due_ns, False
            gevent.get_hub().loop.run_callback(caller.switch)
            return
        caller = _Caller(kind(self._environment), self)
        caller.due_ns = due_ns
        self._callers.add(caller)
        caller.start()

    def _drop(self, dues_ns: Iterable[int]) -> None:
        start_ns, end_ns = self._steady_ns
        count = steady = 0
        for due_ns in dues_ns:
            count += 1
            steady += start_ns <= due_ns < end_ns
        if count:
            self._engine.recorder.drop(count)
            self._dropped[self._engine.side] += count
            self._dropped_steady[self._engine.side] += steady

    # What the callers report.

    def free(self, caller: _Caller) -> None:
        """A caller has done its task; an arrival that waits for a place gets this one."""
        caller.is_idle = True
        self._idle[caller.kind].append(caller)
        self._release(caller)

    def gone(self, caller: _Caller) -> None:
        """A caller ends: killed, or by its own doing."""
        self._callers.discard(caller)
        if not caller.is_idle:
            self._release(caller)

    def _release(self, caller: _Caller) -> None:
        if caller.due_ns is not None:
            self._drop((caller.due_ns,))
            caller.due_ns = None
        self.busy -= 1
        if self._waiting and self.busy < self._cap:
            self._give(*self._waiting.popleft())
        elif not self.busy:
            self._all_free.set()

    def fault(self, error: Exception, user: User | None) -> None:
        """Tell the engine of a fault in the generator itself."""
        self._environment.events.user_error.fire(user_instance=user, exception=error, tb=error.__traceback__)
