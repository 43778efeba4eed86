"""Results as Markdown tables, which are also what the terminal shows. Computes nothing but what is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from benchmarks.verdicts.bounds import Judged
from benchmarks.verdicts.histories import STEPS, WITHIN, Count
from benchmarks.verdicts.simulated import Tally
from govbench.results.comparison import Verdict

_HEAD = (
    "simulated comparison",
    "regression",
    "a metric improved",
    "pass",
    "inconclusive",
    "invalid",
    "p95 regression",
)
_COURSE = (
    "simulated comparison",
    "99 % interval covers",
    "that of all rounds",
    "unconfirmed",
    "any look flags",
    "one look at the end",
    "rounds, median / p90",
    "load, median / p90",
)


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A pipe table whose cells stay as they are."""
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


def simulated(tallies: Sequence[Tally]) -> str:
    """Both tables of the simulated comparisons: what they came to, and how they got there."""
    runs = len(tallies[0].outcomes)
    return (
        f"{runs} comparisons each, with exact 95 % intervals.\n\n"
        f"{markdown(_HEAD, [_verdicts(tally) for tally in tallies])}\n\n"
        f"{markdown(_COURSE, [_course(tally) for tally in tallies])}"
    )


def brief(tally: Tally) -> str:
    """A scenario in a line, while the others are still under way."""
    shown = {
        "regression": tally.share(Verdict.REGRESSION),
        "pass": tally.share(Verdict.PASS),
        "p95 regression": tally.tail_regressed,
        "covers": tally.covered,
    }
    rates = ", ".join(f"{name} {rate}" for name, rate in shown.items() if rate is not None)
    return f"{tally.scenario.name}: {rates}, load {tally.load_s(0.5):.1f} / {tally.load_s(0.9):.1f} s"


def _verdicts(tally: Tally) -> list[str]:
    rates = (
        tally.share(Verdict.REGRESSION),
        tally.improved,
        *(tally.share(each) for each in (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.INVALID)),
        tally.tail_regressed,
    )
    return [tally.scenario.name, *(str(rate) for rate in rates)]


def _course(tally: Tally) -> list[str]:
    return [
        tally.scenario.name,
        *("–" if rate is None else str(rate) for rate in (tally.covered, tally.covered_by_all)),
        str(tally.unconfirmed),
        str(tally.looks_flagged),
        str(tally.one_look_flagged) if tally.scenario.is_null else "–",
        f"{tally.rounds(0.5):.0f} / {tally.rounds(0.9):.0f}",
        f"{tally.load_s(0.5):.1f} / {tally.load_s(0.9):.1f} s",
    ]


def bounds(judged: Sequence[Judged]) -> str:
    """Bound, measured, met or missed."""
    rows = [(each.text, each.measured, "met" if each.met else "missed") for each in judged]
    return markdown(("bound", "measured", ""), rows)


def as_json(tallies: Sequence[Tally], judged: Sequence[Judged]) -> dict[str, Any]:
    """The document that ``--json`` writes: counts of each scenario, and the bounds."""
    return {
        "scenarios": [
            {
                "scenario": asdict(tally.scenario),
                "runs": len(tally.outcomes),
                "verdicts": {verdict.value: tally.share(verdict).hits for verdict in Verdict},
                "covered": None if tally.covered is None else tally.covered.hits,
                "covered_by_all": None if tally.covered_by_all is None else tally.covered_by_all.hits,
                "improved": tally.improved.hits,
                "unconfirmed": tally.unconfirmed.hits,
                "looks_flagged": tally.looks_flagged.hits,
                "one_look_flagged": tally.one_look_flagged.hits if tally.scenario.is_null else None,
                "p95_regressions": tally.tail_regressed.hits,
                "rounds": {"median": tally.rounds(0.5), "p90": tally.rounds(0.9)},
                "load_s": {"median": tally.load_s(0.5), "p90": tally.load_s(0.9)},
            }
            for tally in tallies
        ],
        "bounds": [asdict(each) for each in judged],
    }


_HISTORIES = (
    "second measurement",
    "commits",
    "false alarms per 100",
    "lasting slowdowns found",
    "+10 %: within 1 / 3 / 5 / 12, absorbed",
    "+20 %",
    "+50 %",
    "pass where still",
    "regression / inconclusive",
)


def histories(counts: Mapping[str, Count], seeds: int) -> str:
    """What replayed histories came to, by the way in which second measurements are drawn."""
    rows = [
        [
            mode,
            str(count.commits // seeds),
            f"{count.false_per_100:.2f}",
            f"{count.recall:.0%} of {count.slowdowns // seeds}",
            *(_step(count, step) for step in STEPS),
            f"{count.pass_share:.1%}",
            " / ".join(
                f"{count.verdicts[verdict.value] / max(1, count.commits):.1%}"
                for verdict in (Verdict.REGRESSION, Verdict.INCONCLUSIVE)
            ),
        ]
        for mode, count in counts.items()
    ]
    return markdown(_HISTORIES, rows)


def _step(count: Count, step: float) -> str:
    shares = " / ".join(f"{100 * count.found_within(step, commits):.0f}" for commits in WITHIN)
    return f"{shares} %, {100 * count.absorbed_share(step):.1f} %"
