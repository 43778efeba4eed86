"""The runs of the gallery: what each shows, and the commands that measure it. Runs nothing."""

from __future__ import annotations

from dataclasses import dataclass

USERS = "users.py"
SUITE = 'suite = "chat"\n'
SHORT = ("--max-users", "25", "--test-duration", "4s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Commands of govbench in an empty repository; the last one leaves what is shown at ``results``."""

    key: str
    title: str
    says: str
    commands: tuple[tuple[str, ...], ...]
    config: str = SUITE
    results: str = "results/latest"
    section: str = ""  # of the page, which has a picture of its own


RUN = ("run", "embedded", *SHORT)
STORE = ("baseline", "update", "--commit")

STORIES = (
    Story(
        key="first-run",
        title="A first run",
        says="Nothing is stored yet: what was measured, and how to keep it.",
        commands=(RUN,),
    ),
    Story(
        key="pass",
        title="A pass",
        says="The same code on both sides, with a margin of 25 percent, for the comparison is short.",
        commands=(("ab", "--base", "embedded", "--head", "embedded", "--max-time", "60s"),),
        config=SUITE + "[compare]\npaired_margin = 0.25\n",
    ),
    Story(
        key="regression",
        title="A regression",
        says="The service became two and a half times slower, and a second measurement shows it again.",
        commands=(RUN, STORE, ("run", "embedded:slowdown=2.5", *SHORT)),
    ),
    Story(
        key="inconclusive",
        title="Inconclusive",
        says="Four percent slower, and too little time to be sure of it.",
        commands=(("ab", "--base", "embedded", "--head", "embedded:slowdown=1.04", "--max-time", "20s"),),
    ),
    Story(
        key="invalid",
        title="Invalid",
        says="The base answers nothing but errors, so there is nothing to compare with.",
        commands=(("ab", "--base", "embedded:errors=1", "--head", "embedded", "--max-time", "20s"),),
        config=SUITE + "[load]\nmax_users = 10\ntest_duration_s = 4\n",
    ),
    Story(
        key="missed-threshold",
        title="A missed threshold",
        says="A bound of 20 ms on the 95th percentile, which is no matter of baselines.",
        commands=(RUN,),
        config=SUITE + "[thresholds.concurrent]\nresponse_time_p95_ms = 20\n",
    ),
    Story(
        key="mass-failure",
        title="Most requests fail",
        says="Nine of ten answers are errors: loud, though nobody has set a bound.",
        commands=(("run", "embedded:errors=0.9", *SHORT),),
    ),
    Story(
        key="ab",
        title="Two stacks side by side",
        says="Thirty percent slower at two levels of load, found in pairs and confirmed.",
        commands=(
            (
                "ab",
                "--base",
                "embedded",
                "--head",
                "embedded:slowdown=1.3",
                "--max-time",
                "60s",
                "--levels",
                "2,6",
            ),
        ),
        section="distributions",
    ),
    Story(
        key="endpoints",
        title="Users of one's own, five endpoints",
        says="Each request's name has figures of its own.",
        commands=((*RUN, "--test-file", USERS),),
        config='suite = "shop"\n',
        section="names",
    ),
)
