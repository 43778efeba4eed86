"""How long the pretended language model thinks: a seeded model of its time; it does not wait itself.

The time of one answer is

    latency · f(query) · (1 + jitter · z),    at least 20 % of latency,

with z ~ N(0, 1) from the seeded generator, one draw per request in order of arrival, and a factor f in
[0.6, 1.6) of the text alone, so the same question always costs about the same and different ones differ.
"""

from __future__ import annotations

import hashlib
import random

LOWEST_SHARE = 0.2

_LOW, _MIDDLE, _HIGH = 0.6, 1.0, 1.6
# Chosen so that the median factor over config/sample_queries.json is 1.00 (tests/demo/test_latency.py).
_SALT = b"govstack-2219"


def query_factor(query: str) -> float:
    """Factor of ``query`` in [0.6, 1.6); half of all texts lie below 1."""
    digest = hashlib.blake2b(query.encode("utf-8", "surrogatepass"), digest_size=8, salt=_SALT).digest()
    position = int.from_bytes(digest) / 2**64
    if position < 0.5:
        return _LOW + (_MIDDLE - _LOW) * position * 2
    return _MIDDLE + (_HIGH - _MIDDLE) * (position - 0.5) * 2


class LatencyModel:
    """Draws the LLM time of one request after the other."""

    def __init__(self, *, latency_ms: float, jitter: float, seed: int) -> None:
        self._latency_ms = latency_ms
        self._jitter = jitter
        self._random = random.Random(f"latency-{seed}")

    def draw_ms(self, query: str) -> float:
        """LLM time of the next request, without any slowdown."""
        spread = 1.0 + self._jitter * self._random.gauss(0.0, 1.0)
        return max(LOWEST_SHARE * self._latency_ms, self._latency_ms * query_factor(query) * spread)
