from __future__ import annotations

from govbench.load.clock import Clock

HOUR_NS = 3600 * 1_000_000_000
MS = 1_000_000


class Time:
    """A wall clock and a monotonic one that pass together, but for steps of the former."""

    def __init__(self) -> None:
        self.wall_ns, self.monotonic_ns = 1_700_000_000_000_000_000, 5_000_000_000

    def passes(self, ns: int) -> None:
        self.wall_ns += ns
        self.monotonic_ns += ns

    def clock(self) -> Clock:
        return Clock(lambda: self.wall_ns, lambda: self.monotonic_ns)


def test_tells_unix_time() -> None:
    time = Time()
    clock = time.clock()
    time.passes(30 * MS)
    assert clock.now_ns() == time.wall_ns
    assert clock.now_s() == time.wall_ns / 1e9


def test_a_step_of_the_wall_clock_does_not_show() -> None:
    time = Time()
    clock = time.clock()
    before_ns = clock.now_ns()
    for step_ns in (-HOUR_NS, 3 * HOUR_NS):
        time.wall_ns += step_ns
        time.passes(10 * MS)
    assert clock.now_ns() - before_ns == 20 * MS


def test_stamps_after_a_step_are_placed_right() -> None:
    time = Time()
    clock = time.clock()
    sent_ns = clock.now_ns()
    time.wall_ns -= HOUR_NS
    time.passes(20 * MS)
    stamp_ns = time.wall_ns  # the answer arrives
    time.passes(3 * MS)  # the program sees it
    assert clock.age_ns(stamp_ns, since_ns=sent_ns) == 3 * MS


def test_a_step_between_arrival_and_look_makes_the_stamp_unbelievable() -> None:
    for step_ns in (-HOUR_NS, HOUR_NS, -5 * MS, 30_000 * MS):
        time = Time()
        clock = time.clock()
        sent_ns = clock.now_ns()
        time.passes(20 * MS)
        stamp_ns = time.wall_ns
        time.wall_ns += step_ns
        time.passes(1 * MS)
        assert clock.age_ns(stamp_ns, since_ns=sent_ns) is None
