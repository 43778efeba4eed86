"""Pieces of samples on their way: whole, repeated, and lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from govbench.load import shipping
from govbench.load.exchange import Exchange
from govbench.load.recorder import Origin, Recorder
from govbench.load.shipping import Piece, Received, Shipper
from govbench.record.reader import read_samples
from govbench.results.samples import Kind


class Way:
    """A worker's recorder, the master's folder, and the pieces between them."""

    def __init__(self, folder: Path, *, with_records: bool = True) -> None:
        self.here, self.there = folder / "here", folder / "there"
        self.here.mkdir()
        self.recorder = Recorder(self.here)
        self.shipper = Shipper(self.recorder, self.here, with_records=with_records)
        self.received = Received(self.there)

    def record(self, count: int, events: int = 0) -> None:
        for number in range(count):
            exchange = Exchange(1_700_000_000_000_000_000 + self.recorder.ended * 1_000_000)
            exchange.send_ns = exchange.due_ns
            exchange.last_byte_ns = exchange.due_ns + 5_000_000
            name = self.recorder.name_index(f"name {number % 3}")
            self.recorder.begin()
            times = [exchange.due_ns + i * 1_000 for i in range(events)]
            kind = self.recorder.kind_index(Kind("citizen", f"category {number % 2}"))
            origin = Origin(number, name, 0, 0, 0, 0, session=number, kind=kind)
            self.recorder.finish(exchange, origin, None, times)

    def same(self) -> bool:
        self.recorder.close()
        self.received.close()
        return all(
            (self.there / name).read_bytes() == (self.here / name).read_bytes()
            for name in ("samples", "events", "names.json", "kinds.json")
            if (self.here / name).exists()
        )


@pytest.fixture
def way(tmp_path: Path) -> Way:
    return Way(tmp_path)


def test_pieces_make_the_same_files(way: Way) -> None:
    for count in (5, 0, 7):
        way.record(count, events=3)
        assert way.received.take(way.shipper.piece())
    assert way.shipper.is_complete
    assert way.received.records == 12
    assert way.same()


def test_what_was_received_is_read_while_it_grows(way: Way) -> None:
    way.record(4, events=1)
    way.received.take(way.shipper.piece())
    table = read_samples(way.there)
    assert len(table) == table.header.sent == 4
    assert table.names == ("name 0", "name 1", "name 2")
    assert table.kinds == (Kind("citizen", "category 0"), Kind("citizen", "category 1"))
    assert table.column("kind").tolist() == [0, 1, 0, 1]
    assert table.events()[0].tolist() == [0, 1, 2, 3]
    assert way.same()


def test_more_than_a_piece_holds_goes_in_several(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "MAX_RECORDS", 10)
    monkeypatch.setattr(shipping, "MAX_EVENT_BYTES", 64)
    way.record(25, events=2)
    pieces = 0
    while not way.shipper.is_complete:
        assert way.received.take(way.shipper.piece())
        pieces += 1
    assert pieces >= 3
    assert way.same()


def test_a_repeated_piece_counts_once(way: Way) -> None:
    way.record(5, events=2)
    piece = way.shipper.piece()
    assert way.received.take(piece)
    assert way.received.take(piece)
    assert way.received.repeated == 5
    assert way.same()


def test_a_lost_piece_is_seen_and_sent_again(way: Way) -> None:
    way.record(5, events=2)
    way.received.take(way.shipper.piece())
    way.record(5, events=2)
    way.shipper.piece()  # lost
    way.record(5, events=2)
    assert not way.received.take(way.shipper.piece())
    assert way.received.records == 5
    way.shipper.rewind(way.received.records, way.received.event_bytes)
    assert not way.shipper.is_complete
    assert way.received.take(way.shipper.piece())
    assert way.same()


def test_any_loss_and_repetition_is_made_good(way: Way) -> None:
    rng = random.Random(4)
    sent: list[Piece] = []
    for _ in range(200):
        way.record(rng.randrange(4), events=rng.randrange(3))
        sent.append(way.shipper.piece())
        if rng.random() < 0.3 and not way.received.take(rng.choice(sent[-3:])):
            way.shipper.rewind(way.received.records, way.received.event_bytes)
    while not way.shipper.is_complete or way.received.records < way.recorder.ended:
        if not way.received.take(way.shipper.piece()):
            way.shipper.rewind(way.received.records, way.received.event_bytes)
    assert way.received.take(way.shipper.piece())
    assert way.same()


def test_a_worker_on_the_same_machine_ships_counts_alone(tmp_path: Path) -> None:
    way = Way(tmp_path, with_records=False)
    way.record(5)
    assert way.shipper.piece() == {"counters": [5, 0, 5], "ok": 5, "failed": 0}
    assert way.shipper.is_complete
    way.same()
