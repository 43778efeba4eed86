"""What years with a known truth came to, as Markdown tables. Computes nothing but what is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping

from benchmarks.verdicts import bounds
from benchmarks.verdicts.drawn import (
    BETWEEN_SD,
    COMMITS,
    DRIFT,
    IMPROVEMENTS,
    PASSING_SD,
    QUIET_SD,
    SD,
    STEPS,
    Kind,
)
from benchmarks.verdicts.rates import Rate
from benchmarks.verdicts.table import markdown
from benchmarks.verdicts.year import QUARTERS, WITHIN, Tally
from govbench.results.comparison import Verdict

_SAID = (
    "kind of year",
    "years",
    "false alarms per 100 commits",
    "of these again for a change / of errors alone",
    "`pass` where still",
    "pass",
    "inconclusive",
    "with a suspect",
    "improvement",
    "red days a year: for a change, for nothing",
)


def years(tallies: Mapping[Kind, Tally]) -> str:
    """All tables: what is said, of which steps, and of drift."""
    return "\n\n".join((_said(tallies), _steps(tallies), _anchors(tallies)))


def passes() -> str:
    """How much can pass at most, by the noise of a run and the number of stored ones; nothing is drawn."""
    noises = (QUIET_SD, PASSING_SD, BETWEEN_SD, SD)
    rows = [
        [f"{100 * sd:g} %", *(f"{100 * bounds.most_passes(sd, runs):.1f} %" for runs in (12, 30, math.inf))]
        for sd in noises
    ]
    heads = ("noise of a run", "most that passes: 12 stored runs", "30 stored runs", "any number")
    return markdown(heads, rows)


def _said(tallies: Mapping[Kind, Tally]) -> str:
    rows = [
        [
            kind.name,
            str(tally.years),
            "–" if kind.drifts else _per_100(tally.false_alarm_rate),
            "–" if kind.drifts else f"{_share(tally.repeated, tally)} / {_share(tally.of_errors, tally)}",
            "–" if tally.pass_rate is None else str(tally.pass_rate),
            f"{100 * tally.share(Verdict.PASS).value:.1f} %",
            f"{100 * tally.share(Verdict.INCONCLUSIVE).value:.1f} %",
            f"{100 * tally.suspects / tally.commits:.1f} %",
            f"{100 * tally.share(Verdict.IMPROVEMENT).value:.1f} %",
            f"{tally.red_true / tally.years:.1f}, {tally.red_false / tally.years:.1f}",
        ]
        for kind, tally in tallies.items()
    ]
    return markdown(_SAID, rows)


def _share(alarms: int, tally: Tally) -> str:
    return f"{100 * alarms / tally.commits:.2f}"


def _steps(tallies: Mapping[Kind, Tally]) -> str:
    rows = []
    for kind, tally in tallies.items():
        for step in (step for step in STEPS if tally.steps[step]):
            rates = [*(tally.found_within(step, each) for each in WITHIN), tally.absorbed_rate(step)]
            name = f"+{step:.0%}".replace("%", " %")
            rows.append([f"{name}, {kind.name}", str(tally.steps[step]), *map(str, rates), "–"])
        for size in (size for size in dict.fromkeys(IMPROVEMENTS) if tally.improvements[size]):
            called = Rate(hits=tally.improved[size], n=tally.improvements[size])
            name = f"+{size:.0%} undone".replace("%", " %")
            blank = ["–"] * (len(WITHIN) + 1)
            rows.append([f"{name}, {kind.name}", str(tally.improvements[size]), *blank, str(called)])
        if tally.outages:
            red = Rate(hits=tally.outages_red, n=tally.outages)
            blank = ["–"] * (len(WITHIN) + 1)
            rows.append([f"outage, {kind.name}", str(tally.outages), str(red), *blank])
    heads = [f"red within {each}" for each in WITHIN]
    return markdown(("change", "n", *heads, "absorbed", f"improvement within {WITHIN[1]}"), rows)


def _anchors(tallies: Mapping[Kind, Tally]) -> str:
    rows = []
    for kind, tally in tallies.items():
        if kind.changes:  # whose level has moved, on purpose or not
            continue
        told = [
            Rate(hits=tally.beyond_anchor[quarter], n=tally.after_release[quarter])
            for quarter in range(QUARTERS)
        ]
        by = [_at(tally.told_by(share)) for share in (0.5, 0.9)]
        rows.append([kind.name, *map(str, told), " / ".join(by), f"{len(tally.first_red)} of {tally.years}"])
    heads = [f"told in quarter {quarter + 1}" for quarter in range(QUARTERS)]
    return markdown(("beyond the anchor", *heads, "first twice in a row, median / 90 %", "any red"), rows)


def _at(commit: int | None) -> str:
    return (
        "never"
        if commit is None
        else f"commit {commit} (true drift +{_drifted(commit):.0%})".replace("%", " %")
    )


def _drifted(commit: int) -> float:
    return math.expm1(math.log1p(DRIFT) * commit / COMMITS)


def _per_100(rate: Rate) -> str:
    low, value, high = (f"{100 * each:.2f}" for each in (rate.low, rate.value, rate.high))
    return f"{value} [{low}, {high}]"
