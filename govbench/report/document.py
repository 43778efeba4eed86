"""What a report says, before it is laid out: a headline, tallies, sections of blocks, cases. Decides nothing.

``build.py`` makes one of ``Results``; ``terminal.py``, ``markdown.py``, ``html.py`` and ``junit.py`` lay it
out. A layout chooses how much of it is shown and how it looks; it asks nothing of the results and decides
nothing: not which row counts, nor what it is called, nor in which order. All texts are plain, one line each
and without control characters; a layout escapes them as its language asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from govbench.errors import ExitCode
from govbench.results.conclusion import Weight


class Tone(StrEnum):
    """What a text says of itself, beside its words: never the only thing that tells two texts apart."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    INFO = "info"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A verdict or a state: its words, a symbol one column wide, an emoji for where there is no colour."""

    label: str
    symbol: str
    emoji: str
    tone: Tone


class SpanKind(StrEnum):
    """How a stretch of a text is meant."""

    PLAIN = "plain"
    STRONG = "strong"
    CODE = "code"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text; of a link, ``url`` is where it leads."""

    text: str
    kind: SpanKind = SpanKind.PLAIN
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A paragraph."""

    spans: tuple[Span, ...]
    tone: Tone = Tone.PLAIN

    @property
    def plain(self) -> str:
        """Its words alone; of a link those that it is shown by."""
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list; numbered where its order says something."""

    items: tuple[Text, ...]
    numbered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a table: its text, and a smaller text below or beside it."""

    text: str
    note: str = ""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: where room is short, those with the highest ``priority`` go first; 0 always stays."""

    head: str
    right: bool = False
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells. ``keep`` is how many of them say the most, for where there is room for no more."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    keep: int | None = None

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("every row of a table needs one cell per column")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValues:
    """Names with what belongs to them."""

    pairs: tuple[tuple[str, str], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A change with its interval and the margin around none, as ratios (0.05 is +5 %); for drawing.

    ``difference``: of two shares, in points. ``scale`` is up to where the drawing reaches, to both sides.
    """

    estimate: float
    low: float
    high: float
    margin: tuple[float, float] | None
    scale: float
    difference: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """One metric that was judged: what it is called, from what to what, and what is said of it."""

    mark: Mark
    metric: str
    scope: str
    gated: bool
    base: Cell
    head: Cell
    change: Cell  # its note is the interval
    n: str
    margin: str
    reason: str
    interval: Interval | None = None

    @property
    def stands(self) -> str:
        """Whether it can fail a job, in a word."""
        return "gated" if self.gated else "advisory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Judged metrics, as they are read. ``level`` is the confidence of all intervals, where it is one."""

    rows: tuple[FindingRow, ...]
    level: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing, and its values as a table.

    ``svg`` is for pages, ``lines`` are for terminals, ``mermaid`` is for GitHub; what is not drawn is empty.
    """

    key: str
    title: str
    caption: str
    svg: str = ""
    lines: tuple[str, ...] = ()
    mermaid: str = ""
    table: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Output of a program, as it is; ``truncated`` says that its beginning is left out."""

    text: str
    truncated: bool = False


Block = Text | Items | Table | KeyValues | Findings | Chart | Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the report.

    Where there is not room for all, the highest ``rank`` goes first; rank 0 always stays. What is ``folded``
    opens on demand where that is possible, and is left out of a terminal unless everything was asked for.
    ``pages_only`` is for what needs a page: it stands in no comment and in no terminal.
    """

    key: str
    title: str
    rank: int
    blocks: tuple[Block, ...]
    folded: bool = False
    pages_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One of the four figures that are looked for first: ``value`` is that of head, ``was`` that of base."""

    label: str
    value: str
    was: str = ""
    change: str = ""
    note: str = ""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What a reader should know besides: a warning of the run or a note of the comparison."""

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case for systems that show tests. ``kind`` is the word for what failed."""

    name: str
    classname: str
    weight: Weight
    message: str
    kind: str
    text: str = ""
    errors: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What the reader is told last: what to do now, what the command ends with, and where the files are."""

    advice: tuple[Text, ...]
    exit_code: ExitCode
    exit_text: str
    files: tuple[tuple[str, str], ...] = ()  # what it is, and its path or address


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report. ``brief`` are lines for whoever wants no more: what gates, and amiss bounds."""

    suite: str
    run_id: str
    started_at: str
    govbench_version: str
    mark: Mark
    headline: str
    tallies: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    tiles: tuple[Tile, ...]
    remarks: tuple[Remark, ...]
    sections: tuple[Section, ...]
    closing: Closing
    cases: tuple[Case, ...]
    brief: tuple[tuple[Mark, str], ...] = ()
    properties: tuple[tuple[str, str], ...] = ()
