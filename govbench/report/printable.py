"""Names of others as text that can be shown anywhere. Escapes nothing: that is a format's own business."""

from __future__ import annotations

import unicodedata

from govbench.results.plain import without_commands


def one_line(text: str) -> str:
    """A name as one line of printable text: white space becomes a blank, control characters go.

    Names come from URLs, configuration and pull requests; left as they are they could move the cursor of
    a terminal, reverse the direction of the text after them, break a table or command a CI job.
    """
    kept = "".join(" " if char.isspace() else char for char in text)
    kept = "".join(char for char in kept if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    return without_commands(" ".join(kept.split()))
