"""Real loads of several processes: local and remote workers, and every way in which they can end."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from govbench.load.launch import Event, LoadProcess, WorkerProcess
from govbench.record.phases import dropped_by_phase, examples_by_phase, phase_windows, slice_windows
from govbench.record.reader import read_samples
from govbench.record.rows import sample_rows
from govbench.record.summarise import accounting
from govbench.results.plan import (
    ArrivalProcess,
    Arrivals,
    LoadModel,
    Phase,
    Plan,
    RatePoint,
    TestType,
    Workers,
)
from govbench.results.run import Outcome
from tests.load.conftest import (
    Ended,
    Loads,
    Serve,
    Server,
    free_port,
    http,
    make_plan,
    replies,
    says_nothing,
)
from tests.load.test_load_process import PARENT, alive, outcomes

pytestmark = pytest.mark.load

GOOD = replies(http(), keep=True)
LIMIT_S = 40.0
TOKEN = "a long random word"


def spread(plan: Plan, local: int = 2, remote: int = 0, port: int = 0) -> Plan:
    workers = Workers(local=local, remote=remote, port=port, token=TOKEN if remote else None)
    return replace(plan, workers=workers)


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


CUSTOM = """
from locust import FastHttpUser, constant, task
from govbench.users import BenchUser

class Ours(BenchUser):
    wait_time = constant(0.02)

    @task
    def ask(self):
        self.client.get("/ours")

class Locusts(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def ask(self):
        self.client.get("/locusts")
"""


def open_phase(*, rate_rps: float, max_in_flight: int = 100) -> Phase:
    points = (RatePoint(at_s=0.0, rate_rps=rate_rps),)
    return Phase(
        name="open",
        test_type=TestType.CUSTOM,
        users=None,
        steady_s=1.0,
        model=LoadModel.OPEN,
        arrivals=Arrivals(points=points, process=ArrivalProcess.CONSTANT, max_in_flight=max_in_flight),
    )


def assert_exact(ended: Ended, server: Server) -> None:
    """Every request that the server has seen has its record, and nothing else has one."""
    found = accounting(ended.samples)
    assert ended.end.failure is None
    assert found.balanced
    assert not found.lost
    assert found.sent == found.ok == len(ended.samples) == len(server.requests)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


# --- the load is the planned one


def test_two_workers_share_one_load(serve: Serve, loads: Loads) -> None:
    """Whatever strangers send to the master's port meanwhile, and with answers kept in one file."""
    server, port = serve(GOOD), free_port()

    def disturb(process: LoadProcess, event: Event) -> None:
        del process
        if event["event"] == "phase":
            for noise in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4_096), b""):
                with socket.create_connection(("127.0.0.1", port)) as sock:
                    sock.sendall(noise)

    plan = make_plan(server.url, users=6, steady_s=1.0, save_responses=3)
    ended = loads.run(spread(plan, port=port), disturb)
    saved = (loads.folder / "responses.txt").read_text()
    assert [line for line in saved.splitlines() if line.startswith("--- ")] == ["--- 1", "--- 2", "--- 3"]
    assert saved.count("At noon.") == 3
    assert ended.end.completed
    assert ended.end.failure is None
    assert outcomes(ended.samples) == {Outcome.OK: len(server.requests)}
    assert ended.samples.header.sent == len(server.requests)
    assert Counter(ended.samples.column("user").tolist()).keys() == set(range(6))
    assert server.connections == 6
    assert len(list(loads.folder.glob("worker-*/samples"))) == 2
    assert not (loads.folder / "samples").exists()
    ends = ended.samples.end_s
    assert (ends[1:] >= ends[:-1]).all()
    assert {event["event"] for event in ended.events} >= {"ready", "phase", "steady", "tick", "done"}
    assert max(e["users"] for e in ended.events if e["event"] == "tick") == 6
    window = phase_windows(ended.end.events, end_s=0)[0]
    due = ended.samples.due_s
    assert due.min() >= window.start_s - 0.01  # one clock for all
    assert due.max() < window.end_s + 0.5


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="a matter of Linux")
def test_local_workers_wait_for_each_other_unless_a_schedule_says_when_to_send(
    serve: Serve, loads: Loads
) -> None:
    plan = spread(make_plan(serve(GOOD).url, users=4))
    closed = plan.phases[0]
    policies: list[set[int]] = []

    def look(process: LoadProcess, event: Event) -> None:
        if event["event"] == "tick":
            policies.append({os.sched_getscheduler(child.pid) for child in children(process.pid)})

    phases = tuple(replace(each, steady_s=1.5) for each in (closed, open_phase(rate_rps=40.0), closed))
    loads.run(replace(plan, phases=phases), look)
    batch, other = {os.SCHED_BATCH}, {os.SCHED_OTHER}
    told = [policy for policy in policies if policy in (batch, other)]
    changes = [policy for before, policy in zip([other, *told], told, strict=False) if policy != before]
    assert changes == [batch, other, batch]


