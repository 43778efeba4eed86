"""Text from outside: what is taken out of it, and where a stored document may not hold it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.results.plain import (
    MOST_CHARS,
    MOST_LINE_CHARS,
    fault_in,
    fault_of,
    plain,
    plain_document,
    plain_line,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[?25lhidden cursor", "hidden cursor"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]52;c;Y2xpcA==\x1b\\text", "text"),
        ("\x1b(0line", "line"),
        ("\x9b31mred", "31mred"),
        ("\x1b\x1b[31m[31mred", "[31mred"),
        ("a\rb\x08c\x00d\x7f", "abcd"),
        ("evil\u202egnp.exe\u2066\u2069", "evilgnp.exe"),
        ("one\u2028two", "onetwo"),
        ("half \ud800 of one", "half  of one"),
        ("::error::pwned", ": :error::pwned"),
        ("  ::warning file=x::pwned", "  : :warning file=x::pwned"),
        ("fine\n::stop-commands::x", "fine\n: :stop-commands::x"),
        ("wrapped at any blank ::error::x", "wrapped at any blank : :error::x"),
        (":\x00:error::x", ": :error::x"),
        ("##[error]x", "# #[error]x"),
        ("text ##vso[task.setvariable]x", "text # #vso[task.setvariable]x"),
    ],
)
def test_what_controls_a_terminal_or_a_job_goes(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert fault_of(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "tab\there and\nthere",
        "std::vector and tests/x.py::test_y",
        "http://[::1]:80/ and ::1",
        "## heading, [link](x) and #12",
        "größer 日本 می‌خواهم 👩‍💻 שלום\u200f",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert plain(text) == text
    assert fault_of(text) is None


@given(st.text())
def test_what_was_made_plain_is_plain(text: str) -> None:
    assert fault_of(plain(text)) is None
    assert plain(plain(text)) == plain(text)
    assert fault_in({"label": plain_line(text)}) is None
    assert plain_line(plain_line(text)) == plain_line(text)


JSON = st.recursive(
    st.text(max_size=20) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@given(JSON)
def test_what_is_written_can_be_read(document: object) -> None:
    """But for names, which are checked before anything is measured."""
    written = plain_document({"any": document, "note": document, "settings": document})
    fault = fault_in(written)
    assert fault is None or "must be a name" in fault or "must be the hex" in fault or "is no time" in fault


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"summary": {"run": {"id": "::error::x"}}}, "summary.run.id: holds what a CI job would take"),
        ({"run": {"id": "a b"}}, "run.id: must be a name"),
        ({"run": {"id": "a..b"}}, "run.id: must be a name"),
        ({"run": {"suite": "x" * 201}}, "run.suite: must be a name"),
        ({"run": {"started_at": "now"}}, "run.started_at: 'now' is no time such as"),
        ({"run": {"started_at": "2026-13-01T00:00:00Z"}}, "run.started_at: '"),
        ({"run": {"started_at": "2026-01-01 00:00:00"}}, "run.started_at: '"),
        ({"provenance": {"commit": "HEAD"}}, "provenance.commit: must be the hexadecimal id"),
        ({"provenance": {"branch": "a\nb"}}, "provenance.branch: must be a single line"),
        ({"provenance": {"branch": "x" * (MOST_LINE_CHARS + 1)}}, "provenance.branch: is longer than"),
        ({"notes": ["fine", "x" * (MOST_CHARS + 1)]}, "notes.1: is longer than"),
        ({"notes": ["fine", "\x1b[2J"]}, "notes.1: holds characters that control a terminal"),
        ({"baseline": {"run_ids": ["fine", "not fine"]}}, "baseline.run_ids.1: must be a name"),
        ({"environment": {"packages": {"x\x1b": "1"}}}, "environment.packages: a key of it holds"),
        ({"environment": {"packages": {"x": "1\n2"}}}, "environment.packages.x: must be a single line"),
    ],
)
def test_a_fault_is_named_with_its_key(document: object, fault: str) -> None:
    assert str(fault_in(document)).startswith(fault)


def test_what_others_call_as_they_like_is_no_name_of_ours() -> None:
    assert (
        fault_in({"packages": {"id": "any text", "commit": "main"}, "settings": {"profile": "a, b"}}) is None
    )
