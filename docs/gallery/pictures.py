"""Pictures of pages by a headless Chromium: light and dark, on a desk, a telephone and paper."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from PIL import Image

COLOURS = 128
LARGEST = 200_000  # bytes of a picture
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage")
COMMENT = Path(__file__).with_name("comment.css")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a page is looked at: a name, and how many pixels of it are shown."""

    name: str
    width: int
    height: int
    dark: bool = False
    paper: bool = False
    section: str = ""  # what is scrolled to; the top where it is empty


DESK = Look(name="light", width=1280, height=1000)
DARK = Look(name="dark", width=1280, height=1000, dark=True)
TELEPHONE = Look(name="375", width=375, height=1400)
PAPER = Look(name="print", width=718, height=1015, paper=True)  # A4 between its margins
PAGE = (DESK, DARK, TELEPHONE, PAPER)
COMMENT_LOOK = Look(name="comment", width=900, height=1000)


def draw(page: str, look: Look, to: Path) -> None:
    """Write a picture of the page to a PNG file of few colours."""
    with tempfile.TemporaryDirectory(prefix="govbench-gallery-") as name:
        folder = Path(name)
        framed = folder / "page.html"
        framed.write_text(_framed(page, look), encoding="utf-8")
        shot = folder / "shot.png"
        size = f"--window-size={max(look.width, 500)},{look.height}"
        command = [_browser(), *FLAGS, size, f"--user-data-dir={folder / 'profile'}", f"--screenshot={shot}"]
        subprocess.run([*command, framed.as_uri()], check=True, capture_output=True, timeout=60)
        with Image.open(shot) as whole:
            seen = whole.convert("RGB").crop((0, 0, look.width, look.height))
            seen.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE).save(
                to, optimize=True
            )
    if to.stat().st_size > LARGEST:
        raise SystemExit(f"{to.name}: {to.stat().st_size} bytes, more than {LARGEST}")


def comment_page(markdown: str) -> str:
    """About what GitHub makes of a comment; a mermaid chart is shown as its source."""
    body = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)
    return f"<!doctype html><meta charset=utf-8><style>{COMMENT.read_text(encoding='utf-8')}</style>{body}"


def _framed(page: str, look: Look) -> str:
    """The page in a frame of the width wanted: a browser's window is not as narrow as a telephone."""
    if look.dark:
        page = page.replace("(prefers-color-scheme: dark)", "all")
    if look.paper:
        page = re.sub(r"@media screen and \([^)]*\)", "@media not all", page).replace(
            "@media print", "@media all"
        )
    frame = f"border: 0; display: block; width: {look.width}px; height: {look.height}px"
    scrolled = f"onload=\"contentWindow.location.hash = '{look.section}'\"" if look.section else ""
    return (
        '<!doctype html><body style="margin: 0">'
        f'<iframe style="{frame}" scrolling="no" {scrolled} srcdoc="{html.escape(page)}"></iframe>'
    )


def _browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SystemExit("a headless Chromium is needed")
    return found
