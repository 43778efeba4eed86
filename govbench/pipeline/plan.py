"""From settings and a stack to what is asked of it: the plan, the address, and what reports call it."""

from __future__ import annotations

from govbench.config.settings import LoadConfig, Settings
from govbench.config.targets import Target as ParsedTarget
from govbench.config.targets import describe
from govbench.load.launch import MASTER_PORT
from govbench.pipeline.test_file import checked_test_file, user_classes_of
from govbench.results.plan import Phase, Plan, Side, Workers
from govbench.results.redact import shown_url
from govbench.results.run import Target
from govbench.stack.running import RunningStack


def build_plan(settings: Settings, phases: tuple[Phase, ...], sides: tuple[Side, ...]) -> Plan:
    """The plan of a run from its settings."""
    load = settings.load
    return Plan(
        phases=phases,
        scenarios=load.scenarios,
        sides=sides,
        deadlines=settings.target.deadlines,
        seed=load.seed,
        max_requests=load.max_requests,
        retries=load.retries,
        retry_delay_s=load.retry_delay_s,
        stop_timeout_s=load.stop_timeout_s,
        save_responses=settings.output.save_responses,
        test_file=checked_test_file(load.test_file),
        user_classes=user_classes_of(load),
        workers=_workers(load),
    )


def _workers(load: LoadConfig) -> Workers:
    return Workers(
        local=load.workers,
        remote=load.remote_workers,
        bind=load.master_bind,
        port=load.master_port or (MASTER_PORT if load.remote_workers else 0),
        token=load.worker_token,
    )


def described(name: str, target: ParsedTarget, side: Side) -> Target:
    """A target as reports show it."""
    return Target(name=name, form=describe(target), url=shown_url(side.url), api=side.api.value)


def address_of(target: ParsedTarget, stack: RunningStack) -> str:
    """Where a stack is asked: its address, and the path that a URL target names."""
    return stack.url + (target.request_path or "")
