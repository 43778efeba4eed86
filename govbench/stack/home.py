"""The folder of a booted instance: its data, and what tells others whose it is when we are killed.

The keeper has it in its charge, and a home is locked as long as the govbench lives that made it. One that is
not locked was left behind by one that was killed, or belongs to a stack that was brought up to stay.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from govbench.stack.keeper import Charge, keeper
from govbench.stack.processes import members, start_token, terminate

PREFIX: Final = "govbench-data-"
_LOCK, _OWNER, _DATA = "lock", "owner.json", "data"
_END_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owner:
    """Whose a home is: mark and process of the stack, and the file that knows of a stack that stays."""

    mark: str
    pid: int | None = None
    token: str | None = None
    kept_by: str | None = None


class Home:
    """A folder that goes with an instance.

    Attributes:
        root: the folder; ``data`` in it is what the instance is given, and empty at first.
    """

    def __init__(self, root: Path, lock: IO[str], owner: _Owner, stop_timeout_s: float) -> None:
        self.root, self.data = root, root / _DATA
        self._lock, self._owner, self._stop_timeout_s = lock, owner, stop_timeout_s
        self.data.mkdir()
        self._told()

    def note(self, pid: int) -> None:
        """Keep the process of the instance in mind."""
        self._owner = dataclasses.replace(self._owner, pid=pid, token=start_token(pid))
        self._told()

    def leave(self) -> None:
        """Let it stay with an instance that runs on."""
        keeper().forget(self._owner.mark)
        self._lock.close()

    def remove(self) -> None:
        """Remove it with all that the instance has written; what cannot be removed stays."""
        shutil.rmtree(self.root, ignore_errors=True)
        keeper().forget(self._owner.mark)
        self._lock.close()

    def _told(self) -> None:
        """Tell the keeper, and write down for a later govbench, what is to be ended."""
        owner = self._owner
        keeper().watch(
            Charge(mark=owner.mark, pid=owner.pid, timeout_s=self._stop_timeout_s, folder=str(self.root))
        )
        beside = self.root / f"{_OWNER}.part"
        beside.write_text(json.dumps(dataclasses.asdict(self._owner)), encoding="utf-8")
        beside.replace(self.root / _OWNER)


def make_home(mark: str, *, stop_timeout_s: float = _END_S, kept_by: Path | None = None) -> Home:
    """A new home, in the temporary folder of the system.

    Args:
        mark: of the instance.
        stop_timeout_s: time that it gets to end by itself when the keeper has to end it.
        kept_by: a file that names the home as long as its stack is meant to stay; None: it goes with us.
    """
    owner = _Owner(mark=mark, kept_by=None if kept_by is None else str(kept_by.absolute()))
    while True:
        root = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        lock = (root / _LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (root / _LOCK).exists():  # nobody has taken it for a leftover in the moment before the lock
            return Home(root, lock, owner, stop_timeout_s)
        lock.close()


def clear_leftovers(parent: Path) -> int:
    """End and remove what killed ones have left in ``parent``; how many instances that were.

    Only homes that are this user's, that nobody holds, and that no stack which stays has; and of processes
    only those that are known by mark or by the moment they started.
    """
    return sum(_is_cleared(root) for root in sorted(parent.glob(f"{PREFIX}*")))


def _is_cleared(root: Path) -> bool:
    try:
        if root.is_symlink() or root.stat().st_uid != os.getuid():
            return False
        with (root / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _has_ended(root)
    except OSError:  # no lock, so none of ours; or held; or gone by now
        return False


def _has_ended(root: Path) -> bool:
    owner = _owner_of(root)
    if owner is not None:
        lives = owner.pid is not None and owner.token is not None and start_token(owner.pid) == owner.token
        there = lives or bool(members(None, owner.mark))
        if owner.kept_by is not None and (there or is_named_in(Path(owner.kept_by), root)):
            return False
        if there and terminate(owner.pid or 0, owner.mark, _END_S, reap=lambda: None, whole_group=lives):
            return False
    shutil.rmtree(root, ignore_errors=True)
    return True


def is_named_in(file: Path, root: Path) -> bool:
    """Whether a file names this folder, as the state of a stack that stays does."""
    with contextlib.suppress(OSError):
        return str(root) in file.read_text(encoding="utf-8", errors="replace")
    return False


def _owner_of(root: Path) -> _Owner | None:
    """None where its maker was killed before anything was started."""
    try:
        return _Owner(**json.loads((root / _OWNER).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise OSError(f"{root}: written by another version") from error
