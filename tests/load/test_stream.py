from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.load.stream import MAX_EVENT_BYTES, EventStream, KnownPiece
from govbench.results.answers import PIECE, STREAMS
from govbench.results.plan import Api


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


CHUNK = b'{"id":"c-1","choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}'
DELTA = b'{"type": "delta", "delta": "%b"}'


def known(event: bytes) -> KnownPiece:
    piece = KnownPiece()
    piece.learn(event)
    return piece


@pytest.mark.parametrize("kind", [CHUNK, DELTA])
def test_an_event_with_another_text_says_the_same(kind: bytes) -> None:
    piece = known(kind % b"Hello")
    assert piece.says_the_same(kind % b", world: {1} [2] \x27")
    assert piece.says_the_same(kind % b"Hello")


@pytest.mark.parametrize(
    "other",
    [
        CHUNK % b"",
        CHUNK % b"\\n",
        CHUNK % b'x","refusal":"',
        CHUNK % "für".encode(),
        CHUNK % b"a\nb",
        (CHUNK % b"x").replace(b"null", b'"stop"'),
        (CHUNK % b"x")[:-1],
        CHUNK.partition(b"%b")[0][:-1] + b'"},"finish_reason":null}]}',
        b"[DONE]",
        b"",
    ],
)
def test_an_event_that_differs_otherwise_is_left_to_the_parser(other: bytes) -> None:
    assert not known(CHUNK % b"Hello").says_the_same(other)


@pytest.mark.parametrize("event", [b'{"content":"a","text":"b"}', CHUNK % b"", CHUNK % "ü".encode(), b"{}"])
def test_events_that_are_not_learned(event: bytes) -> None:
    assert not known(event).says_the_same(event)


def test_a_stream_is_not_learned_over_and_over() -> None:
    piece = KnownPiece()
    for number in range(10):
        piece.learn(b'{"n":%d,"text":"a"}' % number)
    assert piece.says_the_same(b'{"n":2,"text":"b"}')
    assert not piece.says_the_same(b'{"n":9,"text":"b"}')


@given(
    st.sampled_from([(Api.OPENAI_CHAT, CHUNK), (Api.GOVSTACK, DELTA)]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1),
    st.binary(max_size=8) | st.text('ab"\\{}:, ü\n', max_size=8).map(str.encode),
)
def test_what_says_the_same_is_a_piece_for_the_parser_too(
    kind: tuple[Api, bytes], text: str, other: bytes
) -> None:
    api, event = kind
    first = event % text.encode()
    try:
        is_piece = STREAMS[api](first) is PIECE
    except ValueError:
        is_piece = False
    if is_piece and known(first).says_the_same(event % other):
        assert STREAMS[api](event % other) is PIECE
