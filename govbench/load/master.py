"""The master of several workers: leads the course, gathers what they record, tells the parent of it.

Sends no request itself. What a worker does stands in ``worker.py``, who may be one in ``admission.py``.
"""

from __future__ import annotations

import json
import logging
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import gevent
import locust.runners
from locust.env import Environment
from locust.exception import RPCError
from locust.rpc.protocol import Message as _Message

from govbench.errors import LoadError
from govbench.load import words
from govbench.load.admission import Admission
from govbench.load.clock import Clock
from govbench.load.course import Course
from govbench.load.engine import TICK_S, user_classes
from govbench.load.members import Member, summed, totals
from govbench.load.shipping import Received
from govbench.load.startup import Channel
from govbench.results.plan import Plan
from govbench.results.samples import HEADER_BYTES, RECORD_BYTES

Message: Any = _Message  # Locust has no types there

LOCAL_JOIN_S: Final = 60.0
REMOTE_JOIN_S: Final = 600.0
FLUSH_S: Final = 60.0
EXIT_S: Final = 10.0
LINGER_MS: Final = 5000

logger = logging.getLogger(__name__)


class _Runner(locust.runners.MasterRunner):
    """Locust's master, deaf to strangers; who is gone is the master's decision, not Locust's."""

    def __init__(self, environment: Any, master: Master, host: str, port: int) -> None:
        self._master = master
        super().__init__(environment, host, port)

    def client_listener(self) -> Any:
        """Hear everybody; what cannot be read, or is not meant well, ends nothing."""
        server: Any = self.server
        while True:
            try:
                client_id, msg = server.recv_from_client()
                self.handle_message(client_id, msg)
            except Exception:  # whatever a stranger can send must not make the master deaf
                logger.warning("a message was dropped", exc_info=True)
                gevent.sleep(0.01)

    def handle_message(self, client_id: str, msg: Any) -> None:
        """Hand members to Locust, everybody else to the door."""
        part = self._master.admission.part_of(client_id)
        if part is None:
            self._master.knock(client_id, msg)
        elif msg.node_id == client_id:
            self._master.hear(part, msg)
            super().handle_message(client_id, msg)

    def heartbeat_worker(self) -> Any:
        """Look for workers that have fallen silent."""
        while True:
            gevent.sleep(1)
            self._master.look_for_the_silent()

    def forget(self, client_id: str) -> None:
        """Give a worker that is gone nothing more to do."""
        node = self.clients.get(client_id)
        if node is not None:
            del self.clients[client_id]
            if self._users_dispatcher is not None:
                self._users_dispatcher.remove_worker(node)


