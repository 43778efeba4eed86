"""What charts share."""

from __future__ import annotations

import pytest

from govbench.report.figures import ChartTable


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="one cell per header"):
        ChartTable(head=("a", "b"), rows=(("1",),))
