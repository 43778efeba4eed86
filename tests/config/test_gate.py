"""Which gate counts when it is read from another commit, and what is said of the work tree's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from govbench.config.gate import CommitFiles, files_of_the_gate
from govbench.config.load import load_settings
from govbench.config.settings import CompareConfig, Settings
from govbench.errors import ConfigError
from govbench.results.comparison import Verdict
from govbench.results.metrics import MetricName

COMMIT = "4f0d2b7c9a1e6385d7c4b2a190f8e6d5c3b2a190"
STRICT = """
suite = "chat"
[compare]
unpaired_margin = 0.05
fail_on = ["regression", "invalid", "no_baseline"]
[compare.metrics.response_time_p50_ms]
gate = true
[thresholds]
error_rate = 0.01
response_time_p95_ms = 800
on_not_measured = "fail"
[baselines]
folder = "measured"
window = 20
"""
LOOSE = """
suite = "elsewhere"
[load]
max_users = 7
[compare]
unpaired_margin = 0.9
fail_on = []
[compare.metrics.response_time_p50_ms]
gate = false
[thresholds]
error_rate = 1.0
on_not_measured = "ignore"
[baselines]
folder = "other"
window = 1
"""
Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The settings in a work tree with the file ``here``, gated by a commit that holds ``there``."""

    def call(
        here: str,
        there: str | Mapping[str, str],
        *,
        environ: Mapping[str, str] | None = None,
        dotenv: str = "",
        place: str = ".",
        config_file: Path | None = None,
        **flags: object,
    ) -> Settings:
        cwd = tmp_path / place
        cwd.mkdir(exist_ok=True)
        (tmp_path / ".git").mkdir(exist_ok=True)
        (cwd / (config_file or "govbench.toml")).write_text(here)
        (cwd / ".env.test").write_text(dotenv)
        files = {"govbench.toml": there} if isinstance(there, str) else there
        wanted = files_of_the_gate(cwd, config_file, root=tmp_path)
        names = {str(path.relative_to(tmp_path)): path for path in wanted}
        texts = {path: files[name] for name, path in names.items() if name in files}
        return load_settings(
            flags={key.replace("__", "."): value for key, value in flags.items()},
            config_file=config_file,
            environ=environ or {},
            cwd=cwd,
            gate_files=CommitFiles(ref="main", commit=COMMIT, texts=texts),
        )

    return call


def bounds(settings: Settings) -> dict[MetricName, tuple[float, str, bool]]:
    return {each.metric: (each.bound, each.source, each.demanded) for each in settings.thresholds}


def test_a_work_tree_that_loosens_everything_loosens_nothing(load: Load) -> None:
    settings = load(LOOSE, STRICT)

    assert settings.suite == "chat"
    assert settings.compare.unpaired_margin == 0.05
    assert settings.compare.fail_on == {Verdict.REGRESSION, Verdict.INVALID, Verdict.NO_BASELINE}
    assert settings.compare.metrics[MetricName.RESPONSE_TIME_P50].gate is True
    assert bounds(settings) == {
        MetricName.ERROR_RATE: (0.01, "main:govbench.toml: [thresholds] error_rate", True),
        MetricName.RESPONSE_TIME_P95: (800, "main:govbench.toml: [thresholds] response_time_p95_ms", True),
    }
    assert (settings.baselines.folder, settings.baselines.window) == (Path("measured"), 20)
    assert settings.load.max_users == 7
    assert (settings.gate.ref, settings.gate.commit) == ("main", COMMIT)


def test_every_difference_is_told(load: Load) -> None:
    assert load(LOOSE, STRICT).gate.notes == (
        "The gate is that of main (4f0d2b7c9): govbench.toml.",
        "suite: chat at main, which counts; elsewhere in the work tree.",
        "compare.unpaired_margin: 0.05 at main, which counts; 0.9 in the work tree.",
        "compare.fail_on: invalid, no_baseline, regression at main, which counts; none in the work tree.",
        "compare.metrics.response_time_p50_ms.gate: true at main, which counts; false in the work tree.",
        "thresholds.response_time_p95_ms: 800 at main, which counts; not set in the work tree.",
        "thresholds.error_rate: 0.01 at main, which counts; 1 in the work tree.",
        "thresholds.on_not_measured: fail at main, which counts; ignore in the work tree.",
        "baselines.folder: measured at main, which counts; other in the work tree.",
        "baselines.window: 20 at main, which counts; 1 in the work tree.",
    )


def test_nothing_is_told_of_what_comes_to_the_same(load: Load) -> None:
    here = STRICT.replace('"regression", "invalid"', '"invalid", "regression"') + "deepen = false\n"

    assert load(here, STRICT).gate.notes == (
        "The gate is that of main (4f0d2b7c9): govbench.toml; nothing differs in the work tree.",
    )