def test_two_workers_share_one_schedule(serve: Serve, loads: Loads) -> None:
    server = serve(GOOD)
    plan = spread(replace(make_plan(server.url), phases=(open_phase(rate_rps=100.0),)))
    ended = loads.run(plan)
    assert ended.end.completed
    assert_exact(ended, server)
    assert accounting(ended.samples).dropped == 0
    start_s = next(event["at_s"] for event in ended.events if event["event"] == "phase")
    due_s = np.sort(ended.samples.due_s) - start_s
    assert due_s == pytest.approx(np.arange(100) / 100, abs=0.02)
    shares = [len(read_samples(folder)) for folder in sorted(loads.folder.glob("worker-*"))]
    assert shares == [50, 50]


def test_what_a_schedule_of_two_workers_cannot_send_is_dropped(serve: Serve, loads: Loads) -> None:
    plan = spread(make_plan(serve(says_nothing).url, stop_timeout_s=0.2))
    ended = loads.run(replace(plan, phases=(open_phase(rate_rps=100.0, max_in_flight=8),)))
    found = accounting(ended.samples)
    assert (found.offered, found.sent, found.cancelled) == (100, 8, 8)
    assert found.balanced
    assert not found.lost
    assert found.dropped == 92 == sum(dropped_by_phase(ended.events).values())


def test_two_workers_run_a_custom_test_file(serve: Serve, loads: Loads, tmp_path: Path) -> None:
    """First by users, then by arrivals that custom users answer."""
    file = tmp_path / "mytest.py"
    file.write_text(CUSTOM)
    server = serve(GOOD)
    plan = spread(make_plan(server.url, users=6, steady_s=1.0))
    phases = (*plan.phases, open_phase(rate_rps=60.0))
    ended = loads.run(replace(plan, phases=phases, test_file=str(file)))
    assert ended.end.completed
    assert_exact(ended, server)
    rows = list(sample_rows(ended.samples))
    assert {row["name"] for row in rows} == {"GET /ours", "GET /locusts"}
    assert {row["clock"] for row in rows if row["name"] == "GET /locusts"} == {"user"}
    by_users = ended.samples.column("phase") == 0
    assert set(ended.samples.column("user")[by_users].tolist()) == set(range(6))
    assert 60 <= (~by_users).sum() <= 66  # with what the users before had just begun


def test_one_worker_is_no_distribution(serve: Serve, loads: Loads) -> None:
    ended = loads.run(spread(make_plan(serve(GOOD).url), local=1))
    assert ended.end.completed
    assert (loads.folder / "samples").exists()
    assert not list(loads.folder.glob("worker-*"))


