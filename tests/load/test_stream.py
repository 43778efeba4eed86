from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.load.stream import KnownPiece
from govbench.results.answers import PIECE, STREAMS, EventReader, http_event_reader
from govbench.results.plan import Api, HttpTemplate

CHUNK = b'{"id":"c-1","choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}'
DELTA = b'{"type": "delta", "delta": "%b"}'
TEMPLATES = [
    HttpTemplate(answer_path="delta"),
    HttpTemplate(answer_path="type", session_path="delta"),
    HttpTemplate(answer_path="delta", end='{"type": "delta", "delta": "ab"}'),
    HttpTemplate(answer_path="delta", end="ab"),
]


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
    st.sampled_from(
        [(STREAMS[Api.OPENAI_CHAT], CHUNK), (STREAMS[Api.GOVSTACK], DELTA)]
        + [(http_event_reader(template), DELTA) for template in TEMPLATES]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1),
    st.binary(max_size=8) | st.text('ab"\\{}:, ü\n', max_size=8).map(str.encode),
)
def test_what_says_the_same_is_a_piece_for_the_parser_too(
    kind: tuple[EventReader, bytes], text: str, other: bytes
) -> None:
    read, event = kind
    first = event % text.encode()
    try:
        is_piece = read(first) is PIECE
    except ValueError:
        is_piece = False
    if is_piece and known(first).says_the_same(event % other):
        assert read(event % other) is PIECE
