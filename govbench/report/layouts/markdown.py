"""Reports in GitHub's Markdown, for a comment or a job summary: several suites within one budget of bytes.

Where not all fits, the sections of the highest rank go first, each in every suite before any of the next;
what is left out is named, and where it is. Posts nothing, and decides nothing else, see ``document.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from govbench.report.document import Block, Chart, Document, Remark, Section, Tone
from govbench.report.layouts.github import (
    Limits,
    block_text,
    chart_text,
    escape,
    link,
    paragraph,
    path_or_link,
    pipe_table,
    whereabouts,
    words,
)

SUMMARY_BYTES = 1_048_576  # what GitHub shows of a job summary
COMMENT_BYTES = 64_512  # of the 65,536 of a comment, what is left beside the marks of whoever posts it
LEAST_BYTES = 1_000
_ROWS = (50, 20, 10, 5, 3, 1)
_TEXTS = (400, 160, 80)
_BARE = (160, 60)
_EMOJI = {Tone.WARN: "⚠️", Tone.BAD: "⚠️"}
_UNTOLD = ("facts", "charts", "the rest of long sentences")
_SEPARATOR = " · "


def render(documents: Sequence[Document], *, budget_bytes: int = SUMMARY_BYTES) -> str:
    """The reports below each other, ``budget_bytes`` in UTF-8 at most for all of them together.

    Raises:
        ValueError: a budget below ``LEAST_BYTES``, which holds nothing that could be understood.
    """
    if budget_bytes < LEAST_BYTES:
        raise ValueError(f"a budget of {budget_bytes} bytes: at least {LEAST_BYTES} are needed")
    for limits in _limits(documents):
        text = _page(documents, limits)
        if len(text.encode()) <= budget_bytes:
            return text
    return f"Not even a line for each of {len(documents)} reports fits into {budget_bytes} bytes.\n"


def _limits(documents: Sequence[Document]) -> Iterator[Limits]:
    """From everything to less and less: ranks, then rows, then words."""
    order = _drops(documents)
    yield from (Limits(dropped=frozenset(order[:number])) for number in range(len(order) + 1))
    dropped = frozenset(order)
    yield Limits(dropped=dropped, keep=True)
    yield from (Limits(dropped=dropped, keep=True, rows=rows) for rows in _ROWS)
    yield from (Limits(dropped=dropped, keep=True, rows=0, text=text) for text in _TEXTS)
    yield from (Limits(dropped=dropped, rows=0, text=text, bare=True) for text in _BARE)


def _drops(documents: Sequence[Document]) -> list[tuple[int, str]]:
    """Ranks and keys of sections as they go: the highest rank first, of one rank the last; rank 0 stays."""
    found = [(s.rank, s.key) for document in documents for s in document.sections if s.rank > 0]
    from_the_last = list(dict.fromkeys(found))[::-1]
    return sorted(from_the_last, key=lambda drop: -drop[0])


def _page(documents: Sequence[Document], limits: Limits) -> str:
    parts = [_suites(documents, limits)] if len(documents) > 1 else []
    if not limits.bare or len(documents) == 1:
        parts += [_report(document, limits) for document in documents]
    else:
        parts.append("All else is left out for length.")
    return "\n\n".join(parts) + "\n"


def _suites(documents: Sequence[Document], limits: Limits) -> str:
    """One line for each suite, which leads to its report."""
    rows = [
        (d.mark.emoji, link(limits.cut(d.suite), _first_file(d)), escape(limits.cut(d.headline)))
        for d in documents
    ]
    return pipe_table(("", "suite", "in short"), rows, right=(False, False, False))


def _report(document: Document, limits: Limits) -> str:
    headline = f"### {document.mark.emoji} {escape(limits.cut(document.headline))}"
    if limits.bare:
        return f"{headline}\n\n{_left_out(['all else'], document)}"
    sections = [section for section in document.sections if not section.pages_only]
    kept = [section for section in sections if (section.rank, section.key) not in limits.dropped]
    lost = [
        s.title for s in sections if (s.rank, s.key) in limits.dropped and _body(s, _chart([s]), Limits())
    ]
    chart = _chart(kept)
    loud = [remark for remark in document.remarks if remark.tone is not Tone.INFO]
    quiet = [remark for remark in document.remarks if remark.tone is Tone.INFO]
    parts = [
        headline,
        paragraph(limits.cut(_SEPARATOR.join(document.tallies))),
        "" if limits.text else _facts(document),
        *(_section(section, chart, limits) for section in kept if not section.folded),
        _remarks(loud, limits),
        _notes(quiet, limits),
        *(_section(section, chart, limits) for section in kept if section.folded),
        _left_out([*lost, *_UNTOLD] if limits.text else lost, document),
        *_closing(document, limits),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(document: Document) -> str:
    return paragraph(_SEPARATOR.join(f"{name}: {value}" for name, value in document.facts))


def _chart(sections: Sequence[Section]) -> Chart | None:
    """The chart that is drawn: the first that can be. One is enough to see, and more take a while to draw."""
    charts = (block for section in sections for block in section.blocks if isinstance(block, Chart))
    return next((chart for chart in charts if chart.mermaid), None)


def _section(section: Section, chart: Chart | None, limits: Limits) -> str:
    body = _body(section, chart, limits)
    if not body:
        return ""
    if section.folded:
        return f"<details><summary>{escape(section.title)}</summary>\n\n{body}\n\n</details>"
    return f"#### {escape(section.title)}\n\n{body}"


def _body(section: Section, chart: Chart | None, limits: Limits) -> str:
    return "\n\n".join(text for block in section.blocks if (text := _block(block, chart, limits)))


def _block(block: Block, chart: Chart | None, limits: Limits) -> str:
    if block is chart and isinstance(block, Chart):
        return "" if limits.text else chart_text(block)
    return block_text(block, limits)


def _notes(remarks: Sequence[Remark], limits: Limits) -> str:
    """What is worth knowing and changes nothing, folded."""
    if not remarks:
        return ""
    title = f"{len(remarks)} {'note' if len(remarks) == 1 else 'notes'}"
    return f"<details><summary>{title}</summary>\n\n{_remarks(remarks, limits)}\n\n</details>"


def _remarks(remarks: Sequence[Remark], limits: Limits) -> str:
    """What a reader should know, as one quotation."""
    lines = [f"> {_EMOJI.get(remark.tone, 'ℹ️')} {escape(limits.cut(remark.text))}" for remark in remarks]
    shown = limits.shown(len(lines)) if limits.text else len(lines)
    rest = len(lines) - shown
    said = [f"> {rest} {'remark' if rest == 1 else 'remarks'} left out for length"] if rest else []
    return "\n>\n".join([*lines[:shown], *said])


def _left_out(names: Sequence[str], document: Document) -> str:
    """What is not shown, and where it is."""
    if not names:
        return ""
    files = document.closing.files
    where = whereabouts(*files[0]) if files else "the HTML report"
    return f"Left out for length: {'; '.join(map(escape, names))}. All of it: {where}."


def _first_file(document: Document) -> str:
    return document.closing.files[0][1] if document.closing.files else ""


def _closing(document: Document, limits: Limits) -> list[str]:
    closing = document.closing
    files = _SEPARATOR.join(path_or_link(name, path) for name, path in closing.files)
    return [*(words(text.spans, limits) for text in closing.advice), files]