def test_workers_turn_to_the_other_side_together(serve: Serve, loads: Loads) -> None:
    servers = [serve(GOOD), serve(GOOD)]
    plan = spread(make_plan(servers[0].url, servers[1].url, users=4, slice_s=0.8))
    ended = loads.run(plan)
    windows = slice_windows(plan, ended.end.events, phase_windows(ended.end.events, end_s=0))
    assert [window.side for window in windows] == [0, 1]
    due = ended.samples.due_s
    for window in windows:
        asked = ended.samples.column("side")[(due >= window.start_s) & (due < window.end_s)]
        assert len(asked) > 10
        assert (asked == window.side).all()


def test_errors_of_all_workers_are_summed_up(serve: Serve, loads: Loads) -> None:
    server = serve(replies(http(b"{}", b"503 No"), keep=True))
    ended = loads.run(spread(make_plan(server.url, users=4)))
    assert ended.end.completed
    assert [(e["message"], e["count"]) for e in ended.end.errors] == [("HTTP 503", len(ended.samples))]
    assert examples_by_phase(ended.end.events) == {(0, 0): {(Outcome.HTTP_5XX, 503): "HTTP 503: {}"}}


# --- ends


def test_the_limit_of_requests_is_exact_over_all_workers(serve: Serve, loads: Loads) -> None:
    server = serve(GOOD)
    plan = make_plan(server.url, users=6, steady_s=60, think_s=0.001, max_requests=101)
    ended = loads.run(spread(plan))
    assert len(server.requests) == len(ended.samples) == ended.samples.header.sent == 101
    assert ended.end.completed
    assert ended.events[-1]["limited"]


def test_stop_lets_the_requests_of_all_workers_finish(serve: Serve, loads: Loads) -> None:
    server = serve(GOOD)

    def stop(process: LoadProcess, event: Event) -> None:
        if event["event"] == "tick" and event["sent"] > 20:
            process.stop()

    ended = loads.run(spread(make_plan(server.url, users=4, steady_s=60)), stop)
    assert not ended.end.completed
    assert ended.end.failure is None
    assert outcomes(ended.samples) == {Outcome.OK: len(server.requests)}
    assert accounting(ended.samples).lost == 0


def test_what_does_not_finish_in_time_is_cancelled_in_every_worker(serve: Serve, loads: Loads) -> None:
    server = serve(says_nothing)
    ended = loads.run(spread(make_plan(server.url, users=4, steady_s=0.4, stop_timeout_s=0.3)))
    assert ended.end.completed
    assert outcomes(ended.samples) == {Outcome.CANCELLED: 4}


def test_a_stop_before_the_workers_have_come_leaves_nobody(serve: Serve, loads: Loads) -> None:
    process = loads.begin(spread(make_plan(serve(GOOD).url, steady_s=60)))
    wait_for(lambda: len(children(process.pid)) == 2)
    workers = children(process.pid)
    process.stop()
    end = process.follow(lambda event: None)
    assert not end.completed
    wait_for(lambda: not any(alive(worker.pid) for worker in workers))


# --- violent ends


