"""Sample tables and recordings built record by record with the layout's own packer."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from govbench.results.plan import (
    Api,
    Arrivals,
    LoadModel,
    Phase,
    Plan,
    Query,
    RatePoint,
    Scenario,
    Side,
    Slice,
    TestType,
    ThinkTime,
)
from govbench.results.run import Environment, Outcome, Provenance, RunInfo, RunStatus
from govbench.results.samples import (
    CODE_OF,
    FIELDS,
    KERNEL_CLOCK,
    NOT_MEASURED,
    RECORD,
    Kind,
    SamplesHeader,
    kinds_json,
)

T0_S = 1_700_000_000


def record(at_s: float = 0.0, outcome: Outcome = Outcome.OK, **fields: Any) -> bytes:
    """A record due ``at_s`` seconds after T0_S; 20 ms long unless told otherwise."""
    values: dict[str, Any] = {f.name: math.nan if f.code in {"f", "e"} else 0 for f in FIELDS} | NOT_MEASURED
    values |= {"send_delay_ms": 0.0, "last_byte_ms": 20.0}
    values |= {"flags": KERNEL_CLOCK, "outcome": CODE_OF[outcome]}
    values["due_ns"] = T0_S * 1_000_000_000 + round(at_s * 1e9)
    return RECORD.pack(*(values | fields).values())


def header(offered: int = 0, dropped: int = 0, sent: int = 0) -> bytes:
    return SamplesHeader(offered=offered, dropped=dropped, sent=sent).pack()


def write(
    folder: Path,
    *records: bytes,
    sent: int | None = None,
    tail: bytes = b"",
    kinds: Sequence[Kind] = (),
    names: Sequence[str] = ("POST /api/v1/chat",),
) -> Path:
    """A samples file of these records in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    count = len(records) if sent is None else sent
    (folder / "samples").write_bytes(header(offered=count, sent=count) + b"".join(records) + tail)
    (folder / "names.json").write_text(json.dumps(list(names)))
    if kinds:
        (folder / "kinds.json").write_text(kinds_json(list(kinds)))
    return folder


def make_plan(*phases: Phase, sides: int = 1) -> Plan:
    return Plan(
        phases=phases,
        scenarios=(Scenario(name="s", queries=(Query(text="q"),)),),
        sides=tuple(Side(name=f"side-{i}", url="http://x", api=Api.GOVSTACK) for i in range(sides)),
    )


def phase(
    name: str = "one",
    *,
    test_type: TestType = TestType.CONCURRENT,
    users: int = 1,
    warmup_s: float = 0.0,
    steady_s: float = 10.0,
    slices: tuple[Slice, ...] = (),
    think_time: ThinkTime | None = None,
) -> Phase:
    return Phase(
        name=name, test_type=test_type, users=users, warmup_s=warmup_s, steady_s=steady_s, slices=slices,
        think_time=think_time,
    )  # fmt: skip


def open_phase(rate_rps: float = 10.0, *, steady_s: float = 10.0) -> Phase:
    return Phase(
        name="open",
        test_type=TestType.CUSTOM,
        users=None,
        steady_s=steady_s,
        model=LoadModel.OPEN,
        arrivals=Arrivals(points=(RatePoint(at_s=0, rate_rps=rate_rps),)),
    )


INFO = RunInfo(
    id="r", suite="s", suite_version="1", profile="p", status=RunStatus.COMPLETED,
    started_at="2026-01-01T00:00:00Z", duration_s=10.0, seed=1, govbench_version="0",
)  # fmt: skip
ENVIRONMENT = Environment(
    machine_class="m", os="o", os_release="1", architecture="a", cpu_model="c", cores=2, memory_bytes=1,
    python="3", packages={},
)  # fmt: skip
PROVENANCE = Provenance()