class Master:
    """One execution of a plan by several workers."""

    def __init__(self, plan: Plan, folder: Path, channel: Channel) -> None:
        workers = plan.workers
        self.plan, self.clock = plan, Clock()
        self.course = Course(plan, self.clock, self, channel.emit)
        token = workers.token or secrets.token_hex(32)
        self.admission = Admission(plan, token, offset_ns=self.clock.offset_ns)
        self._folder, self._channel, self._emit, self._token = folder, channel, channel.emit, token
        self._members = [Member(part=p, folder=folder / f"worker-{p}") for p in range(workers.count)]
        self._environment: Any = Environment(
            user_classes=user_classes(plan, None), stop_timeout=plan.stop_timeout_s
        )
        self._runner = self._listen()
        self._spawning: Any = None
        self._is_begun = False
        self._failures: list[str] = []

    def _listen(self) -> _Runner:
        """Open the master's port.

        Raises:
            LoadError: it cannot be bound.
        """
        bind, port = self.plan.workers.bind, self.plan.workers.port
        try:
            runner = _Runner(self._environment, self, bind, port)
        except (RPCError, SystemExit) as error:  # Locust ends the process where the port is taken
            raise LoadError(
                f"the master cannot listen on {bind}:{port}: it is in use, or not ours"
            ) from error
        self._environment.runner = runner
        answers = {
            words.SAMPLES: self._on_samples,
            words.DONE: self._on_done,
            words.EVENT: self._on_event,
            words.CLOCK: self._on_clock,
        }
        for kind, answer in answers.items():
            runner.register_message(kind, answer)
        self._environment.events.worker_report.add_listener(self._on_report)
        return runner

    # Stage: what the master does at the marks of the course.

    def begin_phase(self, index: int, start_ns: int) -> None:
        """Have the workers start and stop users until there are as many as the phase says."""
        del start_ns
        phase = self.plan.phases[index]
        users = phase.users or 0
        if not users and not self._runner.user_count:
            return
        if self._spawning is not None:
            self._spawning.kill()
        self._spawning = gevent.spawn(self._runner.start, users, phase.spawn_rate)

    def turn_to(self, side: int, pair: int) -> None:
        """The workers turn by themselves."""

    def end_phase(self, index: int) -> None:
        """The workers end a phase by themselves."""

    # The course of the run.

    def stop(self) -> None:
        """End the run in order: no new requests, those under way may finish within the stop timeout."""
        self.course.stop()

    def run(self) -> bool:
        """Execute the plan; true when it ran to its end.

        Raises:
            LoadError: the workers did not come, one of them was lost, or one failed.
        """
        ticking = None
        completed = False
        try:
            self._invite()
            if self._wait_for_workers():
                ticking = gevent.spawn(self._tick)
                completed = self._lead()
        finally:
            self.stop()
            self._emit({"event": "stopping", "at_s": self.clock.now_s()})
            self._wind_up()
            gevent.killall([each for each in (ticking, self._spawning) if each is not None])
        limited = any(m.done and m.done["limited"] for m in self._members)
        completed = (completed or limited) and not self._failures
        self._emit_done(completed=completed, limited=limited)
        if self._failures:
            raise LoadError("; ".join(self._failures))
        return completed

    def _lead(self) -> bool:
        start_ns = self.clock.now_ns() + int(words.LEAD_S * 1e9)
        self.admission.closed_because = "the run has begun without this worker"
        self._is_begun = True
        self._say_all(words.BEGIN, {"start_ns": start_ns})
        return self.course.run(start_ns)

    def _invite(self) -> None:
        """Start the local workers; their stdout is ours, so that our parent sees the last one go."""
        workers = self.plan.workers
        port = self._runner.server.port
        host = "127.0.0.1" if workers.bind in {"*", "0.0.0.0"} else workers.bind  # noqa: S104
        for member in self._members[: workers.local]:
            member.folder.mkdir()
            command = [sys.executable, "-P", "-m", "govbench.load.worker", str(member.folder)]
            member.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self._channel.fd)
            words_of_it = {"host": host, "port": port, "token": self._token, "part": member.part}
            member.process.stdin.write(json.dumps(words_of_it).encode() + b"\n")
            member.process.stdin.flush()
            gevent.spawn(self._watch_process, member)

    def _wait_for_workers(self) -> bool:
        """Whether all have come; false when the run was stopped meanwhile, or one did not."""
        workers = self.plan.workers
        began = told = time.monotonic()
        timeout_s = REMOTE_JOIN_S if workers.remote else LOCAL_JOIN_S
        while not self.course.is_stopped and not self._failures:
            ready = sum(m.is_ready for m in self._members)
            if ready == workers.count:
                return True
            if time.monotonic() - began > timeout_s:
                self._failures.append(f"{ready} of {workers.count} workers came within {timeout_s:.0f} s")
            if told <= time.monotonic() and workers.remote:
                told = time.monotonic() + 10
                where = f"{workers.bind}:{self._runner.server.port}"
                self._emit({"event": "waiting", "ready": ready, "of": workers.count, "address": where})
            gevent.sleep(0.01)
        return False

    def _tick(self) -> None:
        while True:
            gevent.sleep(TICK_S)
            self._emit({"event": "tick", "at_s": self.clock.now_s(), **totals(self._members)})

    # What comes in.

    def knock(self, client_id: str, msg: Any) -> None:
        """Somebody who is no member speaks."""
        reply = self.admission.answer(client_id, msg.type, msg.data)
        if reply is None:
            return
        part = self.admission.part_of(client_id)
        if part is not None:
            member = self._members[part]
            member.client_id, member.heard_s = client_id, time.monotonic()
            if member.process is None:
                member.received = Received(member.folder)
        kind, data = reply
        self._runner.server.send_to_client(Message(kind, data, client_id))

    def hear(self, part: int, msg: Any) -> None:
        """A member speaks."""
        member = self._members[part]
        member.heard_s = time.monotonic()
        if msg.type == "client_ready":
            member.is_ready = True

    def _member(self, client_id: str) -> Member | None:
        """The member of that id, unless it was given up."""
        found = next((m for m in self._members if m.client_id == client_id), None)
        return None if found is None or found.lost_because else found

    def _on_report(self, client_id: str, data: Mapping[str, Any]) -> None:
        member = self._member(client_id)
        if member is not None and words.PIECE in data:
            self._take(member, data[words.PIECE])

    def _on_samples(self, environment: object, msg: Any) -> None:
        del environment
        member = self._member(msg.node_id)
        if member is not None:
            self._take(member, msg.data)

    def _take(self, member: Member, piece: dict[str, Any]) -> None:
        if member.is_settled:
            return
        received = member.received
        if received is not None and not received.take(piece):
            where = {"record": received.records, "event_byte": received.event_bytes}
            self._say(member, words.RESEND, where)
        member.report = {key: piece[key] for key in ("counters", "ok", "failed", "users")}

    def _on_done(self, environment: object, msg: Any) -> None:
        """A worker has recorded its last request; it may go when all of it is here."""
        del environment
        member = self._member(msg.node_id)
        if member is None:
            return
        self._take(member, msg.data)
        if member.done is None:
            member.done = dict(msg.data)
            self._judge_end(member, member.done)
        received = member.received
        if received is None or (
            received.records == msg.data["ended"] and received.event_bytes == msg.data["event_bytes"]
        ):
            member.is_settled = True
            self._say(member, words.BYE, {})
        if all(m.done is not None or m.is_over for m in self._members):
            self.stop()

    def _judge_end(self, member: Member, done: Mapping[str, Any]) -> None:
        if done["failure"]:
            self._failures.append(str(done["failure"]))
            self.stop()
        elif not (done["completed"] or done["limited"] or self.course.is_stopped):
            self._tell_loss(member, "was stopped")

    def _on_event(self, environment: object, msg: Any) -> None:
        del environment
        self._emit(msg.data)

    def _on_clock(self, environment: object, msg: Any) -> None:
        del environment
        member = self._member(msg.node_id)
        if member is not None:
            self._say(member, words.CLOCK, {"now_ns": self.clock.now_ns()})

    # Losses.

    def _watch_process(self, member: Member) -> None:
        code = member.process.wait()
        if not member.is_settled:
            text = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._lose(member, f"ended with {text}")

    def look_for_the_silent(self) -> None:
        """Give up remote workers that have not been heard of for long; a local one has a process to watch."""
        for member in self._members:
            if member.client_id and member.process is None and not member.is_over:
                silence_s = time.monotonic() - member.heard_s
                if silence_s > words.LOST_S:
                    self._lose(member, f"has not been heard of for {silence_s:.0f} s")

    def _lose(self, member: Member, why: str) -> None:
        """Go on without a worker; its samples up to now are kept, and the run counts as failed."""
        if member.is_over:
            return
        member.lost_because = why
        self._tell_loss(member, why)
        if member.client_id is not None:
            self._runner.forget(member.client_id)
        if not self._is_begun or all(m.is_over for m in self._members):
            self.stop()

    def _tell_loss(self, member: Member, why: str) -> None:
        text = f"worker {member.part + 1} of {len(self._members)} {why}"
        self._failures.append(text)
        self._emit({"event": "worker_lost", "part": member.part, "at_s": self.clock.now_s(), "message": text})

    # The end.

    def _wind_up(self) -> None:
        """Have every worker hand over what it has, and leave nothing running."""
        if self._spawning is not None:
            self._spawning.kill()
        self._say_all(words.STOP, {})
        deadline = time.monotonic() + self.plan.stop_timeout_s + FLUSH_S
        joined = [m for m in self._members if m.is_ready]
        while not all(m.is_over for m in joined) and time.monotonic() < deadline:
            gevent.sleep(0.005)
        for member in joined:
            if not member.is_over:
                self._lose(member, "did not hand over its last samples")
        self._dismiss()
        self._runner.stop(send_stop_to_client=False)
        self._runner.greenlet.kill(block=True)
        server: Any = self._runner.server
        server.close(linger=LINGER_MS)
        server.socket.context.term()  # the last words are on their way before this process may end
        for member in self._members:
            if member.received is not None:
                member.received.close()
        self._check_files()
        self._gather_responses()

    def _dismiss(self) -> None:
        """See the local workers out; those that never joined, or do not go, are killed."""
        processes = [m.process for m in self._members if m.process is not None]
        for member in self._members:
            if member.process is not None and not member.is_settled:
                member.lost_because = member.lost_because or "was not needed"
                member.process.kill()
        deadline = time.monotonic() + EXIT_S
        while any(p.poll() is None for p in processes) and time.monotonic() < deadline:
            gevent.sleep(0.005)
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdin.close()

    def _check_files(self) -> None:
        """Compare what a local worker says to have recorded with what its file holds."""
        for member in self._members:
            if member.process is not None and member.done is not None:
                size = (member.folder / "samples").stat().st_size
                held = (size - HEADER_BYTES) // RECORD_BYTES
                if held != member.done["ended"]:
                    self._tell_loss(member, f"recorded {member.done['ended']} requests, its file has {held}")

    def _gather_responses(self) -> None:
        texts = [text for m in self._members if m.done for text in m.done["responses"]]
        if texts:
            body = "".join(f"--- {number}\n{text}" for number, text in enumerate(texts, 1))
            (self._folder / "responses.txt").write_text(body, encoding="utf-8")

    def _emit_done(self, *, completed: bool, limited: bool) -> None:
        cores = [m.done["cores"] if m.done else None for m in self._members]
        self._emit(
            {
                "event": "done",
                "completed": completed,
                "limited": limited,
                "at_s": self.clock.now_s(),
                "failure": "; ".join(self._failures) or None,
                "errors": summed(self._members, "errors"),
                "examples": [each for m in self._members if m.done for each in m.done["examples"]],
                "user_errors": summed(self._members, "user_errors"),
                "worker_cores": cores,
                "repeated": sum(m.received.repeated for m in self._members if m.received),
            }
        )

    def _say(self, member: Member, kind: str, data: Mapping[str, object]) -> None:
        assert member.client_id is not None
        self._runner.server.send_to_client(Message(kind, data, member.client_id))

    def _say_all(self, kind: str, data: Mapping[str, object]) -> None:
        for member in self._members:
            if member.client_id is not None and not member.is_over:
                self._say(member, kind, data)
