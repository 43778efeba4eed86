"""Measures the runs of the gallery: real loads on loopback, in a repository made for each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from docs.gallery.stories import USERS, Story

LONGEST_S = 180
# What an environment may hold of its own must not be seen in a picture.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


def measured(story: Story, work: Path) -> Path:
    """The results of the story, measured unless the folder holds them already."""
    folder = work / story.key
    results, done = folder / story.results, folder / ".measured"
    if not done.exists():
        folder.mkdir(parents=True)
        (folder / "govbench.toml").write_text(story.config, encoding="utf-8")
        (folder / ".gitignore").write_text("results/\n.measured\n", encoding="utf-8")
        shutil.copy(Path(__file__).with_name(USERS), folder)
        _git(folder, "init", "--quiet", "--initial-branch", "main")
        _git(folder, "add", "--all")
        _git(folder, "commit", "--quiet", "--message", "A service")
        for command in story.commands:
            _govbench(folder, *command)
        if not results.exists():
            raise SystemExit(f"{story.key}: {story.results} was not written")
        done.touch()
    return results


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, env=_environment())


def _govbench(folder: Path, *arguments: str) -> None:
    """Run it; whatever it comes to is what the story is about."""
    command = [sys.executable, "-m", "govbench", *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        env=_environment(),
    )
    print(f"  govbench {' '.join(arguments)}: exit {done.returncode}", flush=True)
    if done.returncode == 2:  # usage: a story that is out of date
        raise SystemExit(done.stderr)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    for name in ("AUTHOR", "COMMITTER"):
        kept |= {f"GIT_{name}_NAME": "govbench", f"GIT_{name}_EMAIL": "govbench@localhost"}
    return kept
