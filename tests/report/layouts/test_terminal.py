from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from govbench.report.document import Document, Items
from govbench.report.layouts import terminal
from tests.report.layouts.handmade import (
    CHART,
    COMMAND,
    DOCUMENTS,
    EVERY_BLOCK,
    FINDINGS,
    HEADLINE,
    HOSTILE,
    LEVELS,
    LOG,
    PHASES,
    all_hostile,
    document,
    section,
    text,
)


def render(shown: Document, width: int = 80, *, verbose: bool = False, quiet: bool = False) -> str:
    return terminal.render(shown, width=width, color=False, verbose=verbose, quiet=quiet)


def lines(shown: Document, width: int = 80, *, verbose: bool = False, quiet: bool = False) -> list[str]:
    return render(shown, width, verbose=verbose, quiet=quiet).splitlines()


def words(text: str) -> str:
    """Its words, however they were broken into lines and framed."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


def only(*blocks: object) -> Document:
    return document(sections=(section("one", 0, *blocks),))


@pytest.mark.parametrize("width", range(40, 121))
def test_no_line_is_wider_than_asked(width: int) -> None:
    for shown in (document(sections=(section("all", 0, *EVERY_BLOCK),)), all_hostile()):
        for verbose, quiet in ((False, False), (True, False), (False, True)):
            found = lines(shown, width, verbose=verbose, quiet=quiet)
            assert [line for line in found if cell_len(line) > width] == []


@given(DOCUMENTS, st.integers(40, 120))
def test_no_line_of_any_document_is_wider_than_asked(shown: Document, width: int) -> None:
    assert all(cell_len(line) <= width for line in lines(shown, width, verbose=True))


@pytest.mark.parametrize("width", [40, 59, 60, 80, 120])
def test_the_headline_comes_first_and_its_frame_is_whole(width: int) -> None:
    found = lines(document(), width)
    head = found[: next(at for at, line in enumerate(found) if line.startswith("2 of 5"))]
    assert words("\n".join(head)) == f"✗ {HEADLINE}"
    if width >= terminal.PANEL_FROM:
        assert {cell_len(line) for line in head} == {width}


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_last_lines_are_how_it_ends_and_where_it_is(width: int) -> None:
    whole = words(render(document(), width))
    end = (
        "✗ regression · exit code 1: a regression, or a threshold missed"
        " report: results/20260528T202640Z-3f9a/report.html"
    )
    assert whole.replace(" ", "").endswith(end.replace(" ", ""))  # a path is folded where it is too long
    assert "Next: govbench ab --base git:main --head git:HEAD" in whole


def test_at_80_columns_the_end_takes_two_lines() -> None:
    assert lines(document())[-2:] == [
        "✗ regression · exit code 1: a regression, or a threshold missed",
        "report: results/20260528T202640Z-3f9a/report.html",
    ]


def test_what_is_folded_is_named_and_shown_when_all_is_asked_for() -> None:
    brief, whole = render(document()), render(document(), verbose=True)
    assert "more with --verbose: Levels · Everything" in brief
    assert "more with --verbose" not in whole
    assert "By level." not in brief
    assert "By level." in whole
    assert "on the page alone" not in whole


def test_where_there_is_little_room_what_is_folded_is_counted() -> None:
    assert "2 more parts: --verbose" in lines(document(), 40)


def test_quiet_is_a_line_for_each_gated_metric_and_how_it_ends() -> None:
    assert lines(document(), quiet=True) == [
        "✗ p50 of concurrent 25.2 → 50.4 ms (+100 % [+64, +143])",
        "✓ error rate 0 %",
        "✗ regression · exit code 1: a regression, or a threshold missed",
    ]


def test_warnings_say_that_they_are_and_are_yellow() -> None:
    assert "warning: this machine was busy" in render(document())
    assert "note: the margin of p95" in render(document())
    coloured = terminal.render(document(), width=80, color=True)
    assert "\x1b[33mwarning: \x1b[0m" in coloured


def test_a_finding_takes_two_lines_from_80_columns_on() -> None:
    found = lines(only(FINDINGS))
    at = next(i for i, line in enumerate(found) if "✗ regression" in line and "response" in line)
    assert re.fullmatch(r"  ✗ regression  response time p50 +25.2 ms → 50.4 ms, n 12\u202f345", found[at])
    assert re.match(r"    gated +concurrent at 10 users +\+100 % \[\+64, \+143\]", found[at + 1])
    assert "base → head, change [99 %]" in render(only(FINDINGS))


def test_below_80_columns_a_finding_is_three_lines() -> None:
    found = lines(only(FINDINGS), 79)
    at = found.index("✗ response time p50, concurrent at 10 users")
    assert found[at + 1 : at + 3] == [
        "  25.2 ms → 50.4 ms, n 12\u202f345",
        "  regression, gated: +100 % [+64, +143]",
    ]
    assert "99 %" in render(only(FINDINGS), 79)


def test_where_there_is_room_an_interval_is_drawn_over_its_margin() -> None:
    drawn = [line for line in lines(only(FINDINGS), 120) if "●" in line]
    assert len(drawn) == 3
    assert all("━" in line for line in drawn)


@pytest.mark.parametrize("width", [40, 80])
def test_why_there_is_no_change_stands_in_its_place(width: int) -> None:
    assert "not compared: 100 answers of the 1,000 that p99 needs" in words(render(only(FINDINGS), width))


@pytest.mark.parametrize("width", [50, 60, 70, 80, 120])
def test_columns_go_by_priority(width: int) -> None:
    heads = next(line for line in lines(only(LEVELS), width) if "phase" in line and "p50" in line)
    shown = [name for name in ("p95", "throughput", "why") if name in heads]
    assert shown == ["p95", "throughput", "why"][: len(shown)]


def test_a_narrow_table_keeps_the_columns_that_always_stay() -> None:
    heads = next(line for line in lines(only(LEVELS), 50) if "phase" in line)
    assert heads.split() == ["phase", "users", "p50"]


@pytest.mark.parametrize("width", range(40, 121))
def test_names_of_levels_never_look_alike(width: int) -> None:
    rows = [line for line in lines(only(LEVELS), width) if line.strip().startswith("con")]
    names = [line.split()[0] for line in rows]
    assert len(set(names)) == len(PHASES)


def test_a_table_too_wide_for_its_columns_becomes_lists() -> None:
    long = replace(LEVELS.rows[0][2], text="25.6 ms of the response time of all requests")
    wide = replace(LEVELS, rows=tuple((*row[:2], long, *row[3:]) for row in LEVELS.rows))
    found = lines(only(wide), 45)
    at = found.index("concurrent_10")
    assert found[at + 1] == "  users: 10"
    assert found[at + 2].startswith("  p50: 25.6 ms of the")
    assert "  throughput: 43.7 req/s [43.0, 44.4]" in found


def test_intervals_stand_beside_their_values_where_there_is_room_else_below() -> None:
    table = replace(LEVELS, columns=LEVELS.columns[:3], rows=tuple(row[:3] for row in LEVELS.rows))
    assert "25.6 ms [24.1, 28.2]" in render(only(table), 80)
    below = lines(only(table), 40)
    assert not any("25.6 ms [24.1" in line for line in below)
    assert sum("[24.1, 28.2]" in line for line in below) == len(PHASES)


def test_a_chart_is_drawn_where_it_fits_and_never_cut() -> None:
    assert [line for line in lines(only(CHART), 100) if "▁▂▃" in line] == [
        f"  {line}" for line in CHART.lines
    ]
    assert not any("▁▂▃" in line for line in lines(only(CHART), 60))
    assert "response time" not in render(only(text("x"), replace(CHART, lines=())), 80)


def test_a_note_is_set_off_from_its_cell() -> None:
    answers = replace(LEVELS.rows[0][2], text="needs 200", note="had 102")
    table = replace(
        LEVELS, columns=LEVELS.columns[:3], rows=tuple((*row[:2], answers) for row in LEVELS.rows)
    )
    assert "needs 200, had 102" in render(only(table), 100)


def test_output_of_a_program_cannot_move_the_cursor_and_says_that_it_was_cut() -> None:
    found = lines(only(LOG))
    assert "  …" in found
    assert any(line.startswith("      File ") and line.endswith("app.py") for line in found)
    assert "\x1b" not in "\n".join(found)


def test_nothing_of_a_hostile_text_reaches_the_terminal_but_its_words() -> None:
    plain = render(all_hostile(), 120, verbose=True)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", plain)
    coloured = terminal.render(all_hostile(), width=120, color=True, verbose=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).split() == plain.split()


@pytest.mark.parametrize("width", [40, 57, 80])
def test_no_line_commands_a_job(width: int) -> None:
    commands = ("::error::x", "a ::stop-commands::y", "##[error]z", "w" * 300 + "::warning::" + "w" * 300)
    for command in (*commands, *("v" * n + "::debug::u" for n in range(30, 81))):
        block = (text(command), replace(LOG, text=command), Items(items=(text(command),)))
        shown = document(headline=command, facts=((command, command),), sections=(section("x", 0, *block),))
        found = render(shown, width)
        assert not re.search(r"^\s*::[a-z]|##\[", found, re.MULTILINE)


def test_names_are_not_read_as_markup_of_the_library() -> None:
    assert "[bold]x[/bold] :smile:" in render(only(text("[bold]x[/bold] :smile:")))
    assert "<script>alert(1)</script>" in render(only(text(HOSTILE)), 120)


def test_the_environment_does_not_change_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = render(document())
    for name, value in (("COLUMNS", "40"), ("FORCE_COLOR", "1"), ("TERM", "dumb"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    assert render(document()) == expected


def test_a_list_follows_its_words_and_other_blocks_stand_apart() -> None:
    found = lines(only(text("With p50:"), Items(items=(text("one"),)), text("With p95:")))
    at = found.index("  With p50:")
    assert found[at + 1 : at + 4] == ["  - one", "", "  With p95:"]


def test_an_address_is_shown_where_nothing_can_be_clicked() -> None:
    assert "see verdicts (https://docs.example/verdicts)" in words(render(only(COMMAND), 120))


def test_a_section_without_anything_to_show_has_no_title() -> None:
    assert "One" not in render(only(replace(LEVELS, rows=()), replace(CHART, lines=())))
