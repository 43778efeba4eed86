"""Words of a report as text that holds nothing but words, whatever came into them. Escapes nothing."""

from __future__ import annotations

from govbench.report.format import GROUP_SEPARATOR, one_line


def printable(text: str) -> str:
    """One line without control characters; blanks and the separators of grouped digits stay as they are."""
    # That is: neither control characters nor blanks but the common one, nor what a CI job would obey.
    if text.isprintable() and "::" not in text and "##" not in text:
        return text
    return GROUP_SEPARATOR.join(
        " ".join(one_line(word) for word in part.split(" ")) for part in text.split(GROUP_SEPARATOR)
    )


def before_note(note: str) -> str:
    """What stands between a cell and its note on one line: nothing but a blank before brackets."""
    return " " if note.startswith(("[", "(")) else ", "


def printable_lines(text: str) -> list[str]:
    """Output of a program, line by line; tabs become blanks."""
    return [printable(line.expandtabs(4)).rstrip() for line in text.splitlines()]
