"""Where values come from: whose a pyproject.toml is, and whose a variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from govbench.config.load import load_settings
from govbench.errors import ConfigError
from tests.config.conftest import Load, refused


@pytest.mark.parametrize(
    "text",
    [
        "# [tool.govbench]\n[tool.other]\nx = 1",
        "[tool.govbench-extra]\nx = 1",
        '[tool.other]\nnote = """\n[tool.govbench]\n"""',
        "[project\nname = 'a'",
        "govbench = 1",
        "[tool]\nother = { govbench = 1 }",
        "tool = 5",
    ],
)
def test_a_pyproject_that_does_not_configure_us_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    settings = load_settings(flags={}, config_file=None, environ={}, cwd=tmp_path)

    assert (settings.suite, settings.notes) == ("default", ())


def test_a_pyproject_that_is_no_utf_8_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"[project]\nname = '\xe4'")

    assert load_settings(flags={}, config_file=None, environ={}, cwd=tmp_path).suite == "default"


@pytest.mark.parametrize(
    "text",
    [
        "[tool]\ngovbench = { suite = 'mine' }",
        "tool.govbench.suite = 'mine'",
        "[tool.'govbench']\nsuite = 'mine'",
        "[ tool . govbench ]\nsuite = 'mine'",
    ],
)
def test_a_pyproject_may_write_our_table_in_any_way(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    assert load_settings(flags={}, config_file=None, environ={}, cwd=tmp_path).suite == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.govbench]\nsuite = 'x", "pyproject.toml:2: "),
        ("[tool]\ngovbench = { suite = 'x'\n", "pyproject.toml:2: "),
        ("[tool]\ngovbench = 5", "pyproject.toml: [tool] govbench: expected a table, got 5"),
    ],
)
def test_a_pyproject_that_names_our_table_wrongly_is_an_error(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    with pytest.raises(ConfigError) as caught:
        load_settings(flags={}, config_file=None, environ={}, cwd=tmp_path)

    assert str(caught.value).startswith(message)


def test_a_named_pyproject_has_to_parse_and_to_have_our_table(load: Load, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n")
    assert refused(load, config_file=Path("pyproject.toml"))[0].startswith("pyproject.toml:1: ")

    (tmp_path / "pyproject.toml").write_text("# [tool.govbench]\n")
    assert "has no table [tool.govbench]" in refused(load, config_file=Path("pyproject.toml"))[0]


def test_an_empty_table_of_ours_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.govbench]\n")

    assert load_settings(flags={}, config_file=None, environ={}, cwd=tmp_path).suite == "default"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("GOVBENCH_LOAD_MAX_USER", "GOVBENCH_LOAD_MAX_USERS"),
        ("GOVBENCH_MAX_USERS", "GOVBENCH_LOAD_MAX_USERS"),
        ("GOVBENCH_FAIL_ON", "GOVBENCH_COMPARE_FAIL_ON"),
        ("GOVBENCH_TARGET_APIKEY", "GOVBENCH_TARGET_API_KEY"),
        ("GOVBENCH_LOAD_TEST_DURATION", "GOVBENCH_LOAD_TEST_DURATION_S"),
    ],
)
def test_a_variable_that_is_nearly_ours_is_refused(load: Load, name: str, meant: str) -> None:
    assert refused(load, environ={name: "1"}) == (f"{name}: unknown variable", f"did you mean {meant}?")
    assert refused(load, dotenv=f"{name}=1\n")[0] == f".env.test: {name}: unknown variable"


@pytest.mark.parametrize(
    "name",
    [
        "GOVBENCH_VERSION",
        "GOVBENCH_IMAGE",
        "GOVBENCH_IMAGE_TAG",
        "GOVBENCH_HOME",
        "GOVBENCH_REF",
        "GOVBENCH_",
    ],
)
def test_a_variable_that_another_program_calls_so_is_none_of_ours(load: Load, name: str) -> None:
    settings = load(environ={name: "x"})
    assert (settings.notes, settings.load) == ((), load().load)

    (note,) = load(dotenv=f"{name}=x\n").notes
    assert note.startswith(f".env.test: {name}: not a variable of govbench")
