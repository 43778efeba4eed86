from __future__ import annotations

from pathlib import Path

import pytest

from govbench.baselines.work_tree import write_whole
from govbench.errors import PublishError


def test_a_file_that_cannot_take_its_place_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "entry.json").mkdir()

    with pytest.raises(PublishError, match=r"entry\.json: cannot be written"):
        write_whole(tmp_path / "entry.json", "text")

    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".entry.json")]


def test_a_text_that_cannot_be_encoded_leaves_nothing_beside_it(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "entry.json", "a lone \ud800")

    assert not [path for path in tmp_path.iterdir() if "entry.json" in path.name]
