"""The gallery of reports is whole, and small enough for a repository."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from docs.gallery.stories import Story

GALLERY = Path(__file__).parent.parent / "docs" / "gallery"
# The folder of a script, which is not installed.
STORIES: tuple[Story, ...] = runpy.run_path(str(GALLERY / "stories.py"))["STORIES"]
LOOKS = ("light", "dark", "375", "print", "comment")
WIDTHS = (40, 80, 120)
ALL_BYTES, PICTURE_BYTES = 3_000_000, 200_000


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.key)
def test_a_story_is_shown_in_every_layout(story: Story) -> None:
    text = (GALLERY / "README.md").read_text(encoding="utf-8")
    assert f"## {story.title}\n" in text
    for look in (*LOOKS, *(["section"] if story.section else [])):
        assert f"]({story.key}-{look}.png)" in text
        assert (GALLERY / f"{story.key}-{look}.png").is_file()
    for command in story.commands:
        assert f"govbench {' '.join(command)}\n" in text


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.key)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_terminals_of_the_gallery_are_as_wide_as_they_say(story: Story, width: int) -> None:
    lines = (GALLERY / f"{story.key}-{width}.txt").read_text(encoding="utf-8").splitlines()
    assert lines
    assert max(map(len, lines)) <= width


def test_pictures_are_small_and_all_of_them_are_shown() -> None:
    pictures = sorted(GALLERY.glob("*.png"))
    text = (GALLERY / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in pictures if f"]({path.name})" not in text] == []
    assert max(path.stat().st_size for path in pictures) <= PICTURE_BYTES
    assert sum(path.stat().st_size for path in pictures) <= ALL_BYTES


def test_nothing_of_the_machine_that_made_it_is_shown() -> None:
    for path in (*GALLERY.glob("*.txt"), GALLERY / "README.md"):
        assert not re.search(r"(?<![\w.:/])/(tmp|root|home|Users)/", path.read_text(encoding="utf-8")), path
