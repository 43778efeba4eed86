from __future__ import annotations

import math

import pytest

from govbench.demo.__main__ import parse
from govbench.demo.settings import DemoSettings
from govbench.errors import ConfigError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", -1),
        ("port", 65536),
        ("latency_ms", -1),
        ("latency_ms", math.nan),
        ("jitter", 1.5),
        ("slots", 0),
        ("slowdown", 0.9),
        ("slowdown", math.inf),
        ("errors", 1.1),
        ("errors", -0.1),
        ("leak_bytes", -1),
        ("freeze_s", -1),
        ("api_key", ""),
    ],
)
def test_impossible_settings_are_refused(field: str, value: float | str) -> None:
    with pytest.raises(ConfigError, match=field):
        DemoSettings(**{field: value})  # type: ignore[arg-type]


def test_options_become_settings() -> None:
    options = (
        "--port 0 --latency-ms 5 --slots 2 --slowdown 1.3 --errors 0.1 --leak-bytes 9 --freeze-s 2 --seed 3"
    )
    assert parse(options.split()) == DemoSettings(
        port=0, latency_ms=5, slots=2, slowdown=1.3, errors=0.1, leak_bytes=9, freeze_s=2, seed=3
    )
    assert parse([]) == DemoSettings()


def test_the_key_does_not_show() -> None:
    assert "secret" not in repr(DemoSettings(api_key="secret"))
