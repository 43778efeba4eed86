"""A calibration as text: what it rests on, and noise and detectable change by metric. Reads no file."""

from __future__ import annotations

from tabulate import tabulate

from govbench.report import format as fmt
from govbench.results.calibration import Calibration, Noise

_PROBABLY = "with 80 % probability"


def details(made: Calibration) -> str:
    """What was measured, and one line per metric; ``-`` where too few rounds fit into a time."""
    budgets = sorted({each.max_time_s for each in made.detectable})
    headers = ("test type", "metric", "instances", "runs", "round error", *map(_in_time, budgets))
    found = {(each.test_type, each.metric, each.max_time_s): each.mde for each in made.detectable}
    rows = [
        (
            fmt.test_type_label(noise.test_type),
            fmt.metric_label(noise.metric),
            *_deviations(noise),
            *(_share(found.get((noise.test_type, noise.metric, budget))) for budget in budgets),
        )
        for noise in made.noises
    ]
    right = ("left", "left", *["right"] * (len(headers) - 2))
    grid = tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True, colalign=right)
    each = f"{fmt.duration_s(made.round_load_s)} of load and {fmt.duration_s(made.round_time_s)} in all each"
    of_same = "standard deviation of the ratio of two instances, and of two runs, of the same code"
    lines = [
        f"calibrated {made.calibrated_at} with govbench {made.govbench_version}",
        f"machine    {made.machine_class}",
        f"suite      {made.suite} {made.suite_version}, target {made.target}",
        f"rounds     {made.rounds}, {each}",
        "",
        grid,
        "",
        f"instances, runs: {of_same}",
        *_reading(budgets),
    ]
    return "\n".join(lines)


def _reading(budgets: list[float]) -> tuple[str, ...]:
    said = f"the smallest change that govbench ab finds in that time, boots included, {_PROBABLY}"
    return (f"{_in_time(budgets[0])} and so on: {said}",) if budgets else ()


def _deviations(noise: Noise) -> tuple[str, str, str]:
    return _share(noise.instance_sd), _share(noise.between_run_sd), _share(noise.round_se)


def _in_time(budget_s: float) -> str:
    return f"in {budget_s:.0f} s" if budget_s < 120 else f"in {budget_s / 60:.0f} min"


def _share(amount: float | None) -> str:
    return "-" if amount is None else fmt.percent(amount)
