"""The master's door, without a network: who proves what, and who gets which part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from govbench import __version__
from govbench.load.admission import (
    CHALLENGE,
    HELLO,
    JOIN,
    JOINED,
    MAX_WAITING,
    PROOF,
    REFUSED,
    WELCOME,
    Admission,
    proof_of,
    proves,
)
from govbench.results.plan import Plan, Workers
from govbench.results.plan_json import plan_from_json, plan_hash
from tests.load.conftest import make_plan

TOKEN = "a long random word"


def plan_of(local: int = 0, remote: int = 2) -> Plan:
    return replace(make_plan("http://127.0.0.1:9"), workers=Workers(local=local, remote=remote, token=TOKEN))


def door_of(plan: Plan) -> Admission:
    return Admission(plan, TOKEN, offset_ns=7)


def prove(door: Admission, peer: str, token: str = TOKEN, part: int | None = None) -> tuple[str, Any]:
    """What the master says to a proof of ``token``."""
    reply = door.answer(peer, HELLO, {"version": __version__, "nonce": "n"})
    assert reply is not None
    kind, challenge = reply
    assert kind == CHALLENGE
    proof = proof_of(token, "worker", "n", challenge["nonce"], peer)
    answer = door.answer(peer, PROOF, {"proof": proof, "part": part})
    assert answer is not None
    return answer


def join(door: Admission, peer: str, plan: Plan, part: int | None = None) -> tuple[str, Any]:
    kind, data = prove(door, peer, part=part)
    if kind != WELCOME:
        return kind, data
    answer = door.answer(peer, JOIN, {"plan_hash": plan_hash(plan), "part": data["part"]})
    assert answer is not None
    return answer


def test_who_knows_the_token_gets_the_plan_and_a_part() -> None:
    plan = plan_of(local=1, remote=2)
    door = door_of(plan)
    kind, welcome = prove(door, "first")
    assert kind == WELCOME
    assert (welcome["part"], welcome["parts"], welcome["offset_ns"]) == (1, 3, 7)
    assert replace(plan_from_json(welcome["plan"]), workers=plan.workers) == plan
    assert TOKEN not in welcome["plan"]
    assert door.part_of("first") is None  # not before it has said what it understood
    assert join(door, "first", plan) == (JOINED, {})
    assert door.part_of("first") == 1


def test_the_master_proves_itself_first() -> None:
    reply = door_of(plan_of()).answer("w", HELLO, {"version": __version__, "nonce": "n"})
    assert reply is not None
    challenge = reply[1]
    assert proves(challenge["proof"], proof_of(TOKEN, "master", "n", challenge["nonce"], "w"))
    assert not proves(challenge["proof"], proof_of(TOKEN, "worker", "n", challenge["nonce"], "w"))
    assert TOKEN not in str(challenge)


def test_a_wrong_token_gets_no_plan() -> None:
    kind, data = prove(door_of(plan_of()), "w", token="guessed")
    assert kind == REFUSED
    assert data == {"reason": "the token is not that of the master"}


def test_a_proof_is_good_once_and_for_one_peer() -> None:
    door = door_of(plan_of())
    reply = door.answer("w", HELLO, {"version": __version__, "nonce": "n"})
    assert reply is not None
    proof = proof_of(TOKEN, "worker", "n", reply[1]["nonce"], "w")
    assert door.answer("other", PROOF, {"proof": proof}) is None
    first = door.answer("w", PROOF, {"proof": proof})
    assert first is not None
    assert first[0] == WELCOME
    assert door.answer("w", PROOF, {"proof": proof}) is None


def test_another_version_is_refused_by_name() -> None:
    reply = door_of(plan_of()).answer("w", HELLO, {"version": "0.0.1", "nonce": "n"})
    assert reply == (REFUSED, {"reason": f"the master is govbench {__version__}, this worker 0.0.1"})


def test_another_understanding_of_the_plan_is_refused() -> None:
    door = door_of(plan_of())
    prove(door, "w")
    reply = door.answer("w", JOIN, {"plan_hash": "0" * 64, "part": 0})
    assert reply is not None
    assert reply[0] == REFUSED
    assert not door.members


def test_two_that_were_promised_one_part_both_get_one() -> None:
    plan = plan_of(remote=2)
    door = door_of(plan)
    promised = [prove(door, peer)[1]["part"] for peer in ("a", "b")]
    assert promised == [0, 0]
    right = {"plan_hash": plan_hash(plan), "part": 0}
    assert door.answer("a", JOIN, right) == (JOINED, {})
    again = door.answer("b", JOIN, right)
    assert again is not None
    assert (again[0], again[1]["part"]) == (WELCOME, 1)
    assert door.answer("b", JOIN, right | {"part": 1}) == (JOINED, {})
    assert door.members == {0: "a", 1: "b"}
    assert join(door, "c", plan) == (REFUSED, {"reason": "the master has all its workers"})


def test_a_local_worker_gets_the_part_that_it_was_started_for() -> None:
    plan = plan_of(local=2, remote=1)
    door = door_of(plan)
    assert join(door, "b", plan, part=1) == (JOINED, {})
    assert join(door, "remote", plan) == (JOINED, {})
    assert door.members == {1: "b", 2: "remote"}
    assert join(door, "again", plan, part=1)[0] == REFUSED


def test_a_closed_door_says_why() -> None:
    plan = plan_of()
    door = door_of(plan)
    door.closed_because = "the run has begun without this worker"
    assert join(door, "w", plan) == (REFUSED, {"reason": "the run has begun without this worker"})


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("spawn", {"timestamp": 0}),
        (HELLO, None),
        (HELLO, [1]),
        (HELLO, {"version": __version__, "nonce": 3}),
        (PROOF, {"proof": "x"}),
        (JOIN, {"plan_hash": "x", "part": 0}),
        (None, {}),
    ],
)
def test_what_makes_no_sense_gets_no_answer(kind: Any, data: Any) -> None:
    assert door_of(plan_of()).answer("w", kind, data) is None


def test_a_crowd_that_only_knocks_takes_no_memory() -> None:
    door = door_of(plan_of())
    hello = {"version": __version__, "nonce": "n"}
    first = door.answer("0", HELLO, hello)
    for number in range(1, MAX_WAITING + 1):
        door.answer(str(number), HELLO, hello)
    assert first is not None
    proof = proof_of(TOKEN, "worker", "n", first[1]["nonce"], "0")
    assert door.answer("0", PROOF, {"proof": proof}) is None  # forgotten