def test_without_a_file_there_the_defaults_hold(load: Load) -> None:
    settings = load("[compare]\nunpaired_margin = 0.9\n", {})

    assert settings.compare == CompareConfig()
    assert settings.gate.notes == (
        "The gate is that of main (4f0d2b7c9): no configuration file is there, so the defaults hold.",
        "compare.unpaired_margin: 0.1 by default at main, which counts; 0.9 in the work tree.",
    )


def test_whoever_runs_the_command_goes_before_the_commit(load: Load) -> None:
    settings = load(
        LOOSE,
        STRICT,
        environ={"GOVBENCH_COMPARE_UNPAIRED_MARGIN": "0.2", "MAX_RESPONSE_TIME_MS": "300"},
        compare__fail_on="inconclusive",
    )

    assert settings.compare.unpaired_margin == 0.2
    assert settings.compare.fail_on == {Verdict.INCONCLUSIVE}
    assert bounds(settings)[MetricName.RESPONSE_TIME_P95][0] == 300
    told = " ".join(settings.gate.notes)
    assert "unpaired_margin" not in told
    assert "fail_on" not in told


def test_env_test_is_a_file_of_the_work_tree_too(load: Load) -> None:
    dotenv = "GOVBENCH_COMPARE_FAIL_ON=none\nMAX_ERROR_RATE=1\nMAX_USERS=9\n"

    settings = load("", {".env.test": "MAX_ERROR_RATE=0.02\nMAX_USERS=3\n"}, dotenv=dotenv)

    assert settings.compare.fail_on == CompareConfig().fail_on
    assert bounds(settings)[MetricName.ERROR_RATE][:2] == (0.02, "main:.env.test: MAX_ERROR_RATE")
    assert settings.load.max_users == 9
    assert settings.gate.notes[2] == "thresholds.error_rate: 0.02 at main, which counts; 1 in the work tree."


@pytest.mark.parametrize(
    ("files", "margin", "folder"),
    [
        ({"sub/govbench.toml": STRICT, "govbench.toml": LOOSE}, 0.05, "measured"),
        ({"govbench.toml": STRICT, "pyproject.toml": "[tool.govbench.compare]\nlevel = 0.9\n"}, 0.05, None),
        ({"pyproject.toml": "[tool.govbench.compare]\nunpaired_margin = 0.07\n"}, 0.07, "baselines"),
        ({"sub/pyproject.toml": "[project]\nname = 'x'\n", "govbench.toml": STRICT}, 0.05, None),
    ],
)
def test_the_file_is_looked_for_as_in_the_work_tree(
    load: Load, tmp_path: Path, files: dict[str, str], margin: float, folder: str | None
) -> None:
    settings = load(LOOSE, files, place="sub")

    assert settings.compare.unpaired_margin == margin
    assert settings.baselines.folder == (tmp_path / "measured" if folder is None else Path(folder))


def test_a_named_file_is_read_there_and_no_other(load: Load) -> None:
    named = Path("gate.toml")

    assert load(LOOSE, {"gate.toml": STRICT}, config_file=named).compare.unpaired_margin == 0.05
    missing = load(LOOSE, {"govbench.toml": STRICT}, config_file=named)
    assert missing.compare == CompareConfig()
    assert "no configuration file is there" in missing.gate.notes[0]


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ("[compare]\nlevel = 2\n", "main:govbench.toml: [compare] level: expected"),
        ("[compare]\nlevle = 0.9\n", "main:govbench.toml: [compare] levle: unknown key"),
        ("[compare\n", "main:govbench.toml:1:"),
        ("compare = 1\n", "main:govbench.toml: compare: expected a table"),
        ({".env.test": "no variable\n"}, "main:.env.test:1: not a variable"),
        ({".env.test": "MAX_ERROR_RATE=high\n"}, "main:.env.test: MAX_ERROR_RATE: expected"),
        (
            {"pyproject.toml": "[tool.govbench.compare]\nx = 1\n"},
            "main:pyproject.toml: [tool.govbench.compare]",
        ),
    ],
)
def test_a_file_there_that_is_wrong(load: Load, there: str | dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("", there)

    assert str(caught.value).startswith(words)


def test_what_is_wrong_beside_the_gate_does_not_matter(load: Load) -> None:
    """What a branch mends in ``[load]`` need not be mended on main first."""
    assert load("", STRICT + "[load]\nmax_user = 5\n").compare.unpaired_margin == 0.05


def test_without_a_commit_the_work_tree_has_the_gate(tmp_path: Path) -> None:
    (tmp_path / "govbench.toml").write_text(LOOSE)

    settings = load_settings(flags={}, config_file=None, environ={}, cwd=tmp_path)

    assert settings.compare.unpaired_margin == 0.9
    assert (settings.gate.commit, settings.gate.notes) == (None, ())
