"""A fault of the program itself ends with exit code 3 and one line, never with that of a verdict."""

from __future__ import annotations

import sys

import pytest

from govbench.cli import main


def fail(*_: object, **__: object) -> None:
    raise ZeroDivisionError("float division by zero")


@pytest.mark.parametrize(
    ("words", "whole"), [(["run"], False), (["run", "-v"], True), (["run", "--verbose"], True)]
)
def test_an_unplanned_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], whole: bool
) -> None:
    monkeypatch.setattr(sys, "argv", ["govbench", *words])
    monkeypatch.setattr(main, "build_app", fail)

    with pytest.raises(SystemExit) as ended:
        main.main()

    said = capsys.readouterr().err
    assert ended.value.code == 3
    assert "internal error at test_unplanned.py:" in said
    assert len([line for line in said.splitlines() if line.startswith("govbench: ")]) == 1
    assert "ZeroDivisionError: float division by zero" in said
    assert ("Traceback" in said) is whole
