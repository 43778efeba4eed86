"""A worker: ``python -m govbench.load.worker FOLDER``, started by a master or by ``govbench worker``.

Carries its part of the load that a master leads, on the master's clock, and records it in ``FOLDER``. The
first line on stdin is the invitation (JSON: host, port, token, part); then ``stop``, or the end of stdin,
ends the work in order. Decides nothing about the course: that is the master's.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402 - the patch must come before everything else
import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Mapping  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Final  # noqa: E402

import gevent  # noqa: E402
import gevent.event  # noqa: E402
import gevent.queue  # noqa: E402
import locust.runners  # noqa: E402
from gevent.fileobject import FileObjectPosix  # noqa: E402
from locust.env import Environment  # noqa: E402
from locust.rpc.protocol import Message as _Message  # noqa: E402

from govbench import __version__  # noqa: E402
from govbench.errors import ExitCode, GovbenchError, LoadError, in_words  # noqa: E402
from govbench.load import admission as door  # noqa: E402
from govbench.load import words  # noqa: E402
from govbench.load.clock import Clock  # noqa: E402
from govbench.load.course import Emit  # noqa: E402
from govbench.load.engine import Engine  # noqa: E402
from govbench.load.shipping import Shipper  # noqa: E402
from govbench.load.startup import Channel, allow_many_files, interrupt_others  # noqa: E402
from govbench.results.plan import Plan  # noqa: E402
from govbench.results.plan_json import plan_from_json, plan_hash  # noqa: E402

Message: Any = _Message  # Locust has no types there

FIRST_ANSWER_S: Final = 600.0  # a worker may be started before its master
ANSWER_S: Final = 30.0
PINGS: Final = 9

_STEPS = {door.CHALLENGE, door.WELCOME, door.JOINED, door.REFUSED, words.CLOCK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Where the master is, and what proves that this worker may come; a local worker knows its part."""

    host: str
    port: int
    token: str
    part: int | None = None

    @property
    def is_local(self) -> bool:
        """Whether the master started this worker itself."""
        return self.part is not None


class _Runner(locust.runners.WorkerRunner):
    """Locust's worker, which comes in by our door and notes when it last heard of its master."""

    def __init__(self, environment: Any, worker: Worker) -> None:
        self.inbox: Any = gevent.queue.Queue()
        self.heard_s = time.monotonic()
        self._worker = worker
        host, port = worker.invitation.host, worker.invitation.port
        super().__init__(environment, host, port)

    def connect_to_master(self) -> None:
        """Prove that we may come, and only then say what every Locust worker says."""
        self._worker.enter(self)
        locusts_own: Any = super().connect_to_master
        locusts_own()

    def handle_message(self, msg: Any) -> None:
        """Sort out what belongs to the door; spawn nobody once the end has begun."""
        self.heard_s = time.monotonic()
        if msg.type in _STEPS:
            self.inbox.put(msg)
        elif msg.type != "spawn" or not self._worker.is_ending:
            super().handle_message(msg)


