"""How the gated metrics of a paired comparison stood after each round, for reports to draw."""

from __future__ import annotations

from collections.abc import Sequence

from govbench.compare.rounds import Judging, effect_over, observations
from govbench.compare.verdict import change_of
from govbench.results.comparison import Change, Course, Finding, Standing
from govbench.results.rounds import Round


def courses_of(findings: Sequence[Finding], rounds: Sequence[Round], judging: Judging) -> tuple[Course, ...]:
    """The course of every gated finding at the level that it names, with intervals at the configured one."""

    def change(seen: Sequence[Round], f: Finding) -> Change | None:
        of_metric = observations(seen, f.test_type, f.metric, f.level)
        effect = effect_over(of_metric, judging, judging.config.level)
        return None if effect is None else change_of(effect)

    return tuple(
        Course(
            test_type=f.test_type,
            metric=f.metric,
            level=f.level,
            standings=tuple(
                Standing(
                    alone=change(rounds[at : at + 1], f),
                    so_far=change(rounds[: at + 1], f),
                )
                for at in range(len(rounds))
            ),
        )
        for f in findings
        if f.gated
    )
