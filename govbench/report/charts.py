"""Charts as inline SVG: plain numbers in, markup out. Knows no benchmark types and chooses no data.

Colours and type sizes come from the page (classes ``s0`` … ``s5``, ``axis``, ``grid``); every series also
has its own dash and marker, so that a chart reads the same in grey.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from govbench.report.axes import Axis

WIDTH = 480.0
HEIGHT = 290.0
LEFT = 66.0
BOTTOM = 52.0
RIGHT = 18.0
END_LABEL_WIDTH = 40.0
ROW = 19.0
CHARACTER = 7.6  # room per character of a label; generous, because narrow screens enlarge the type
DASHES = ("", "7 4", "2 3", "9 3 2 3", "4 4", "12 4")
STYLES = len(DASHES)
_SHAPES = (
    "m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
    "m-4 -4h8v8h-8z",
    "m0 -5l5 9h-10z",
    "m0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
)

Point = tuple[float, float | None]
_NOT_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line: points in rising x (y None breaks it), the interval of each, and how it is drawn.

    ``style`` picks colour, dash and marker. A lone series has no legend; ``end_label`` stands beside
    the last point and replaces it too; ``hints`` are tooltips, one per point. As a ``ribbon`` the intervals
    are one shaded stretch instead of whiskers; not ``linked``, the points have no line.
    """

    label: str
    points: Sequence[Point]
    style: int = 0
    intervals: Sequence[tuple[float, float] | None] = ()
    hints: Sequence[str] = ()
    end_label: str | None = None
    marked: bool = False
    stepped: bool = False
    filled: bool = False
    ribbon: bool = False
    linked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A labelled vertical line; labels of the same ``row`` must not meet, so give each series its own."""

    x: float
    label: str
    style: int = 0
    row: int = 0
    before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A shaded stretch of the x axis, labelled at its top where there is room."""

    low: float
    high: float
    label: str = ""


def line_chart(
    *,
    key: str,
    title: str,
    description: str,
    x: Axis,
    y: Axis,
    series: Sequence[Series],
    markers: Sequence[Marker] = (),
    bands: Sequence[Band] = (),
    level_band: tuple[float, float] | None = None,
) -> str:
    """Lines over two axes. ``key`` makes the ids of the title and the description unique in the page.

    ``level_band`` is a shaded stretch of the y axis.
    """
    ended = any(one.end_label for one in series)
    legend, legend_rows = _legend(series) if len(series) > 1 and not ended else ("", 0)
    rows = legend_rows + len({marker.row for marker in markers}) + (1 if any(b.label for b in bands) else 0)
    top = 14.0 + ROW * rows
    frame = _Frame(
        x=x, y=y, left=LEFT, top=top,
        right=WIDTH - (END_LABEL_WIDTH if ended else RIGHT), bottom=HEIGHT - BOTTOM,
    )  # fmt: skip
    body = [
        *(_band(band, frame) for band in bands),
        *([] if level_band is None else [_level_band(level_band, frame)]),
        _axes(frame),
        *(_line(one, frame, shift, len(series)) for one, shift in zip(series, _shifts(series), strict=True)),
        *(_marker(marker, frame, 14.0 + ROW * (legend_rows + marker.row)) for marker in markers),
        *_end_labels(series, frame),
        legend,
    ]
    return _svg(key=key, title=title, description=description, size=(WIDTH, HEIGHT), css="chart", body=body)


def forest_row(
    *,
    key: str,
    title: str,
    description: str,
    estimate: float,
    low: float,
    high: float,
    margin: tuple[float, float] | None,
    limit: float,
    tone: str,
) -> str:
    """One interval around its estimate on a scale of ±``limit``, over the band of the margin.

    An interval that leaves the scale ends in an arrow. ``tone`` is a class that colours it. The band has
    edges as dark as the axes are, for its own shade is a quiet one.
    """
    width, height, middle = 200.0, 28.0, 14.0

    def at(value: float) -> float:
        return width / 2 + min(max(value / limit, -1.0), 1.0) * (width / 2 - 8)

    body = []
    if margin is not None:
        left, right = at(margin[0]), at(margin[1])
        body.append(f'<rect class="margin" x="{_n(left)}" y="2" width="{_n(right - left)}" height="24"/>')
        body.append(f'<path class="axis edge" d="M{_n(left)} 2v24M{_n(right)} 2v24"/>')
    body.append(f'<path class="zero" d="M{_n(width / 2)} 1V27"/>')
    body.append(f'<path class="interval" d="M{_n(at(low))} {middle}H{_n(at(high))}"/>')
    body.append(_end(at(low), middle, -1, clipped=low < -limit))
    body.append(_end(at(high), middle, 1, clipped=high > limit))
    body.append(f'<circle class="estimate" cx="{_n(at(estimate))}" cy="{middle}" r="3.5"/>')
    return _svg(
        key=key,
        title=title,
        description=description,
        size=(width, height),
        css=f"forest {tone}",
        body=body,
    )