def test_a_killed_worker_is_told_and_its_samples_are_kept(serve: Serve, loads: Loads) -> None:
    server = serve(GOOD)
    killed: list[int] = []

    def kill(process: LoadProcess, event: Event) -> None:
        if event["event"] == "tick" and event["sent"] > 20 and not killed:
            killed.append(children(process.pid)[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    ended = loads.run(spread(make_plan(server.url, users=4, steady_s=2.5)), kill)
    assert not ended.end.completed
    assert ended.end.failure is not None
    assert "ended with signal 9" in ended.end.failure
    (lost,) = (event for event in ended.events if event["event"] == "worker_lost")
    assert ended.events[-1]["event"] == "failed"
    whole = accounting(ended.samples)
    assert whole.offered == whole.sent
    assert set(outcomes(ended.samples)) == {Outcome.OK}
    assert 0 <= whole.lost <= 2  # the killed one's two users
    assert whole.ok <= len(server.requests) <= whole.sent
    user = ended.samples.column("user")
    part = int(lost["part"])
    assert (user % 2 == part).sum() > 5
    survivors = ended.samples.due_s[user % 2 != part]
    assert survivors.max() > lost["at_s"] + 0.5  # the rest went on


def test_a_killed_master_leaves_all_samples_and_no_worker(serve: Serve, loads: Loads) -> None:
    server = serve(GOOD)
    workers: list[psutil.Process] = []

    def kill(process: LoadProcess, event: Event) -> None:
        if event["event"] == "tick" and event["sent"] > 20 and not workers:
            workers.extend(children(process.pid))
            os.kill(process.pid, signal.SIGKILL)

    ended = loads.run(spread(make_plan(server.url, users=4, steady_s=60)), kill)
    wait_for(lambda: not any(alive(worker.pid) for worker in workers))
    assert len(workers) == 2
    assert ended.end.failure is not None
    assert "signal 9" in ended.end.failure
    assert outcomes(ended.samples) == {Outcome.OK: len(server.requests)}
    assert accounting(ended.samples).lost == 0


def test_kill_ends_master_and_workers_at_once(serve: Serve, loads: Loads) -> None:
    server = serve(GOOD)
    workers: list[psutil.Process] = []

    def kill(process: LoadProcess, event: Event) -> None:
        if event["event"] == "tick" and event["sent"] > 20 and not workers:
            workers.extend(children(process.pid))
            process.kill()

    ended = loads.run(spread(make_plan(server.url, users=4, steady_s=60)), kill)
    wait_for(lambda: not any(alive(worker.pid) for worker in workers))
    whole = accounting(ended.samples)
    assert whole.ok <= len(server.requests) <= whole.sent
    assert 0 <= whole.lost <= 4


def test_workers_end_when_the_parent_of_their_master_is_killed(serve: Serve, tmp_path: Path) -> None:
    server = serve(GOOD)
    folder = tmp_path / "run"
    folder.mkdir()
    (tmp_path / "plan").write_bytes(pickle.dumps(spread(make_plan(server.url, users=4, steady_s=60))))
    command = [sys.executable, "-c", PARENT, str(tmp_path / "plan"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        master = int(parent.stdout.readline())
        wait_for(lambda: len(server.requests) > 20)
        family = [master, *(child.pid for child in children(master))]
        parent.kill()
        parent.wait()
        wait_for(lambda: not any(alive(pid) for pid in family))
    samples = read_samples(folder)
    assert outcomes(samples) == {Outcome.OK: len(server.requests)}
    assert accounting(samples).lost == 0


# --- remote workers


class Remote:
    """A worker as ``govbench worker`` runs it, followed in a thread."""

    def __init__(self, folder: Path, port: int, token: str = TOKEN) -> None:
        folder.mkdir()
        self.events: list[Event] = []
        self.failure: str | None = None
        self.process = WorkerProcess(host="127.0.0.1", port=port, token=token, folder=folder)
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self) -> None:
        self.failure = self.process.follow(self.events.append)

    def end(self) -> None:
        self.thread.join(LIMIT_S)
        assert not self.thread.is_alive()
        self.process.close()


def test_a_remote_worker_ships_all_its_samples(serve: Serve, loads: Loads, tmp_path: Path) -> None:
    server, port = serve(GOOD), free_port()
    remote = Remote(tmp_path / "remote", port)
    ended = loads.run(spread(make_plan(server.url, users=4, steady_s=1.5), local=1, remote=1, port=port))
    remote.end()
    assert remote.failure is None
    assert [event["event"] for event in remote.events] == ["joined", "phase", "stopping"]
    assert ended.end.completed
    assert outcomes(ended.samples) == {Outcome.OK: len(server.requests)}
    assert accounting(ended.samples).lost == 0
    shipped = (loads.folder / "worker-1" / "samples").read_bytes()
    assert shipped == (tmp_path / "remote" / "samples").read_bytes()
    assert ended.samples.names == ("/api/v1/chat",) or len(ended.samples.names) == 1


def test_a_remote_worker_alone_ships_streamed_events(demo: str, loads: Loads, tmp_path: Path) -> None:
    port = free_port()
    remote = Remote(tmp_path / "remote", port)
    plan = make_plan(demo, users=2, steady_s=1.0, stream=True)
    ended = loads.run(spread(plan, local=0, remote=1, port=port))
    remote.end()
    assert ended.end.completed
    assert ended.samples.ok.all()
    assert (ended.samples.column("events") > 1).all()
    shipped = (loads.folder / "worker-0" / "events").read_bytes()
    assert shipped == (tmp_path / "remote" / "events").read_bytes()


def test_who_does_not_know_the_token_is_refused(serve: Serve, loads: Loads, tmp_path: Path) -> None:
    server, port = serve(GOOD), free_port()
    stranger = Remote(tmp_path / "stranger", port, token="guessed")
    process = loads.begin(spread(make_plan(server.url), local=0, remote=1, port=port))
    stranger.end()
    assert stranger.failure is not None
    assert "does not know the token" in stranger.failure
    friend = Remote(tmp_path / "friend", port)
    assert process.follow(lambda event: None).completed
    friend.end()
    assert friend.failure is None


def test_who_comes_late_is_refused(serve: Serve, loads: Loads, tmp_path: Path) -> None:
    server, port = serve(GOOD), free_port()
    late: list[Remote] = []

    def come(process: LoadProcess, event: Event) -> None:
        if event["event"] == "steady":
            late.append(Remote(tmp_path / "late", port))
        if event["event"] == "tick" and late and late[0].failure:
            process.stop()

    first = Remote(tmp_path / "first", port)
    plan = make_plan(server.url, users=2, steady_s=30)
    ended = loads.run(spread(plan, local=0, remote=1, port=port), come)
    late[0].end()
    first.end()
    assert late[0].failure is not None
    assert "refused this worker: the run has begun without this worker" in late[0].failure
    assert first.failure is None
    assert outcomes(ended.samples) == {Outcome.OK: len(server.requests)}


@pytest.mark.slow
def test_a_killed_remote_worker_is_noticed_by_its_silence(serve: Serve, loads: Loads, tmp_path: Path) -> None:
    server, port = serve(GOOD), free_port()
    remote = Remote(tmp_path / "remote", port)
    killed: list[int] = []

    def kill(process: LoadProcess, event: Event) -> None:
        del process
        if event["event"] == "tick" and event["sent"] > 30 and not killed:
            killed.append(event["sent"])
            remote.process.kill()

    ended = loads.run(spread(make_plan(server.url, users=2, steady_s=60), local=0, remote=1, port=port), kill)
    remote.end()
    assert not ended.end.completed
    assert ended.end.failure is not None
    assert "worker 1 of 1 has not been heard of" in ended.end.failure
    assert len(ended.samples) >= killed[0] - 2
    assert accounting(ended.samples).lost <= 2


def test_a_remote_worker_that_is_stopped_hands_over_and_is_told(
    serve: Serve, loads: Loads, tmp_path: Path
) -> None:
    server, port = serve(GOOD), free_port()
    remote = Remote(tmp_path / "remote", port)

    def stop(process: LoadProcess, event: Event) -> None:
        del process
        if event["event"] == "tick" and event["sent"] > 20:
            remote.process.stop()

    ended = loads.run(spread(make_plan(server.url, steady_s=60), local=0, remote=1, port=port), stop)
    remote.end()
    assert remote.failure is None
    assert ended.end.failure == "worker 1 of 1 was stopped"
    assert outcomes(ended.samples) == {Outcome.OK: len(server.requests)}


def test_a_port_that_is_taken_is_told(serve: Serve, loads: Loads) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = loads.begin(spread(make_plan(serve(GOOD).url), port=taken.getsockname()[1]))
        end = process.follow(lambda event: None)
    assert not end.completed
    assert end.failure is not None
    assert "the master cannot listen on 127.0.0.1" in end.failure
