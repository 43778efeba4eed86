"""A plan as JSON and back, and the parts of a plan for those who share its load. Sends nothing anywhere.

The JSON goes from a master to its workers and holds ``secret_headers``; it is written to no file.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from govbench.errors import ResultsError
from govbench.results.plan import Plan, Workers

_ADAPTER = TypeAdapter(Plan)


def plan_to_json(plan: Plan) -> str:
    """The plan without its workers: who they are, and their token, is the master's business."""
    return _ADAPTER.dump_json(replace(plan, workers=Workers())).decode()


def plan_from_json(text: str) -> Plan:
    """Read a plan back.

    Raises:
        ResultsError: the text is no plan of this version.
    """
    try:
        return _ADAPTER.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ResultsError(f"the plan cannot be read: {where}: {first['msg']}") from error


def plan_hash(plan: Plan) -> str:
    """What two processes compare to know that they have the same plan: SHA-256 of its JSON, in hex."""
    return hashlib.sha256(plan_to_json(plan).encode()).hexdigest()


def share_of(plan: Plan, part: int, parts: int) -> Plan:
    """The plan as worker ``part`` of ``parts`` carries it out: limits that count over all are divided.

    Users come from the master, and arrivals divide themselves (``load/open_loop.py``). A limit that is
    smaller than the number of workers leaves some of them 0.
    """
    if parts == 1:
        return plan
    limit = plan.max_requests
    return replace(
        plan,
        max_requests=None if limit is None else _share(limit, part, parts),
        save_responses=_share(plan.save_responses, part, parts),
    )


def _share(count: int, part: int, parts: int) -> int:
    return count // parts + (part < count % parts)
