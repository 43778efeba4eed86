"""What all HTML pages have in common: templates that escape, drawings as markup. Lays out nothing itself."""

from __future__ import annotations

import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from govbench.report import format as fmt

_BLANKS = re.compile("([ \u00a0\u202f]+)")
_TAB = 4
_NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'  # which a drawing within a page does not need


def environment() -> Environment:
    """The templates of the HTML pages, with every text escaped and made printable."""
    return Environment(
        loader=PackageLoader("govbench.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def drawing(svg: str) -> Markup:
    """A chart of ``charts.py``, which escapes every text itself, made printable."""
    return Markup(printable(svg.replace(_NAMESPACE, "", 1)))  # noqa: S704 - see above


def printable(text: str) -> str:
    """A text without control and direction characters, its blanks as they are: those of spans join on."""
    parts = _BLANKS.split(text)
    return "".join(part if at % 2 else fmt.one_line(part) for at, part in enumerate(parts))


def preformatted(text: str) -> Markup:
    """The lines of a text as they stand, escaped and printable."""
    lines = (printable(line.expandtabs(_TAB)) for line in text.splitlines())
    return Markup("\n").join(escape(line) for line in lines)


def _printed(value: object) -> object:
    """Every text of the template made printable; markup as it is."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)