class Worker:
    """One worker from its first word to its last."""

    def __init__(self, invitation: Invitation, folder: Path, emit: Emit) -> None:
        self.invitation = invitation
        self.tell, self._folder = emit, folder
        self._environment: Any = Environment()
        self._engine: Engine | None = None
        self._runner: Any = None
        self._shipper: Shipper
        self._begin: Any = gevent.event.AsyncResult()
        self._bye = gevent.event.Event()
        self._is_stopped = self._is_lost = False
        self._steady_from: tuple[float, float] | None = None
        self._steady_s = self._cpu_s = 0.0

    @property
    def is_ending(self) -> bool:
        """Whether no user may come any more."""
        return self._is_stopped or self._engine is None or self._engine.course.is_stopped

    def stop(self) -> None:
        """End in order."""
        self._is_stopped = True
        if self._engine is None:
            os._exit(ExitCode.NOT_MEASURED)  # nothing has begun: there is nothing to put in order
        self._engine.stop()
        if not self._begin.ready():
            self._begin.set(None)

    def lose_master(self) -> None:
        """The master is gone: end in order, and wait for no answer."""
        self._is_lost = True
        self.stop()

    def run(self) -> None:
        """Join, carry out the part, hand over everything.

        Raises:
            LoadError: the master refused this worker, or went away.
        """
        self._runner = self._environment.runner = _Runner(self._environment, self)
        engine = self._engine
        assert engine is not None
        engine.lead(self._runner)
        self._environment.events.report_to_master.add_listener(self._on_report)
        watch = gevent.spawn(self._watch_master)
        start_ns = self._begin.get()
        completed = start_ns is not None and engine.course.run(start_ns)
        engine.close()
        self._hand_over(engine, completed=completed)
        watch.kill()
        self._runner.greenlet.kill(block=True)
        self._runner.client.close(linger=0 if self._is_lost else 1000)
        if self._is_lost:
            raise LoadError(f"the master at {self.invitation.host}:{self.invitation.port} is gone")

    # Coming in.

    def enter(self, runner: _Runner) -> None:
        """Go through the master's door and take the plan.

        Raises:
            LoadError: refused, or no answer.
        """
        self._prove(runner)
        welcome = self._answer(runner, ANSWER_S, door.WELCOME)
        while welcome.type == door.WELCOME:
            plan = plan_from_json(welcome.data["plan"])
            part, parts = int(welcome.data["part"]), int(welcome.data["parts"])
            _say(runner, door.JOIN, {"plan_hash": plan_hash(plan), "part": part})
            offset_ns = welcome.data["offset_ns"]
            welcome = self._answer(runner, ANSWER_S, door.WELCOME, door.JOINED)
        if not self.invitation.is_local:
            offset_ns = self._master_offset_ns(runner)
        self._take_plan(runner, plan, Clock(offset_ns=offset_ns), part, parts)
        self.tell({"event": "joined", "part": part, "parts": parts, "master": self.invitation.host})

    def _prove(self, runner: _Runner) -> None:
        nonce, token = door.new_nonce(), self.invitation.token
        _say(runner, door.HELLO, {"version": __version__, "nonce": nonce})
        challenge = self._answer(runner, FIRST_ANSWER_S, door.CHALLENGE).data
        nonces = (nonce, str(challenge["nonce"]))
        if not door.proves(challenge["proof"], door.proof_of(token, "master", *nonces, runner.client_id)):
            raise LoadError("the master does not know the token of this worker")
        proof = door.proof_of(token, "worker", *nonces, runner.client_id)
        _say(runner, door.PROOF, {"proof": proof, "part": self.invitation.part})

    def _answer(self, runner: _Runner, timeout_s: float, *kinds: str) -> Any:
        try:
            message = runner.inbox.get(timeout=timeout_s)
        except gevent.queue.Empty:
            where = f"{self.invitation.host}:{self.invitation.port}"
            raise LoadError(f"no master answers at {where}") from None
        if message.type == door.REFUSED:
            raise LoadError(f"the master refused this worker: {message.data['reason']}")
        if message.type not in kinds:
            raise LoadError(f"the master answered {message.type} where {kinds[0]} was due")
        return message

    def _master_offset_ns(self, runner: _Runner) -> int:
        """What makes our monotonic clock show the master's time, from the quickest of some asks."""
        found = []
        for _ in range(PINGS):
            asked_ns = time.monotonic_ns()
            _say(runner, words.CLOCK, {})
            now_ns = int(self._answer(runner, ANSWER_S, words.CLOCK).data["now_ns"])
            answered_ns = time.monotonic_ns()
            found.append((answered_ns - asked_ns, now_ns - (asked_ns + answered_ns) // 2))
        return min(found)[1]

    def _take_plan(self, runner: _Runner, plan: Plan, clock: Clock, part: int, parts: int) -> None:
        engine = Engine(plan, self._folder, self._on_event, clock=clock, part=part, parts=parts)
        engine.equip(self._environment)
        # Locust fills in what it does not find, and would read its own configuration files for that.
        self._environment.parsed_options = argparse.Namespace(headless=False, web_base_path="")
        self._engine = engine
        self._shipper = Shipper(engine.recorder, self._folder, with_records=not self.invitation.is_local)
        runner.register_message(words.BEGIN, self._on_begin)
        runner.register_message(words.STOP, lambda environment, msg: self.stop())  # noqa: ARG005
        runner.register_message(words.BYE, lambda environment, msg: self._bye.set())  # noqa: ARG005
        runner.register_message(words.RESEND, self._on_resend)

    # What is heard meanwhile.

    def _on_begin(self, environment: object, msg: Any) -> None:
        del environment
        if not self._begin.ready():
            self._begin.set(int(msg.data["start_ns"]))

    def _on_resend(self, environment: object, msg: Any) -> None:
        del environment
        self._shipper.rewind(int(msg.data["record"]), int(msg.data["event_byte"]))

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:
        del client_id
        assert self._engine is not None
        data[words.PIECE] = self._shipper.piece() | {"users": self._engine.user_count}

    def _on_event(self, event: Mapping[str, object]) -> None:
        if event["event"] == "dropped":
            _say(self._runner, words.EVENT, dict(event))
        elif event["event"] in {"phase", "stopping"}:
            self.tell(event)
            if event["event"] == "phase":
                self._take_place(int(str(event["index"])))
        elif event["event"] == "steady" and self._engine and self._engine.phase.arrivals is None:
            self._steady_from = (time.monotonic(), time.process_time())
        elif event["event"] == "steady_end" and self._steady_from is not None:
            began_s, cpu_s = self._steady_from
            self._steady_s += time.monotonic() - began_s
            self._cpu_s += time.process_time() - cpu_s
            self._steady_from = None

    def _take_place(self, phase_index: int) -> None:
        """Local workers wait for each other, unless a schedule says when to send."""
        if self.invitation.is_local and self._engine is not None:
            interrupt_others(yes=self._engine.plan.phases[phase_index].arrivals is not None)

    def _watch_master(self) -> None:
        while not self._is_lost:
            gevent.sleep(1)
            if time.monotonic() - self._runner.heard_s > words.LOST_S:
                self.lose_master()

    # The end.

    def _hand_over(self, engine: Engine, *, completed: bool) -> None:
        """Send what is left, and leave when the master has it all."""
        done = {
            "users": 0,
            "completed": completed,
            "limited": engine.limited,
            "failure": engine.failure,
            "ended": engine.recorder.ended,
            "errors": engine.errors(),
            "examples": engine.examples(),
            "user_errors": engine.user_errors(),
            "responses": self._responses(),
            "cores": self._cpu_s / self._steady_s if self._steady_s else None,
        }
        while not self._is_lost:
            while not self._shipper.is_complete:
                _say(self._runner, words.SAMPLES, self._shipper.piece() | {"users": 0})
                gevent.sleep(0)  # others may speak, too
            event_bytes = self._shipper.event_bytes()
            _say(self._runner, words.DONE, done | self._shipper.piece() | {"event_bytes": event_bytes})
            if self._bye.wait(timeout=words.DONE_AGAIN_S):
                return

    def _responses(self) -> list[str]:
        """The answers kept; they go to the master, which keeps those of all workers in one file."""
        path = self._folder / "responses.txt"
        if not path.exists():
            return []
        text = path.read_text(encoding="utf-8")
        path.unlink()
        return re.split(r"^--- \d+\n", text, flags=re.MULTILINE)[1:]


def _say(runner: Any, kind: str, data: Mapping[str, object]) -> None:
    runner.client.send(Message(kind, data, runner.client_id))


def main() -> int:
    """Work for the master that the invitation on stdin names; the exit code says how it went."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    channel = Channel()
    allow_many_files()
    commands = FileObjectPosix(0, "rb")
    invitation = Invitation(**json.loads(commands.readline()))
    locust.runners.WORKER_REPORT_INTERVAL = words.REPORT_S
    # The master holds the other end of a local worker's stdout as well, and tells of everything itself.
    worker = Worker(invitation, Path(sys.argv[1]), _silent if invitation.is_local else channel.emit)

    def obey() -> None:
        is_asked = bool(commands.readline())
        if invitation.is_local and not is_asked:
            worker.lose_master()
        else:
            worker.stop()

    gevent.spawn(obey)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, worker.stop)
    try:
        worker.run()
    except (OSError, GovbenchError) as error:
        logging.error("%s", error)
        worker.tell({"event": "failed", "message": in_words(error)})
        return ExitCode.NOT_MEASURED
    return ExitCode.OK


def _silent(event: Mapping[str, object]) -> None:
    del event


if __name__ == "__main__":
    sys.exit(main())