def forest_axis(*, key: str, title: str, texts: tuple[str, str, str]) -> str:
    """The scale below a column of :func:`forest_row`: the texts for -limit, 0 and +limit."""
    width = 200.0
    body = ['<path class="axis" d="M8 1H192M8 1V6M54 1V4M100 1V6M146 1V4M192 1V6"/>']
    places = (("start", 2.0), ("middle", width / 2), ("end", width - 2))
    for text, (anchor, at) in zip(texts, places, strict=True):
        body.append(f'<text x="{_n(at)}" y="19" text-anchor="{anchor}">{_text(text)}</text>')
    described = f"From {texts[0]} on the left by {texts[1]} to {texts[2]} on the right."
    return _svg(key=key, title=title, description=described, size=(width, 24.0), css="forest", body=body)


def shortened(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` characters, the cut marked by an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """The plot area in user units and the axes along it."""

    x: Axis
    y: Axis
    left: float
    top: float
    right: float
    bottom: float

    def px(self, value: float) -> float:
        return self.left + self.x.share(value) * (self.right - self.left)

    def py(self, value: float) -> float:
        return self.bottom - self.y.share(value) * (self.bottom - self.top)


def _svg(
    *, key: str, title: str, description: str, size: tuple[float, float], css: str, body: Iterable[str]
) -> str:
    width, height = size
    key = escape(key, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{css}" viewBox="0 0 {_n(width)} {_n(height)}" '
        f'role="img" aria-labelledby="{key}-t {key}-d"><title id="{key}-t">{_text(title)}</title>'
        f'<desc id="{key}-d">{_text(description)}</desc>{"".join(body)}</svg>'
    )


def _axes(frame: _Frame) -> str:
    parts = []
    for value, text in frame.y.ticks:
        at = _n(frame.py(value))
        parts.append(f'<path class="grid" d="M{_n(frame.left)} {at}H{_n(frame.right)}"/>')
        parts.append(
            f'<text x="{_n(frame.left - 8)}" y="{at}" dy=".35em" text-anchor="end">{_text(text)}</text>'
        )
    for at_x, text in _spaced((frame.px(value), text) for value, text in frame.x.ticks):
        parts.append(f'<path class="axis" d="M{_n(at_x)} {_n(frame.bottom)}v5"/>')
        parts.append(
            f'<text x="{_n(at_x)}" y="{_n(frame.bottom + 20)}" text-anchor="middle">{_text(text)}</text>'
        )
    middle_x, middle_y = (frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2
    parts.append(f'<path class="axis" d="M{_n(frame.left)} {_n(frame.bottom)}H{_n(frame.right)}"/>')
    parts.append(
        f'<text class="label" x="{_n(middle_x)}" y="{_n(HEIGHT - 8)}" text-anchor="middle">'
        f"{_text(frame.x.label)}</text>"
    )
    parts.append(
        f'<text class="label" transform="translate(13 {_n(middle_y)}) rotate(-90)" text-anchor="middle">'
        f"{_text(frame.y.label)}</text>"
    )
    return "".join(parts)


def _spaced(ticks: Iterable[tuple[float, str]]) -> list[tuple[float, str]]:
    """The ticks whose labels do not run into the one before."""
    kept: list[tuple[float, str]] = []
    for at, text in sorted(ticks):
        room = CHARACTER * (len(text) + (len(kept[-1][1]) if kept else 0)) / 2 + 8
        if not kept or at - kept[-1][0] >= room:
            kept.append((at, text))
    return kept


def _shifts(series: Sequence[Series]) -> list[float]:
    """How far each is drawn aside, so that intervals at the same place do not cover each other."""
    ranged = [index for index, one in enumerate(series) if any(one.intervals) and not one.ribbon]
    aside = {index: (at - (len(ranged) - 1) / 2) * 7 for at, index in enumerate(ranged)}
    return [aside.get(index, 0.0) for index in range(len(series))]


def _line(series: Series, frame: _Frame, shift: float, count: int) -> str:
    runs = _runs(series, frame, shift)
    paths = "".join(_path(run, stepped=series.stepped) for run in runs)
    fill = ""
    if series.filled:
        floor = _n(frame.bottom)
        closed = "".join(
            f"{_path(run, stepped=series.stepped)}V{floor}H{_n(run[0][0])}Z" for run in runs if len(run) > 1
        )
        fill = f'<path class="fill" d="{closed}"/>' if closed else ""
    dash = _dash(series.style) if count > 1 else ""
    line = f'<path class="line" d="{paths}"{dash}/>' if paths and series.linked else ""
    intervals = _ribbon(series, frame) if series.ribbon else _whiskers(series, frame, shift)
    lone = [run[0] for run in runs if len(run) == 1]
    dots = "" if series.marked else "".join(_symbol(series.style, px, py) for px, py in lone)
    return (
        f'<g class="s{series.style % STYLES}">{fill}{line}{intervals}'
        f"{_symbols(series, frame, shift)}{dots}</g>"
    )


def _runs(series: Series, frame: _Frame, shift: float) -> list[list[tuple[float, float]]]:
    """The points in user units, cut wherever a value is missing."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in series.points:
        if value is None or not math.isfinite(value):
            runs.append([])
        else:
            runs[-1].append((frame.px(at) + shift, frame.py(value)))
    return [run for run in runs if run]


def _path(run: Sequence[tuple[float, float]], *, stepped: bool) -> str:
    """The line through the points; of steps those where the height changes, and the last."""
    parts = [f"M{_n(run[0][0])} {_n(run[0][1])}"]
    height = run[0][1]
    for number, (px, py) in enumerate(run[1:], start=2):
        if not stepped:
            parts.append(f"L{_n(px)} {_n(py)}")
        elif py != height:
            parts.append(f"H{_n(px)}V{_n(py)}")
        elif number == len(run):
            parts.append(f"H{_n(px)}")
        height = py
    return "".join(parts)


def _whiskers(series: Series, frame: _Frame, shift: float) -> str:
    parts = []
    for (at, value), interval in zip(series.points, series.intervals, strict=False):
        if value is not None and interval is not None:
            px, low, high = frame.px(at) + shift, frame.py(interval[0]), frame.py(interval[1])
            parts.append(f"M{_n(px)} {_n(low)}V{_n(high)}M{_n(px - 4)} {_n(low)}h8M{_n(px - 4)} {_n(high)}h8")
    return f'<path class="whisker" d="{"".join(parts)}"/>' if parts else ""


def _ribbon(series: Series, frame: _Frame) -> str:
    """The intervals joined into one area."""
    known = [
        (frame.px(at), frame.py(interval[0]), frame.py(interval[1]))
        for (at, _), interval in zip(series.points, series.intervals, strict=True)
        if interval is not None
    ]
    if len(known) < 2:
        return ""
    upper = [(px, high) for px, _, high in known]
    lower = [(px, low) for px, low, _ in reversed(known)]
    points = "L".join(f"{_n(px)} {_n(py)}" for px, py in (*upper, *lower))
    return f'<path class="fill" d="M{points}Z"/>'


def _symbols(series: Series, frame: _Frame, shift: float) -> str:
    if not series.marked:
        return ""
    places = [
        (frame.px(at) + shift, frame.py(value), series.hints[index] if index < len(series.hints) else "")
        for index, (at, value) in enumerate(series.points)
        if value is not None and math.isfinite(value)
    ]
    if any(hint for *_, hint in places):
        return "".join(_symbol(series.style, px, py, hint) for px, py, hint in places)
    shape = _SHAPES[series.style % len(_SHAPES)]
    together = "".join(f"M{_n(px)} {_n(py)}{shape}" for px, py, _ in places)
    return f'<path class="symbol" d="{together}"/>' if together else ""


def _symbol(style: int, px: float, py: float, hint: str = "") -> str:
    """Circle, square, triangle or diamond by style, with ``hint`` as its tooltip."""
    tooltip = f"<title>{_text(hint)}</title>" if hint else ""
    return f'<path class="symbol" d="M{_n(px)} {_n(py)}{_SHAPES[style % len(_SHAPES)]}">{tooltip}</path>'


def _marker(marker: Marker, frame: _Frame, row_y: float) -> str:
    px = frame.px(marker.x)
    room = 1.2 * CHARACTER * len(marker.label)
    before = (marker.before and px - room > 4) or px + room > WIDTH - 4
    anchor, offset = ("end", -5.0) if before else ("start", 5.0)
    dash = _dash(marker.style)
    return (
        f'<g class="s{marker.style % STYLES}">'
        f'<path class="mark" d="M{_n(px)} {_n(row_y - 8)}V{_n(frame.bottom)}"{dash}/>'
        f'<text class="tag" x="{_n(px + offset)}" y="{_n(row_y)}" dy=".1em" text-anchor="{anchor}">'
        f"{_text(marker.label)}</text></g>"
    )


def _band(band: Band, frame: _Frame) -> str:
    left, right = frame.px(band.low), frame.px(band.high)
    shade = (
        f'<rect class="band" x="{_n(left)}" y="{_n(frame.top)}" width="{_n(right - left)}" '
        f'height="{_n(frame.bottom - frame.top)}"/>'
    )
    if not band.label or right - left < CHARACTER * len(band.label):
        return shade
    return (
        f'{shade}<text x="{_n((left + right) / 2)}" y="{_n(frame.top - 6)}" text-anchor="middle">'
        f"{_text(band.label)}</text>"
    )


def _level_band(band: tuple[float, float], frame: _Frame) -> str:
    top, bottom = frame.py(band[1]), frame.py(band[0])
    edges = "".join(f"M{_n(frame.left)} {_n(at)}H{_n(frame.right)}" for at in (top, bottom))
    return (
        f'<rect class="margin" x="{_n(frame.left)}" y="{_n(top)}" width="{_n(frame.right - frame.left)}" '
        f'height="{_n(bottom - top)}"/><path class="axis edge" d="{edges}"/>'
    )


def _end_labels(series: Sequence[Series], frame: _Frame) -> list[str]:
    """Labels beside the last points, pushed apart where they would meet."""
    ends = []
    for one in series:
        last = next((p for p in reversed(one.points) if p[1] is not None), None)
        if one.end_label and last is not None and last[1] is not None:
            ends.append((frame.py(last[1]), one))
    ends.sort(key=lambda end: end[0])
    placed: list[str] = []
    floor = frame.top - ROW
    for index, (wanted, one) in enumerate(ends):
        lowest = frame.bottom - 16.0 * (len(ends) - 1 - index)
        floor = max(min(wanted, lowest), floor + 16.0)
        placed.append(
            f'<text class="tag s{one.style % STYLES}" x="{_n(frame.right + 6)}" y="{_n(floor)}" dy=".35em">'
            f"{_text(one.end_label or '')}</text>"
        )
    return placed


def _legend(series: Sequence[Series]) -> tuple[str, int]:
    """The legend's markup, wrapped into rows, and how many rows it takes."""
    parts, px, row = [], LEFT, 0
    for one in series:
        label = shortened(one.label, 34)
        room = 38 + CHARACTER * len(label)
        if px > LEFT and px + room > WIDTH:
            px, row = LEFT, row + 1
        py = 12.0 + ROW * row
        dash = _dash(one.style)
        symbol = _symbol(one.style, px + 13, py) if one.marked else ""
        line = f'<path class="line" d="M{_n(px)} {_n(py)}h26"{dash}/>' if one.linked else ""
        parts.append(
            f'<g class="s{one.style % STYLES}">{line}{symbol}</g>'
            f'<text x="{_n(px + 32)}" y="{_n(py)}" dy=".35em">{_text(label)}</text>'
        )
        px += room
    return "".join(parts), row + 1


def _end(px: float, py: float, side: int, *, clipped: bool) -> str:
    if clipped:
        return f'<path class="arrow" d="M{_n(px + 6 * side)} {_n(py)}l{-7 * side} -5v10z"/>'
    return f'<path class="interval" d="M{_n(px)} {_n(py - 4)}v8"/>'


def _dash(style: int) -> str:
    pattern = DASHES[style % STYLES]
    return f' stroke-dasharray="{pattern}"' if pattern else ""


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)


def _n(value: float) -> str:
    """A coordinate to a tenth of a unit, without a trailing .0 or a negative zero."""
    return f"{round(value, 1) + 0.0:g}"
