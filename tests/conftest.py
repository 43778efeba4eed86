"""How the tests are run: side by side where the whole suite is asked for, each wherever there is room."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# How long one example takes says how busy the machine is, and nothing about the code.
settings.register_profile("govbench", deadline=None)
settings.load_profile("govbench")

_PER_CORE = 2  # most tests wait: for an answer, a schedule, the end of a process
_MOST_WORKERS = 8
# What is set up once for all tests that read it is set up once if they share a worker.
_SET_UP_ONCE = {"measured_once": "measured", "embedded_url": "measured", "dist": "package"}


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Workers for the whole suite; a part of it is run in this process, which begins at once."""
    if config.args != config.getini("testpaths"):
        return 0
    # Those that may be used, where the system tells; in a container often fewer than there are.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_PER_CORE * cores, _MOST_WORKERS)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        names = getattr(item, "fixturenames", ())
        group = next((_SET_UP_ONCE[name] for name in names if name in _SET_UP_ONCE), None)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))
