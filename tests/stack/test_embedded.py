"""What an instance of the embedded API tells of itself reaches us straight."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from govbench.config.settings import StackConfig
from govbench.config.targets import EmbeddedSwitches, EmbeddedTarget
from govbench.results.run import SliceWindow
from govbench.stack.boot import boot, free_port
from govbench.stack.embedded import own_median_ms


def test_the_median_of_windows_is_the_mean_of_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a window in which nothing was served takes no part."""
    told: dict[float, dict[str, Any]] = {
        1.0: {"count": 5, "median_ms": 10.0},
        2.0: {"count": 1, "median_ms": 40.0},
        3.0: {"count": 0, "median_ms": None},
        4.0: {"count": 9, "median_ms": 16.0},
    }

    def get(url: str, *, params: dict[str, float], **_: object) -> httpx.Response:
        return httpx.Response(200, json=told[params["start"]], request=httpx.Request("GET", url))

    monkeypatch.setattr(httpx, "get", get)
    windows = [SliceWindow(phase=0, pair=i, side=0, start_s=at, end_s=at + 1) for i, at in enumerate(told)]
    assert own_median_ms("http://127.0.0.1:1", windows) == pytest.approx(22.0)
    assert own_median_ms("http://127.0.0.1:1", windows[2:3]) is None


def test_no_proxy_stands_between(
    tmp_path: Path, config: StackConfig, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    target, start_s = EmbeddedTarget(switches=EmbeddedSwitches(latency_ms=1)), time.time()
    with boot(target, config, name="e", log_folder=tmp_path, environ=environ) as stack:
        httpx.post(f"{stack.url}/api/v1/chat", json={"query": "When?"}, trust_env=False).raise_for_status()
        window = SliceWindow(phase=0, pair=0, side=0, start_s=start_s, end_s=time.time() + 60)
        assert (own_median_ms(stack.url, [window]) or 0) > 0
