"""Settings from the text of each source, in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from govbench.config.load import load_settings
from govbench.config.settings import Settings
from govbench.errors import ConfigError, ExitCode

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Settings of a ``govbench.toml``, a ``.env.test``, an environment, and options by ``section__key``."""

    def call(
        toml: str = "",
        *,
        dotenv: str = "",
        environ: Mapping[str, str] | None = None,
        config_file: Path | None = None,
        **flags: object,
    ) -> Settings:
        (tmp_path / "govbench.toml").write_text(toml, encoding="utf-8")
        (tmp_path / ".env.test").write_text(dotenv, encoding="utf-8")
        dotted = {name.replace("__", "."): value for name, value in flags.items()}
        return load_settings(flags=dotted, config_file=config_file, environ=environ or {}, cwd=tmp_path)

    return call


def refused(load: Load, *args: str, **kwargs: object) -> tuple[str, str]:
    """What is said, and hinted at, where settings are refused."""
    with pytest.raises(ConfigError) as caught:
        load(*args, **kwargs)
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value), caught.value.hint or ""
