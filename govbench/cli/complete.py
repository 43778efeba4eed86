"""What a shell offers for the value of an option: the words it knows, and what is stored here.

A shell that asks has no use for a message: whatever goes wrong, there is just nothing to offer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from govbench.config.keys import FAILING
from govbench.config.load import environment, load_settings
from govbench.config.profiles import PROFILES, described
from govbench.config.settings import Settings
from govbench.errors import GovbenchError
from govbench.results.metrics import MetricName
from govbench.results.plan import Api, ArrivalProcess, TestType

Offer = tuple[str, str]  # a word, and what it is
Complete = Callable[[str], list[Offer]]

_RESULTS = ("results.json", "samples")  # a folder that holds either is a run


def one_of(words: Iterable[str]) -> Complete:
    """One of these words."""
    known = tuple(map(str, words))

    def complete(incomplete: str) -> list[Offer]:
        return [(word, "") for word in known if word.startswith(incomplete)]

    return complete


def list_of(words: Iterable[str]) -> Complete:
    """Several of these words, separated by commas: the one that is being typed."""
    known = tuple(map(str, words))

    def complete(incomplete: str) -> list[Offer]:
        before, comma, last = incomplete.rpartition(",")
        chosen = before.split(",")
        return [
            (f"{before}{comma}{word}", "") for word in known if word.startswith(last) and word not in chosen
        ]

    return complete


def files_of(suffix: str) -> Complete:
    """Files with that suffix, and the folders that may hold some."""

    def complete(incomplete: str) -> list[Offer]:
        folder, slash, begun = incomplete.rpartition("/")
        try:
            found = sorted(Path(folder + slash or ".").iterdir())
        except OSError:
            return []
        names = [path.name + "/" * path.is_dir() for path in found if path.is_dir() or path.suffix == suffix]
        return [
            (folder + slash + name, "")
            for name in names
            if name.startswith(begun) and (begun.startswith(".") or not name.startswith("."))
        ]

    return complete


def profiles(incomplete: str) -> list[Offer]:
    """The profiles, and how long each takes."""
    return [(name, described(name)) for name in PROFILES if name.startswith(incomplete)]


def runs(context: typer.Context, incomplete: str) -> list[Offer]:
    """The folders of stored runs, the newest first."""
    folder = _settings(context).output.folder
    try:
        names = sorted((path.name for path in folder.iterdir() if _is_run(path)), reverse=True)
    except OSError:
        return []
    return [(str(folder / name), "") for name in names if str(folder / name).startswith(incomplete)]


def commits(context: typer.Context, incomplete: str) -> list[Offer]:
    """The commits of stored baselines, the newest measurement first, by the beginning of their ids."""
    folder = _settings(context).baselines.folder
    # TIME-COMMIT-PROFILE.json, see baselines/entries.py; the calibration beside them has no commit
    parts = [path.stem.split("-") for path in folder.glob("*/*/*-*.json")]
    found = dict.fromkeys(commit for _, commit, *_ in sorted(parts, reverse=True))
    return [(commit, "") for commit in found if commit.startswith(incomplete)]


def compared(context: typer.Context, incomplete: str) -> list[Offer]:
    """What can be compared with: stored runs, and stored baselines as ``baseline:COMMIT``."""
    word, colon, begun = incomplete.partition(":")
    if colon:
        return (
            [(f"{word}:{commit}", "") for commit, _ in commits(context, begun)] if word == "baseline" else []
        )
    stored = [(f"baseline:{commit}", "") for commit, _ in commits(context, "")]
    return [*runs(context, incomplete), *(each for each in stored if each[0].startswith(incomplete))]


def _is_run(path: Path) -> bool:
    return any((path / name).exists() for name in _RESULTS)


def _settings(context: typer.Context) -> Settings:
    """Those of the line so far, as far as they can be read."""
    output, config = context.params.get("output"), context.params.get("config")
    flags: dict[str, object] = {"output.folder": output and Path(output)}
    try:
        return load_settings(
            flags=flags, config_file=config and Path(config), environ=environment(), cwd=Path.cwd()
        )
    except GovbenchError:
        return Settings()


apis = one_of(Api)
arrivals = one_of(ArrivalProcess)
methods = one_of(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
test_type = one_of(TestType)
test_types = list_of(TestType)
verdicts = list_of((*FAILING, "none"))
metrics = one_of((*MetricName, *(f"{word}/{metric}" for word in TestType for metric in MetricName), "all"))
configurations = files_of(".toml")
test_files = files_of(".py")
targets = one_of(("embedded", "git:HEAD", "http://127.0.0.1:", "command:"))
