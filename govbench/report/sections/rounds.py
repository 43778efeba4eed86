"""The rounds of a paired comparison, as a line of blocks for each metric and as a table."""

from __future__ import annotations

from govbench.report import rounds as course
from govbench.report.document import Section, Table, Text
from govbench.report.sections.tables import table, text
from govbench.results.comparison import Results


def rounds(results: Results) -> Section | None:
    """A row for each round; before them a line of blocks for each metric."""
    if not results.summary.rounds:
        return None
    found = course.table(results)
    heads, rows = found.head, found.rows
    blocks: tuple[Text | Table, ...] = (
        *(text(line) for line in course.lines(results)),
        table(
            heads,
            rows,
            right=range(2, len(heads) - 1),
            priority={1: 3, 2: 4, len(heads) - 1: 2, 3: 1},
            caption="Changes as each round shows them alone; control: each side against itself.",
        ),
    )
    return Section(key="rounds", title="Rounds", rank=5, blocks=blocks, folded=True)
