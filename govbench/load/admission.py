"""Who may work for a master: both sides prove that they know the token, and it never travels itself.

Decides and computes; sends nothing (``master.py``, ``worker.py``). It keeps strangers out and does not
encrypt: docs/distributed.md says what to put in front on an open network.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Final

from govbench import __version__
from govbench.results.plan import Plan, Workers
from govbench.results.plan_json import plan_hash, plan_to_json

# Peers that have knocked and not yet answered; more are strangers that waste our memory.
MAX_WAITING: Final = 64

HELLO, CHALLENGE, PROOF, WELCOME, JOIN, JOINED, REFUSED = (
    "govbench_hello",
    "govbench_challenge",
    "govbench_proof",
    "govbench_welcome",
    "govbench_join",
    "govbench_joined",
    "govbench_refused",
)

Reply = tuple[str, dict[str, Any]]


def new_nonce() -> str:
    """A number that is used once."""
    return secrets.token_hex(16)


def proof_of(token: str, who: str, *words: str) -> str:
    """That ``who`` ("master" or "worker") knows the token, bound to this one conversation."""
    text = "\n".join((who, *words))
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()


def proves(given: object, expected: str) -> bool:
    """Whether a proof is the expected one, in constant time."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())


class Admission:
    """The master's door: hello, challenge, proof, welcome with the plan, join with the plan's hash.

    ``members`` are the ids of those that have joined, by the part of the load that each carries.
    """

    def __init__(self, plan: Plan, token: str, *, offset_ns: int) -> None:
        self.members: dict[int, str] = {}
        self.closed_because: str | None = None
        self._workers: Workers = plan.workers
        self._token = token
        self._offset_ns = offset_ns
        self._plan_text, self._plan_hash = plan_to_json(plan), plan_hash(plan)
        self._waiting: dict[str, tuple[str, str]] = {}
        self._proven: dict[str, int | None] = {}

    def answer(self, client_id: str, kind: str, data: object) -> Reply | None:
        """What to say to a peer that is no member; None: nothing, it is no worker of ours."""
        if not isinstance(data, Mapping):
            return None
        steps = {HELLO: self._challenge, PROOF: self._welcome, JOIN: self._admit}
        step = steps.get(kind)
        return step(client_id, data) if step else None

    def part_of(self, client_id: str) -> int | None:
        """The part of the load that a member carries; None for everybody else."""
        return next((part for part, member in self.members.items() if member == client_id), None)

    def _challenge(self, client_id: str, data: Mapping[str, Any]) -> Reply | None:
        nonce = data.get("nonce")
        if not isinstance(nonce, str):
            return None
        if data.get("version") != __version__:
            return _refused(
                f"the master is govbench {__version__}, this worker {str(data.get('version'))[:40]}"
            )
        while len(self._waiting) >= MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
        mine = new_nonce()
        self._waiting[client_id] = (nonce, mine)
        return CHALLENGE, {
            "nonce": mine,
            "proof": proof_of(self._token, "master", nonce, mine, client_id),
        }

    def _welcome(self, client_id: str, data: Mapping[str, Any]) -> Reply | None:
        nonces = self._waiting.pop(client_id, None)
        if nonces is None:
            return None
        if not proves(data.get("proof"), proof_of(self._token, "worker", *nonces, client_id)):
            return _refused("the token is not that of the master")
        wish = data.get("part")
        local = isinstance(wish, int) and 0 <= wish < self._workers.local
        self._proven[client_id] = wish if local else None
        return self._invite(client_id)

    def _invite(self, client_id: str) -> Reply:
        refusal = self._no_place(client_id)
        if refusal:
            return refusal
        return WELCOME, {
            "plan": self._plan_text,
            "part": self._place(client_id),
            "parts": self._workers.count,
            "offset_ns": self._offset_ns,
        }

    def _admit(self, client_id: str, data: Mapping[str, Any]) -> Reply | None:
        if client_id not in self._proven:
            return None
        if not proves(data.get("plan_hash"), self._plan_hash):
            return _refused("it understood another plan than the master has")
        part = self._place(client_id)
        if self.closed_because or part is None or part != data.get("part"):
            return self._invite(client_id)  # another one has taken that part meanwhile
        del self._proven[client_id]
        self.members[part] = client_id
        return JOINED, {}

    def _no_place(self, client_id: str) -> Reply | None:
        if self.closed_because:
            return _refused(self.closed_because)
        return None if self._place(client_id) is not None else _refused("the master has all its workers")

    def _place(self, client_id: str) -> int | None:
        """The part that a proven peer would carry: its own of a local worker, else the first free remote."""
        wish = self._proven[client_id]
        if wish is not None:
            return None if wish in self.members else wish
        places = range(self._workers.local, self._workers.count)
        return next((part for part in places if part not in self.members), None)


def _refused(reason: str) -> Reply:
    return REFUSED, {"reason": reason}
