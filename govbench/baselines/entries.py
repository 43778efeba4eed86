"""The committed baselines: where an entry lies, which entries fit a run, which may be stored and which go.

Layout: ``baselines/<suite>/<machine class>/<commit time>-<short commit>-<profile>-<kind of target>.json``,
one file per measured commit, profile and kind of target.
Judges nothing, and pushes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from govbench.baselines.git import Change, repository
from govbench.baselines.work_tree import (
    read_bytes,
    read_text,
    require,
    require_to_store,
    text_of,
    write_whole,
)
from govbench.errors import ConfigError, PublishError, ResultsError
from govbench.results.baseline import BaselineEntry, from_json, to_json
from govbench.results.comparison import Verdict

DEFAULT_WINDOW = 30
SHORT_COMMIT = 12
MIN_COMMIT_PREFIX = 4
CALIBRATION_NAME = "calibration.json"

_NEEDS_ACCEPTANCE = frozenset({Verdict.REGRESSION, Verdict.INVALID})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What storing did: the file written, those that fell out of the window, the commit made if any."""

    path: Path
    removed: tuple[Path, ...] = ()
    commit_sha: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """The entries that can be used, newest first, and of each that cannot why it is left out."""

    entries: tuple[BaselineEntry, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """A file below the baselines folder: its place there, how errors call it, and what it holds."""

    path: PurePosixPath
    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """Which entries are to be read, by their places."""

    suite: str | None
    machine_class: str | None

    def has(self, path: PurePosixPath) -> bool:
        """Whether an entry that lies there is one of them."""
        suite, machine_class, _ = path.parts
        return self.suite in (None, suite) and self.machine_class in (None, machine_class)


def file_name(entry: BaselineEntry) -> str:
    """Sorts by commit time; one per commit, profile and kind of target: measured again, it is replaced."""
    return _names_of(entry)[0]


def _names_of(entry: BaselineEntry) -> tuple[str, ...]:
    """What an entry is called, and what it was before the target, and the profile, were part of its name.

    Such files are read like others. One that does not say what its target was has no part for it.
    """
    time = entry.committed_at.replace("-", "").replace(":", "")
    stem = f"{time}-{entry.commit[:SHORT_COMMIT]}"
    parts = [_word(entry.profile) or "profile", *filter(None, [_word(_target(entry))])]
    return tuple(f"{'-'.join([stem, *parts[:end]])}.json" for end in range(len(parts), -1, -1))


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")


def _target(entry: BaselineEntry) -> str:
    """What kind of target was measured, as the versions of its test types have it."""
    kinds = {version.settings.get("target", "") for version in entry.versions.values()}
    return " ".join(sorted(kinds))


def entry_path(entry: BaselineEntry) -> PurePosixPath:
    """Where the entry lies, from the baselines folder."""
    return PurePosixPath(entry.suite, entry.machine_class, file_name(entry))


def list_entries(
    folder: Path,
    baselines_folder: Path,
    *,
    suite: str | None = None,
    machine_class: str | None = None,
    ref: str | None = None,
) -> tuple[BaselineEntry, ...]:
    """All entries, of every suite and machine class unless one is named, newest commit first.

    Args:
        folder: any folder of the work tree.
        baselines_folder: absolute, or relative to ``folder``.
        suite: only of that suite.
        machine_class: only of that machine class.
        ref: read the tree of that commit, branch or tag; None reads the work tree, which needs no git.

    Raises:
        ResultsError: an entry cannot be used, or ``ref`` is unknown here; the message names it.
    """
    wanted = _Wanted(suite=suite, machine_class=machine_class)
    return _newest_first(map(_entry, _documents(folder, baselines_folder, ref, wanted)))


def read_window(
    folder: Path,
    baselines_folder: Path,
    suite: str,
    machine_class: str,
    *,
    ref: str | None,
) -> tuple[BaselineEntry, ...]:
    """The entries that a run of this suite on this machine class may be compared with, newest first.

    Arguments and errors are those of ``list_entries``.
    """
    return list_entries(folder, baselines_folder, suite=suite, machine_class=machine_class, ref=ref)


def read_readable(
    folder: Path, baselines_folder: Path, suite: str, machine_class: str, *, ref: str | None
) -> Readable:
    """As ``read_window``, but what cannot be used is left out and told, file and key.

    Raises:
        ResultsError: ``ref`` is unknown here, or git cannot read the repository.
    """
    wanted = _Wanted(suite=suite, machine_class=machine_class)
    entries: list[BaselineEntry] = []
    notes: list[str] = []
    for path, label, content in _contents(folder, baselines_folder, ref, wanted):
        try:
            entries.append(_entry(_Document(path=path, label=label, text=text_of(content, source=label))))
        except ResultsError as error:
            hint = f" ({error.hint})" if error.hint else ""
            notes.append(f"A stored run is left out: {error}{hint}.")
    return Readable(entries=_newest_first(entries), notes=tuple(notes))


def other_classes(
    folder: Path, baselines_folder: Path, suite: str, machine_class: str, *, ref: str | None
) -> tuple[str, ...]:
    """The other machine classes that have baselines of this suite, by name."""
    found = {path.parts[1] for path in _names(folder, baselines_folder, ref) if path.parts[0] == suite}
    return tuple(sorted(found - {machine_class}))


def find_entry(
    folder: Path,
    baselines_folder: Path,
    what: str,
    *,
    ref: str | None = None,
    machine_class: str | None = None,
) -> BaselineEntry:
    """The one entry that ``what`` names: a file, an anchor, or the beginning of a commit id.

    Raises:
        ResultsError: it names none or several.
    """
    file = folder / what
    if file.is_file():
        return from_json(read_text(file), source=what)
    entries = list_entries(folder, baselines_folder, machine_class=machine_class, ref=ref)
    found = [entry for entry in entries if what == entry.anchor or _is_prefix(what, entry.commit)]
    if not found:
        raise ResultsError(
            f"{what}: no such baseline", hint="govbench baseline list shows the commits that have one"
        )
    if len(found) > 1:
        names = ", ".join(str(entry_path(entry)) for entry in found)
        raise ResultsError(f"{what}: names several baselines: {names}", hint="name one of these files")
    return found[0]


def store(
    entry: BaselineEntry,
    *,
    folder: Path,
    baselines_folder: Path,
    window: int = DEFAULT_WINDOW,
    commit: bool = False,
    allow_dirty: bool = False,
    remember: bool = False,
) -> Stored:
    """Write an entry, drop those that leave the window, and with ``commit`` commit exactly these files.

    Of each plan the ``window`` newest commits stay; anchors stay besides. With ``remember`` a regression that
    nobody accepted is written as well: its metrics are suspects, outside of what runs are held against. An
    entry of the same commit, profile and kind of target is replaced and its anchor kept. Nothing is written
    when the entry is refused or git has no author.

    Raises:
        PublishError: not a git repository, an entry that must not become a baseline, a file that cannot
            be written, or a commit that cannot be made.
        ResultsError: the folder lies outside the repository, or an entry already there cannot be read.
    """
    _refuse_unsound(entry, allow_dirty=allow_dirty, remember=remember)
    found = repository(folder)
    repo = require_to_store(found, folder)
    base = folder / baselines_folder
    root = repo.relative(base)
    if commit:
        repo.author()
    there = _located(folder, baselines_folder, entry.suite, entry.machine_class)
    kept = _with_earlier_anchor(entry, there.values())
    others = {place: other for place, other in there.items() if not _is_of_same(other, entry)}
    leaving = _beyond_window([kept, *others.values()], window)
    if kept in leaving:
        raise PublishError(
            f"commit {entry.commit[:SHORT_COMMIT]} is older than the {window} baselines of the window",
            hint="store it as an anchor, or widen [baselines] window",
        )
    path = base / entry_path(kept)
    write_whole(path, to_json(kept))
    gone = [place for place, other in others.items() if other in leaving]
    gone += [place for place in there if place not in others and place != entry_path(kept)]
    removed = _remove(base, gone)
    sha = repo.commit(_change(kept, root, gone)) if commit else None
    return Stored(path=path, removed=removed, commit_sha=sha)


def prune(
    folder: Path, baselines_folder: Path, suite: str, machine_class: str, *, window: int
) -> tuple[Path, ...]:
    """Remove from the work tree what lies beyond the window, anchors excepted; returns the removed files.

    Raises:
        PublishError: a file cannot be removed.
        ResultsError: an entry cannot be read.
    """
    there = _located(folder, baselines_folder, suite, machine_class)
    leaving = _beyond_window(there.values(), window)
    return _remove(folder / baselines_folder, [place for place, entry in there.items() if entry in leaving])


def not_checked_out(folder: Path, baselines_folder: Path, suite: str, machine_class: str) -> int:
    """How many entries the commit has and this work tree does not, for it is a sparse one."""
    repo = repository(folder)
    if repo is None:
        return 0
    wanted = _Wanted(suite=suite, machine_class=machine_class)
    try:
        root = repo.relative(folder / baselines_folder)
        below = [PurePosixPath(path).relative_to(root) for path in repo.left_out(root)]
    except ResultsError:  # nothing can be told; what is asked of it elsewhere says why
        return 0
    return sum(_is_entry(place) and wanted.has(place) for place in below)


def _refuse_unsound(entry: BaselineEntry, *, allow_dirty: bool, remember: bool) -> None:
    short = entry.commit[:SHORT_COMMIT]
    if entry.dirty and not allow_dirty:
        raise PublishError(
            f"run {entry.run_id} was measured with uncommitted changes: it is no measurement of {short}",
            hint="commit first and measure again, or store it with --allow-dirty",
        )
    if entry.accepted is not None:
        return
    accept = "a person may accept it: --accept 'why'"
    is_remembered = remember and entry.verdict is Verdict.REGRESSION and entry.suspects
    if entry.verdict in _NEEDS_ACCEPTANCE and not is_remembered:
        raise PublishError(f"run {entry.run_id} is judged {entry.verdict}: not stored", hint=accept)
    if entry.saturated:
        raise PublishError(f"run {entry.run_id} was limited by the load generator: not stored", hint=accept)
    if entry.accounting.ok == 0:
        raise PublishError(f"run {entry.run_id} has no successful request: not stored", hint=accept)


def _with_earlier_anchor(entry: BaselineEntry, there: Iterable[BaselineEntry]) -> BaselineEntry:
    earlier = next((other.anchor for other in there if _is_of_same(other, entry)), None)
    return replace(entry, anchor=entry.anchor or earlier)


def _is_of_same(other: BaselineEntry, entry: BaselineEntry) -> bool:
    return (other.commit, other.profile, _target(other)) == (entry.commit, entry.profile, _target(entry))


def _located(
    folder: Path, baselines_folder: Path, suite: str, machine_class: str
) -> dict[PurePosixPath, BaselineEntry]:
    """The entries of the work tree by where they lie, from the baselines folder."""
    wanted = _Wanted(suite=suite, machine_class=machine_class)
    return {each.path: _entry(each) for each in _documents(folder, baselines_folder, None, wanted)}


def _plan(entry: BaselineEntry) -> tuple[object, ...]:
    """What has a window of its own: a profile as it is now, or as it was."""
    hashes = sorted((name, version.hash) for name, version in entry.versions.items())
    return entry.profile, tuple(hashes) or entry.suite_version


def _beyond_window(entries: Iterable[BaselineEntry], window: int) -> tuple[BaselineEntry, ...]:
    if window < 1:
        raise ConfigError(f"baselines.window is {window}: a window keeps at least 1 baseline")
    by_plan: dict[tuple[object, ...], list[BaselineEntry]] = {}
    for entry in _newest_first(entries):
        if entry.anchor is None:
            by_plan.setdefault(_plan(entry), []).append(entry)
    return tuple(entry for alike in by_plan.values() for entry in alike[window:])


def _change(entry: BaselineEntry, root: PurePosixPath, gone: Iterable[PurePosixPath]) -> Change:
    trailers = [f"Govbench-Run: {entry.run_id}"]
    if entry.accepted is not None:
        trailers.append(f"Govbench-Accepted: {entry.accepted}")
    subject = f"chore(govbench): baseline {entry.suite} @ {entry.commit[:SHORT_COMMIT]}"
    return Change(
        added=(root / entry_path(entry),),
        removed=tuple(root / path for path in gone),
        message=f"{subject}\n\n" + "\n".join(trailers),
    )


def _newest_first(entries: Iterable[BaselineEntry]) -> tuple[BaselineEntry, ...]:
    order = sorted(entries, key=lambda entry: (entry.committed_at, entry.measured_at, entry.commit))
    return tuple(reversed(order))


def _is_prefix(what: str, commit: str) -> bool:
    return len(what) >= MIN_COMMIT_PREFIX and commit.startswith(what.lower())


def _documents(folder: Path, baselines_folder: Path, ref: str | None, wanted: _Wanted) -> Iterator[_Document]:
    for path, label, content in _contents(folder, baselines_folder, ref, wanted):
        yield _Document(path=path, label=label, text=text_of(content, source=label))


def _contents(
    folder: Path, baselines_folder: Path, ref: str | None, wanted: _Wanted
) -> Iterator[tuple[PurePosixPath, str, bytes]]:
    """Place, name for messages, and content of the wanted entries."""
    base = folder / baselines_folder
    if ref is not None:
        yield from _contents_at(folder, base, ref, wanted)
        return
    for path in _names(folder, baselines_folder, None):
        if wanted.has(path):
            try:
                content = read_bytes(base / path)
            except FileNotFoundError:  # another process has just pruned it
                continue
            yield path, str(baselines_folder / path), content


def _contents_at(
    folder: Path, base: Path, ref: str, wanted: _Wanted
) -> Iterator[tuple[PurePosixPath, str, bytes]]:
    repo = require(repository(folder), folder)
    root = repo.relative(base)
    files = {
        file: blob
        for file, blob in repo.files(repo.resolve(ref), root).items()
        if _is_entry(file.relative_to(root)) and wanted.has(file.relative_to(root))
    }
    contents = repo.contents(files.values())
    for file, blob in files.items():
        yield file.relative_to(root), f"{ref}:{file}", contents[blob]


def _names(folder: Path, baselines_folder: Path, ref: str | None) -> tuple[PurePosixPath, ...]:
    """The places of all entries, from the baselines folder; nothing is read."""
    base = folder / baselines_folder
    if ref is None:
        files = [file for file in sorted(base.glob("*/*/*.json")) if file.is_file()]
        found = [PurePosixPath(*file.relative_to(base).parts) for file in files]
    else:
        its_repository = repository(folder)
        repo = require(its_repository, folder)
        root = repo.relative(base)
        found = [file.relative_to(root) for file in repo.files(repo.resolve(ref), root)]
    return tuple(path for path in found if _is_entry(path))


def _is_entry(path: PurePosixPath) -> bool:
    return len(path.parts) == 3 and path.suffix == ".json" and path.name != CALIBRATION_NAME


def _entry(document: _Document) -> BaselineEntry:
    entry = from_json(document.text, source=document.label)
    expected = entry_path(entry)
    if document.path not in [expected.with_name(name) for name in _names_of(entry)]:
        raise ResultsError(
            f"{document.label}: suite, machine_class, committed_at and commit in it belong at {expected}",
            hint="the file was moved or edited by hand: restore it with git, or remove it",
        )
    return entry


def _remove(base: Path, places: Iterable[PurePosixPath]) -> tuple[Path, ...]:
    """Remove those of these files that there are."""
    removed = []
    for path in (base / place for place in places):
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise PublishError(f"{path}: cannot be removed: {error.strerror or error}") from error
        removed.append(path)
    return tuple(removed)
