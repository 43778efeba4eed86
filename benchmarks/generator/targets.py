"""What the load generator shall reach beside its peers, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.generator.figures import OVER_TLS, TWO_WORKERS, USERS_1000, USERS_10000
from benchmarks.generator.results import GOVBENCH, Results

FAST = "FastHttpUser"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A target, the figure that it is about, and whether that meets it; None where not measured."""

    text: str
    measured: str | None
    met: bool | None
    stretch_met: bool | None = None


def judge(results: Results) -> list[Judged]:
    """All targets in order."""
    ratio = results.ratio
    return [
        _at_least("requests per core / FastHttpUser", ratio("capacity", GOVBENCH, FAST, _PER_CORE), 3.5, 4.5),
        _at_least("requests per core / k6", ratio("capacity", GOVBENCH, "k6", _PER_CORE), 2.0, 2.5),
        _at_most("CPU per request / hey", ratio("capacity", GOVBENCH, "hey", _CPU), 1.75, 1.25),
        _at_most("CPU per request, 2 workers / 1", ratio("capacity", TWO_WORKERS, GOVBENCH, _CPU), 1.15),
        *(_accurate(results, GOVBENCH, q, relative=0.03, absolute_ms=0.3) for q in _QUANTILES),
        *(_accurate(results, OVER_TLS, q, relative=0.05) for q in _QUANTILES),
        *(_accurate(results, TWO_WORKERS, q, relative=0.05) for q in _QUANTILES),
        _at_most("CPU per streamed event / FastHttpUser", ratio("stream", GOVBENCH, FAST, _CPU_EVENT), 0.5),
        _first_token(results.median("stream", GOVBENCH, "first_token_error_ms")),
        _memory(results.median("memory", USERS_1000, "peak_mb"), USERS_1000, 90),
        _memory(results.median("memory", USERS_10000, "peak_mb"), USERS_10000, 400),
    ]


# Requests per second of CPU time, not per second: where others take time of the client's core, or the server
# is the limit, the quotient of rates would say more of them than of the clients.
_PER_CORE, _CPU, _CPU_EVENT = "requests_per_core", "cpu_us_per_request", "cpu_us_per_event"
_QUANTILES = ("median_ms", "p99_ms")


def _at_least(what: str, measured: float | None, target: float, stretch: float) -> Judged:
    return Judged(
        text=f"{what} ≥ {target:g} (stretch {stretch:g})",
        measured=None if measured is None else f"{measured:.2f}",
        met=None if measured is None else measured >= target,
        stretch_met=None if measured is None else measured >= stretch,
    )


def _at_most(what: str, measured: float | None, target: float, stretch: float | None = None) -> Judged:
    return Judged(
        text=f"{what} ≤ {target:g}" + (f" (stretch {stretch:g})" if stretch is not None else ""),
        measured=None if measured is None else f"{measured:.2f}",
        met=None if measured is None else measured <= target,
        stretch_met=None if measured is None or stretch is None else measured <= stretch,
    )


def _accurate(
    results: Results, row: str, quantile: str, *, relative: float, absolute_ms: float = 0.0
) -> Judged:
    """The error's size counts, so a round too high does not make up for one too low."""
    off_ms = results.median_size("accuracy", row, f"{quantile}_error")
    share = results.median_size("accuracy", row, f"{quantile}_relative_error")
    allowed = f"{relative:.0%}" + (f" or {absolute_ms:g} ms" if absolute_ms else "")
    name = "p50" if quantile == "median_ms" else quantile.removesuffix("_ms")
    measured = None if share is None or off_ms is None else f"{share:.1%}, {off_ms:.2f} ms"
    met = None if share is None or off_ms is None else share <= relative or off_ms <= absolute_ms
    return Judged(text=f"error of {name}, {row} ≤ {allowed}", measured=measured, met=met)


def _first_token(error_ms: float | None) -> Judged:
    return Judged(
        text="first token within 3 ms",
        measured=None if error_ms is None else f"{error_ms:+.2f} ms",
        met=None if error_ms is None else abs(error_ms) <= 3,
    )


def _memory(peak_mb: float | None, users: str, target_mb: float) -> Judged:
    return Judged(
        text=f"peak memory, {users} ≤ {target_mb:g} MB",
        measured=None if peak_mb is None else f"{peak_mb:.0f} MB",
        met=None if peak_mb is None else peak_mb <= target_mb,
    )
