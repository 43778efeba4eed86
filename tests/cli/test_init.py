"""``govbench init``: a file to begin with, never over one."""

from __future__ import annotations

import json
import tomllib

import pytest
from jsonschema import Draft7Validator

from govbench.config.load import load_settings
from govbench.config.schema import SCHEMA_URL, json_schema
from tests.cli.conftest import Cli


@pytest.mark.parametrize(
    "target", [None, "http://127.0.0.1:8000", 'command:sh -c "exec serve --port {port}"', "embedded:slots=2"]
)
def test_what_it_writes_is_read_without_a_note(govbench: Cli, target: str | None) -> None:
    ended = govbench.here("init", *([target] if target else []))

    assert (ended.code, ended.out) == (0, "wrote govbench.toml\n")
    text = (govbench.cwd / "govbench.toml").read_text(encoding="utf-8")
    assert text.startswith(f"#:schema {SCHEMA_URL}\n")
    assert list(Draft7Validator(json_schema()).iter_errors(tomllib.loads(text))) == []
    settings = load_settings(flags={}, config_file=None, environ={}, cwd=govbench.cwd)
    assert (settings.target.form, settings.notes) == (target or "embedded", ())


def test_what_it_comments_out_is_right_as_well(govbench: Cli) -> None:
    govbench.here("init")
    path = govbench.cwd / "govbench.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    opened = [line.removeprefix("# ") if "=" in line or line.startswith("# [") else line for line in lines]
    path.write_text(
        "\n".join(line for line in opened if not line.startswith('profile = "')), encoding="utf-8"
    )

    settings = load_settings(flags={}, config_file=None, environ={}, cwd=govbench.cwd)

    assert settings.load.users == 20
    assert settings.stack.build == "make"


def test_it_never_writes_over_a_file(govbench: Cli) -> None:
    path = govbench.cwd / "govbench.toml"
    path.write_text("suite = 'mine'\n")

    ended = govbench.here("init")

    assert ended.code == 2
    assert "govbench.toml is there already" in ended.complaint
    assert path.read_text() == "suite = 'mine'\n"


def test_it_does_not_hide_a_table_of_pyproject(govbench: Cli) -> None:
    (govbench.cwd / "pyproject.toml").write_text("[tool.govbench]\nsuite = 'mine'\n")

    ended = govbench.here("init")

    assert ended.code == 2
    assert "pyproject.toml has [tool.govbench] already" in ended.complaint
    assert not (govbench.cwd / "govbench.toml").exists()


def test_a_target_that_is_none_is_not_written(govbench: Cli) -> None:
    ended = govbench.here("init", "embeded")

    assert ended.code == 2
    assert "did you mean embedded?" in ended.err
    assert not (govbench.cwd / "govbench.toml").exists()


def test_it_prints_the_schema(govbench: Cli) -> None:
    ended = govbench.here("init", "--schema")

    assert ended.code == 0
    assert json.loads(ended.out) == json_schema()
    assert not (govbench.cwd / "govbench.toml").exists()
