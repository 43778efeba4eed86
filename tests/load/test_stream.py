from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.load.stream import MAX_EVENT_BYTES, EventStream


def fed(*pieces: bytes) -> list[tuple[bytes, int]]:
    found: list[tuple[bytes, int]] = []
    stream = EventStream(lambda data, at_ns: found.append((data, at_ns)))
    for at_ns, piece in enumerate(pieces):
        stream.feed(piece, at_ns)
    return found


def test_an_event_is_told_once_it_is_whole_with_the_arrival_of_its_end() -> None:
    assert fed(b"data: a", b"b\n", b"\ndata: c\n\n") == [(b"ab", 2), (b"c", 2)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends(end: bytes) -> None:
    assert fed(b"event: x" + end + b"data: a" + end + b"data:b" + end + end) == [(b"a\nb", 0)]


def test_comments_and_other_fields_are_no_events() -> None:
    assert fed(b": keep-alive\n\nid: 3\n\nretry: 5\n\n") == []


def test_an_event_without_its_empty_line_is_none() -> None:
    assert fed(b"data: a\n") == []


def test_an_endless_event_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        fed(b"data: " + b"x" * MAX_EVENT_BYTES)


@given(st.lists(st.text("abc é", min_size=1), max_size=5), st.sampled_from([b"\n", b"\r\n"]), st.data())
def test_pieces_do_not_matter(texts: list[str], end: bytes, data: st.DataObject) -> None:
    whole = b"".join(b"data: " + text.encode() + end + end for text in texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert [event for event, _ in fed(*pieces)] == [text.encode() for text in texts]
