"""A user who has set everything in git that could change what a command prints, writes or runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CONFIG = """
[advice]
    detachedHead = true
[color]
    ui = always
[column]
    ui = always
[core]
    autocrlf = true
    fsmonitor = {programs}/fsmonitor
    hooksPath = {programs}
    pager = {programs}/pager
    quotePath = true
[diff]
    external = {programs}/external
    ignoreSubmodules = all
    mnemonicPrefix = true
    noprefix = true
[format]
    pretty = raw
[gc]
    auto = 1
[gpg]
    program = {programs}/gpg
[i18n]
    logOutputEncoding = ISO-8859-1
[log]
    date = human
    decorate = full
    mailmap = true
    showSignature = true
[status]
    branch = true
    short = true
    showUntrackedFiles = all
[submodule]
    recurse = true
[trailer]
    separators = %
"""
# Only govbench's own calls of git forbid questions on the terminal: those of a test may run what they like.
PROGRAM = '#!/bin/sh\n[ "$GIT_TERMINAL_PROMPT" = 0 ] && touch {ran}\n{end}\n'
PROGRAMS = {
    "external": "exit 0",
    "fsmonitor": "exit 1",
    "gpg": "echo 'gpg: Signature made by nobody' >&2; exit 1",
    "pager": "cat",
    "post-checkout": "exit 0",
    "post-index-change": "exit 0",
    "pre-commit": "exit 0",
    "prepare-commit-msg": "exit 0",
    "reference-transaction": "exit 0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UserOfGit:
    """The user's configuration, and the file that is there once one of its programs was run for govbench."""

    config: Path
    ran: Path

    @staticmethod
    def in_folder(folder: Path) -> UserOfGit:
        """Write the configuration and its programs."""
        programs = folder / "programs"
        programs.mkdir(parents=True)
        user = UserOfGit(config=folder / "gitconfig", ran=folder / "ran")
        for name, end in PROGRAMS.items():
            (programs / name).write_text(PROGRAM.format(ran=user.ran, end=end))
            (programs / name).chmod(0o755)
        user.config.write_text(CONFIG.format(programs=programs))
        return user
