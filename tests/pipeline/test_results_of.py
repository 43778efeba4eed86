"""Of two sides of a comparison each says which code it is."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from govbench.config.targets import CommandTarget
from govbench.pipeline.ab import results
from govbench.stack.checkout import Checkout
from govbench.stack.prepare import Prepared


def test_a_checkout_is_clean_beside_a_dirty_work_tree(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        words = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", *words)
        return subprocess.run(
            ["git", *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q", "-b", "main")
    (tmp_path / "app.py").write_text("one")
    git("add", "app.py")
    git("commit", "-q", "-m", "one")
    (tmp_path / "app.py").write_text("two")
    commit = git("rev-parse", "HEAD")
    checkout = Checkout(ref="HEAD", commit=commit, repository=tmp_path, root=tmp_path, folder=tmp_path)
    target, config = CommandTarget(command="x {port}"), SimpleNamespace()
    folder = SimpleNamespace(folder="baselines")
    measured: Any = SimpleNamespace(
        cwd=tmp_path, bench=SimpleNamespace(settings=SimpleNamespace(baselines=folder))
    )

    def told(checkout: Checkout | None) -> tuple[str | None, bool | None]:
        ready = Prepared(target=target, config=config, checkout=checkout)  # type: ignore[arg-type]
        found = results._provenance(SimpleNamespace(ready=ready), measured)  # type: ignore[arg-type]
        return found.commit, found.dirty

    assert told(checkout) == (commit, False)
    assert told(None) == (commit, True)
