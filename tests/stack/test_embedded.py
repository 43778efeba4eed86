"""What an instance of the embedded API tells of itself reaches us straight."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from govbench.config.settings import StackConfig
from govbench.config.targets import EmbeddedSwitches, EmbeddedTarget
from govbench.results.run import SliceWindow
from govbench.stack.boot import boot, free_port
from govbench.stack.embedded import own_median_ms


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
