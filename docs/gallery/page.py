"""Lays out the runs of the gallery in every way, and the page that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from docs.gallery.pictures import COMMENT_LOOK, DESK, PAGE, comment_page, draw
from docs.gallery.stories import STORIES, Story
from govbench.compare.conclude import conclude_results
from govbench.report.build import Place, document_of
from govbench.report.document import Document
from govbench.report.layouts import html, markdown, terminal
from govbench.results import codec

WIDTHS = (40, 80, 120)
TWO = "two-suites"
LOOKS = {"light": "Page, 1280 px", "dark": "The same, dark", "375": "Page, 375 px", "print": "On paper"}
INTRODUCTION = """Every report here is of a real run, of the embedded API on loopback. All of it is made by
`python docs/gallery/make.py`; what the sentences mean is in [reports](../reports.md)."""
PLACE = Place(folder="results/latest", page="results/latest/report.html")


def write_story(story: Story, results: Path, to: Path) -> None:
    """The page, the comment and the terminal of one run, as pictures and as text."""
    made = _document(results)
    page = html.render(made)
    further = (replace(DESK, name="section", section=story.section),) if story.section else ()
    for look in (*PAGE, *further):
        draw(page, look, to / f"{story.key}-{look.name}.png")
    _write_comment([made], story.key, to)
    for width in WIDTHS:
        text = terminal.render(made, width=width, color=False)
        (to / f"{story.key}-{width}.txt").write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def write_two_suites(results: Sequence[Path], to: Path) -> None:
    """One comment for two suites, within what a comment may hold."""
    _write_comment([_document(path) for path in results], TWO, to)


def _document(results: Path) -> Document:
    found = codec.read(results)
    return document_of(found, conclude_results(found), PLACE)


def _write_comment(documents: Sequence[Document], key: str, to: Path) -> None:
    text = markdown.render(documents, budget_bytes=markdown.COMMENT_BYTES)
    draw(comment_page(text), COMMENT_LOOK, to / f"{key}-comment.png")


def gallery_page(folder: Path) -> str:
    """The page in Markdown; the text of the terminal stands in it, all else is linked."""
    parts = [
        "# Gallery of reports",
        INTRODUCTION,
        *(_story(story, folder) for story in STORIES),
        "## Two suites in one comment",
        "Each suite has its line at the top; where a comment gets too long, all of them give up the same.",
        f"![Two suites in one comment]({TWO}-comment.png)",
    ]
    return "\n\n".join(parts) + "\n"


def _story(story: Story, folder: Path) -> str:
    shown = "\n".join(f"govbench {' '.join(command)}" for command in story.commands)
    text = (folder / f"{story.key}-80.txt").read_text(encoding="utf-8").rstrip("\n")
    picture = {name: f"![{title}]({story.key}-{name}.png)" for name, title in LOOKS.items()}
    section = f"![Further down the page]({story.key}-section.png)" if story.section else ""
    others = " and ".join(f"[{width}]({story.key}-{width}.txt)" for width in WIDTHS if width != 80)
    return "\n\n".join(
        part
        for part in (
            f"## {story.title}",
            story.says,
            f"```sh\n{shown}\n```",
            "| Light | Dark |\n|---|---|\n" + f"| {picture['light']} | {picture['dark']} |",
            "| Telephone | Paper |\n|---|---|\n" + f"| {picture['375']} | {picture['print']} |",
            section,
            f"![Comment]({story.key}-comment.png)",
            f"<details><summary>Terminal, 80 columns</summary>\n\n```text\n{text}\n```\n\n</details>",
            f"The same at {others} columns.",
        )
        if part
    )
