"""The grammar of server-sent events, whatever pieces they arrive in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.results.events import MAX_EVENT_BYTES, EventStream


def named(*pieces: bytes, end: bool = False) -> list[tuple[bytes, int, bytes]]:
    found: list[tuple[bytes, int, bytes]] = []
    stream = EventStream(lambda data, at_ns, name: found.append((data, at_ns, name)))
    for at_ns, piece in enumerate(pieces):
        stream.feed(piece, at_ns)
    if end:
        stream.end(99)
    return found


def fed(*pieces: bytes, end: bool = False) -> list[tuple[bytes, int]]:
    return [(data, at_ns) for data, at_ns, _ in named(*pieces, end=end)]


def test_an_event_is_told_once_it_is_whole_with_the_arrival_of_its_end() -> None:
    assert fed(b"data: a", b"b\n", b"\ndata: c\n\n") == [(b"ab", 2), (b"c", 2)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends(end: bytes) -> None:
    assert fed(b"event: x" + end + b"data: a" + end + b"data:b" + end + end) == [(b"a\nb", 0)]


@pytest.mark.parametrize(
    "stream",
    [
        b"data: a\r\n\ndata: b\n\r\n",
        b"data: a\r\n\rdata: b\n\r",
        b"data: a\r\rdata: b\n\n",
        b"\xef\xbb\xbfdata: a\n\ndata: b\n\n",
        b"data: a\n\n\n\ndata: b\n\n",
        b"data: a\n: comment\nid: 1\n\ndata:b\n\n",
    ],
)
def test_ends_of_any_kind_and_one_mark_of_byte_order(stream: bytes) -> None:
    expected = [b"a", b"b"]
    assert [data for data, _ in fed(stream)] == expected
    for cut in range(len(stream)):
        assert [data for data, _ in fed(stream[:cut], stream[cut:])] == expected
    assert [data for data, _ in fed(*(stream[i : i + 1] for i in range(len(stream))))] == expected


def test_a_mark_of_byte_order_later_on_is_no_field() -> None:
    assert fed(b"data: a\n\n\xef\xbb\xbfdata: b\n\n") == [(b"a", 0)]


def test_names_are_those_of_their_event() -> None:
    stream = b"event: error\ndata: a\n\ndata: b\n\nevent: lost\n\ndata: c\nevent:late\n\ndata: d\n\n"
    expected = [(b"a", b"error"), (b"b", b""), (b"c", b"late"), (b"d", b"")]
    assert [(data, name) for data, _, name in named(stream)] == expected
    # a piece that is just one event is read in a quicker way
    assert [(data, name) for data, _, name in named(b"event: x\n", b"data: a\n\n")] == [(b"a", b"x")]


def test_comments_and_other_fields_are_no_events() -> None:
    assert fed(b": keep-alive\n\nid: 3\n\nretry: 5\n\n") == []


def test_an_event_without_its_empty_line_is_none() -> None:
    assert fed(b"data: a\n", end=True) == []


@pytest.mark.parametrize("last", [b"data: [DONE]\n", b"data: [DONE]", b"data:[DONE]\r\n", b"data: [DONE]\r"])
def test_an_end_mark_needs_no_empty_line_at_the_end(last: bytes) -> None:
    stream = EventStream(lambda *_: None)
    stream.feed(b"data: a\n\n" + last, 1)
    stream.end(2)
    assert not stream.is_amid_an_event
    assert fed(b"data: a\n\n" + last, end=True) == [(b"a", 0), (b"[DONE]", 99)]
    assert fed(b"data: a\n\n" + last) == [(b"a", 0)]


@pytest.mark.parametrize("rest", [b"data: a", b"data: a\n", b"data: [DON", b"data: a\ndata: [DONE]\n"])
def test_a_stream_that_ends_within_an_event_says_so(rest: bytes) -> None:
    stream = EventStream(lambda *_: None)
    stream.feed(rest, 1)
    stream.end(2)
    assert stream.is_amid_an_event


@pytest.mark.parametrize("line", [b"x" * MAX_EVENT_BYTES, b"x\ndata: " * (MAX_EVENT_BYTES // 2)])
def test_an_endless_event_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="limit"):
        fed(b"data: " + line, b"x")


@given(
    st.lists(st.text("abc é", min_size=1), max_size=5), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.data()
)
def test_pieces_do_not_matter(texts: list[str], end: bytes, data: st.DataObject) -> None:
    whole = b"".join(b"data: " + text.encode() + end + end for text in texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert [event for event, _ in fed(*pieces)] == [text.encode() for text in texts]
