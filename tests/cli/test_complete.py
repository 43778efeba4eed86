"""What a shell offers: commands, options, and what these take; asked as bash and zsh ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.cli.conftest import Cli


def offered(govbench: Cli, line: str) -> list[str]:
    """What bash would be offered for the last word of a line."""
    words = line.split(" ")
    variables = {
        "_GOVBENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    ended = govbench.here(env=variables)
    assert (ended.code, ended.err) == (0, "")
    return ended.out.split()


def put_run(govbench: Cli, name: str) -> None:
    folder = govbench.cwd / "results" / name
    folder.mkdir(parents=True)
    (folder / "results.json").write_text("{}")


@pytest.fixture
def stocked(govbench: Cli) -> Cli:
    """A folder with runs, baselines and configuration files."""
    put_run(govbench, "20260101T000000Z-aaaa")
    put_run(govbench, "20260102T000000Z-bbbb")
    (govbench.cwd / "results" / "notes").mkdir()
    stored = govbench.cwd / "baselines" / "default" / "linux-x"
    stored.mkdir(parents=True)
    for name in ("20260101T000000Z-1a2b3c4d5e6f-quick", "20260102T000000Z-9f8e7d6c5b4a", "calibration"):
        (stored / f"{name}.json").write_text("{}")
    (govbench.cwd / "ci").mkdir()
    (govbench.cwd / "ci" / "nightly.toml").write_text("suite = 'nightly'\n")
    (govbench.cwd / "other.toml").write_text("[output]\nfolder = 'elsewhere'\n")
    (govbench.cwd / "users.py").write_text("")
    return govbench


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("govbench quick", ["quick-check"]),
        ("govbench baseline ", ["list", "show", "update", "history", "prune"]),
        ("govbench run --profile ", ["quick", "standard", "full"]),
        ("govbench run --profile st", ["standard"]),
        ("govbench run --test-types c", ["concurrent", "custom"]),
        ("govbench run --test-types baseline,c", ["baseline,concurrent", "baseline,custom"]),
        ("govbench run --test-types custom,concurrent,", ["custom,concurrent,baseline"]),
        ("govbench run --api open", ["openai-chat"]),
        ("govbench run --arrivals ", ["constant", "poisson"]),
        ("govbench run --method P", ["POST", "PUT", "PATCH"]),
        ("govbench run --fail-on regression,inc", ["regression,inconclusive"]),
        ("govbench run emb", ["embedded"]),
        ("govbench ab --base git", ["git:HEAD"]),
        ("govbench baseline history error", ["error_rate"]),
        ("govbench baseline history --test-type b", ["baseline"]),
        ("govbench run --users ", []),
        ("govbench run --max-us", ["--max-users"]),
    ],
)
def test_words(govbench: Cli, line: str, expected: list[str]) -> None:
    assert offered(govbench, line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("govbench report ", ["results/20260102T000000Z-bbbb", "results/20260101T000000Z-aaaa"]),
        ("govbench report results/20260101", ["results/20260101T000000Z-aaaa"]),
        ("govbench compare results/2 results/20260102", ["results/20260102T000000Z-bbbb"]),
        ("govbench compare baseline:", ["baseline:9f8e7d6c5b4a", "baseline:1a2b3c4d5e6f"]),
        ("govbench compare ba", ["baseline:9f8e7d6c5b4a", "baseline:1a2b3c4d5e6f"]),
        ("govbench baseline show 1a", ["1a2b3c4d5e6f"]),
        ("govbench baseline update ", ["results/20260102T000000Z-bbbb", "results/20260101T000000Z-aaaa"]),
        ("govbench run --config ", ["baselines/", "ci/", "home/", "other.toml", "results/"]),
        ("govbench run --config ci/", ["ci/nightly.toml"]),
        ("govbench run --config missing/", []),
        ("govbench run --test-file us", ["users.py"]),
        ("govbench report --config other.toml ", []),
        (
            "govbench report --output results ",
            ["results/20260102T000000Z-bbbb", "results/20260101T000000Z-aaaa"],
        ),
    ],
)
def test_what_is_stored_here(stocked: Cli, line: str, expected: list[str]) -> None:
    assert offered(stocked, line) == expected


def test_what_is_wrong_here_is_no_matter_of_the_shell(stocked: Cli) -> None:
    (stocked.cwd / "govbench.toml").write_text("[load]\nmax_user = 5\n")

    assert offered(stocked, "govbench baseline show 9") == ["9f8e7d6c5b4a"]


def test_nothing_stored_is_nothing_offered(govbench: Cli) -> None:
    assert offered(govbench, "govbench report ") == []
    assert offered(govbench, "govbench baseline show ") == []


def test_zsh_is_told_how_long_a_profile_takes(govbench: Cli) -> None:
    variables = {"_GOVBENCH_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "govbench run --profile "}
    ended = govbench.here(env=variables)

    assert '"standard":"about 9 minutes"' in ended.out


def test_only_the_command_that_is_typed_is_loaded(govbench: Cli) -> None:
    code = (
        "import sys\nsys.argv = ['govbench']\nfrom govbench.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'git', 'locust', 'jinja2'} & set(sys.modules)), file=sys.stderr)"
    )
    variables = {"_GOVBENCH_COMPLETE": "complete_bash", "COMP_WORDS": "govbench r", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**govbench.environ, **variables},
        cwd=govbench.cwd,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["run", "report"]
    assert done.stderr.strip() == "[]"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_it_installs_into_bash_and_works_there(govbench: Cli) -> None:
    folder = os.path.dirname(sys.executable)  # noqa: PTH120 - of the command as it is installed, links and all
    environ = {**govbench.environ, "PATH": f"{folder}:{govbench.environ['PATH']}"}
    installed = subprocess.run(
        ["govbench", "--install-completion", "bash"],
        env={**environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        cwd=govbench.cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "bash completion installed" in installed.stdout

    script = (
        "source ~/.bashrc\n"
        "COMP_WORDS=(govbench run --profile st) COMP_CWORD=3\n"
        '$(complete -p govbench | sed "s/.*-F \\([^ ]*\\).*/\\1/") govbench\n'
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=environ,
        cwd=govbench.cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["standard"]
