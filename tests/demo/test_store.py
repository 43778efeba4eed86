from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from govbench.demo.store import Store
from govbench.errors import ConfigError


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(max_messages=600)
    yield store
    store.close()


def test_history_in_order(store: Store) -> None:
    store.append("s", question="q1", answer="a1", collection_id="c", user_id="u")
    store.append("other", question="x", answer="y", collection_id="c")
    store.append("s", question="q2", answer="a2", collection_id="c")
    session = store.session("s")
    assert session is not None
    assert [(m.role, m.content) for m in session.messages] == [
        ("user", "q1"),
        ("assistant", "a1"),
        ("user", "q2"),
        ("assistant", "a2"),
    ]
    assert session.user_id == "u"
    assert store.last_question("s") == "q2"


def test_unknown_session(store: Store) -> None:
    assert store.session("none") is None
    assert store.last_question("none") is None
    assert store.delete("none") is None


def test_delete(store: Store) -> None:
    store.append("s", question="q", answer="a", collection_id="c")
    assert store.delete("s") == 2
    assert store.session("s") is None
    store.append("s", question="again", answer="a", collection_id="c")
    assert store.last_question("s") == "again"


def test_keeps_the_newest_messages_only(store: Store) -> None:
    for i in range(2000):
        store.append(f"s{i}", question="q", answer="a", collection_id="c")
    assert 600 <= store.count_messages() <= 600 + 256
    assert store.session("s0") is None
    assert store.session("s1999") is not None


def test_a_file_survives(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for question in ("q1", "q2"):
        store = Store(path)
        store.append("s", question=question, answer="a", collection_id="c")
        store.close()
    store = Store(path)
    assert store.count_messages() == 4
    assert store.last_question("s") == "q2"
    store.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("this is not a database, only some text\n" * 50)
    with pytest.raises(ConfigError, match=r"text\.db"):
        Store(path)
