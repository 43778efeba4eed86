from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from govbench.record import resources
from govbench.record.processes import ProcessTree
from govbench.record.resources import ResourcePoller, peak_cores, unread_notes, usage_by_role
from govbench.record.series import Reading, read_resources
from govbench.results.meters import Together, Use
from govbench.results.run import Window

MIB = 1024 * 1024
BURN = """
import subprocess, sys, time
held = bytearray(60 * 1024 * 1024)
for i in range(0, len(held), 4096): held[i] = 1
print("ready", flush=True)
end = time.process_time() + 0.6
while time.process_time() < end: pass
subprocess.run([sys.executable, "-c", sys.argv[1]])
print("done", flush=True)
sys.stdin.read()
"""
# A child that starts and reaps a child of its own, and both burn.
CHILD = """
import subprocess, sys, time
burn = "import time\\nwhile time.process_time() < 0.4: pass"
subprocess.run([sys.executable, "-c", burn])
exec(burn)
"""


@pytest.fixture
def burner() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", BURN, CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_process_tree_is_read(
    burner: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(resources, "INTERVAL_S", 0.05)
    assert burner.stdout is not None
    assert burner.stdout.readline() == "ready\n"
    before_s = sum(psutil.Process(burner.pid).cpu_times()[:2])
    poller = ResourcePoller({"target:0": ProcessTree(burner.pid), "gone": ProcessTree(2**22 + 1)}, tmp_path)
    assert burner.stdout.readline() == "done\n"
    time.sleep(0.2)
    readings = poller.stop()
    assert {reading.role for reading in readings} == {"target:0"}
    assert [r.at_s for r in readings] == sorted(r.at_s for r in readings)
    # Its own 0.6 s and the 0.8 s of the two that it and its child have waited for.
    assert readings[-1].cpu_s - before_s >= 1.35
    assert 60 * MIB < readings[-1].rss_bytes < 200 * MIB


def test_a_process_that_ends_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resources, "INTERVAL_S", 0.02)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    poller = ResourcePoller(
        {"target:0": ProcessTree(process.pid), "generator": ProcessTree(os.getpid())}, tmp_path
    )
    time.sleep(0.1)
    process.kill()
    time.sleep(0.1)  # a zombie by now
    process.wait()
    assert process.stdin is not None
    process.stdin.close()
    time.sleep(0.05)
    readings = poller.stop()
    assert all(reading.rss_bytes for reading in readings)
    assert readings[-1].role == "generator"
    assert any(reading.role == "target:0" for reading in readings)


def reading(at_s: float, cpu_s: float, rss: int = 10, role: str = "generator") -> Reading:
    return Reading(role=role, at_s=at_s, cpu_s=cpu_s, rss_bytes=rss)


def window(start: float, end: float) -> Window:
    return Window(start_s=start - 5, steady_start_s=start, steady_end_s=end, end_s=end + 5)


def test_usage_counts_within_the_steady_segments_only() -> None:
    rows = [
        reading(0, 0, 99), reading(10, 1, 20), reading(12, 2, 30), reading(14, 2.5, 25), reading(17, 9, 90),
        reading(20, 10), reading(21, 10.9), reading(30, 50, 15),
    ]  # fmt: skip
    (usage,) = usage_by_role(rows, [window(10, 14), window(20, 22)])
    assert usage.cpu_s == pytest.approx(1.5 + 0.9)
    assert usage.cpu_cores_mean == pytest.approx(2.4 / 5)
    assert (usage.rss_peak_bytes, usage.rss_last_bytes, usage.samples) == (30, 15, 5)
    assert peak_cores(rows, "generator", [window(10, 14), window(20, 22)]) == pytest.approx(0.9)


def test_too_few_readings_are_no_usage() -> None:
    assert usage_by_role([reading(10, 1)], [window(9, 12)]) == ()
    assert usage_by_role([reading(0, 1), reading(1, 2)], [window(9, 12)]) == ()
    assert usage_by_role([], [window(9, 12)]) == ()
    assert peak_cores([reading(10, 1)], "generator", [window(9, 12)]) is None


def test_whatever_has_a_meter_is_polled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resources, "INTERVAL_S", 0.02)
    containers = Together({"api": Container(0.5, 3), "db": Container(0.25, 4)})
    poller = ResourcePoller(
        {"target:0": containers, "target:1": Together({"db": Container(None, 0)})}, tmp_path
    )
    time.sleep(0.1)
    readings = poller.stop()
    assert {(r.role, r.cpu_s, r.rss_bytes) for r in readings} == {("target:0", 0.75, 7)}


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    assert Together({"api": Container(0.5, 3), "db": Container(None, 0)}).read() is None


def test_memory_counts_shared_pages_once_where_that_is_known() -> None:
    rows = [reading(at, at, 1_000 + at) for at in range(10, 15)]
    (usage,) = usage_by_role(rows, [window(10, 14)])
    assert (usage.memory_peak_bytes, usage.memory_last_bytes) == (1_014, 1_014)
    known = [replace(row, own_bytes=300 + at if at % 2 else None) for at, row in enumerate(rows)]
    (usage,) = usage_by_role(known, [window(10, 14)])
    assert (usage.memory_peak_bytes, usage.memory_last_bytes) == (303, 303)
    assert (usage.rss_peak_bytes, usage.rss_last_bytes) == (1_014, 1_014)
    between = [reading(9, 0, 990), *rows[:3], reading(17, 17, 995)]
    between = [replace(row, own_bytes=250) if row.at_s in {9, 17} else row for row in between]
    (usage,) = usage_by_role(between, [window(10, 12)])
    assert usage.memory_peak_bytes == 250, "never of the other kind where this one is known at all"


def test_processes_that_may_not_be_read_are_told() -> None:
    rows = [
        reading(10, 1),
        replace(reading(11, 2, role="target:0"), unread=2),
        reading(12, 2, role="target:0"),
    ]
    assert unread_notes(rows) == (
        "target:0: up to 2 of its processes may not be read; their CPU and memory are in no figure",
    )


def test_readings_are_on_disk_as_soon_as_they_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(resources, "INTERVAL_S", 0.01)
    poller = ResourcePoller({"target:0": Together({"api": Container(0.5, 3)})}, tmp_path)
    deadline = time.monotonic() + 10
    while len(found := read_resources(tmp_path)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [(r.role, r.cpu_s, r.rss_bytes) for r in found[:3]] == [("target:0", 0.5, 3)] * 3
    assert poller.stop()[: len(found)] == found


def test_a_folder_that_cannot_be_written_costs_the_readings_alone(tmp_path: Path) -> None:
    poller = ResourcePoller({"target:0": Together({"api": Container(0.5, 3)})}, tmp_path / "not there")
    assert poller.stop() == ()


class Container:
    """A part of a stack that is no process of this machine."""

    def __init__(self, cpu_s: float | None, rss_bytes: int) -> None:
        self.use = None if cpu_s is None else Use(cpu_s=cpu_s, rss_bytes=rss_bytes)

    def read(self) -> Use | None:
        return self.use
