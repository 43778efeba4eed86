"""The connection of one user to one origin: kept alive, and replaced where it is lost. Knows no HTTP."""

from __future__ import annotations

from govbench.load.clock import Clock
from govbench.load.connection import Connection, OnData
from govbench.load.exchange import Exchange
from govbench.load.heads import KnownHeads
from govbench.load.transport import AddressBook, Origin
from govbench.results.plan import Deadlines
from govbench.results.samples import REUSED

# A look at an idle connection is a system call: left out only where the next request follows at once.
_PEEK_AFTER_NS = 1_000_000


class Network:
    """What all lanes of a run share: clock, addresses, known heads, the connections that have deadlines.

    ``acks_at_once`` is for phases in pairs (``Transport.ack_at_once``).
    """

    __slots__ = ("acks_at_once", "addresses", "clock", "connections", "heads")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.addresses = AddressBook()
        self.connections: set[Connection] = set()
        self.heads = KnownHeads()
        self.acks_at_once = False

    def end_late(self) -> None:
        """End the requests whose deadline has passed."""
        now_ns = self.clock.now_ns()
        late = [c for c in self.connections if c.deadline_ns is not None and c.deadline_ns < now_ns]
        for connection in late:
            connection.expire()


class Lane:
    """Takes one request at a time to an origin.

    Whatever a request raises, even the end of its greenlet, closes the connection: what is still to come on
    it belongs to nobody.
    """

    __slots__ = ("_connection", "_ended_ns", "_network", "_origin", "_verify")

    def __init__(self, network: Network, origin: Origin, *, verify: bool = True) -> None:
        self._network, self._origin, self._verify = network, origin, verify
        self._connection: Connection | None = None
        self._ended_ns = (
            0  # when the last answer was whole; 0 also after a streamed one, which is always looked at
        )

    def send(
        self, request: bytes, exchange: Exchange, deadlines: Deadlines, on_data: OnData | None = None
    ) -> None:
        """Send a request and read its whole answer; see ``Connection.exchange``.

        Raises:
            RequestFailed: no whole answer came.
            OSError: this process cannot open a socket at all.
        """
        connection = self._ready(exchange, deadlines)
        if self._network.acks_at_once:
            connection.ack_at_once()
        try:
            reusable = connection.exchange(request, exchange, on_data)
        except BaseException:
            self.close()
            raise
        connection.deadline_ns = None
        self._ended_ns = exchange.last_byte_ns + (exchange.lag_ns or 0)  # when the program saw it
        if not reusable:
            self.close()

    def open(self, request: bytes, exchange: Exchange, deadlines: Deadlines, on_data: OnData) -> bool:
        """Send a request and read up to the end of its answer's head; false when the answer is whole then.

        Raises: what ``send`` raises.
        """
        connection = self._ready(exchange, deadlines)
        try:
            connection.start(request, exchange, on_data)
        except BaseException:
            self.close()
            raise
        while (is_open := self.advance()) and not connection.has_head:
            pass
        return is_open

    def advance(self) -> bool:
        """Read on in an opened answer; false when it is whole.

        Raises:
            RequestFailed: the rest did not come.
        """
        connection = self._connection
        assert connection is not None
        try:
            if connection.advance():
                return True
        except BaseException:
            self.close()
            raise
        connection.deadline_ns = None
        if not connection.reusable:
            self.close()
        return False

    def _ready(self, exchange: Exchange, deadlines: Deadlines) -> Connection:
        """The connection of the last request, or a new one where the server has closed it since."""
        connection, now_ns = self._connection, self._network.clock.now_ns()
        idle = connection is not None and now_ns - self._ended_ns > _PEEK_AFTER_NS
        if connection is None or (idle and not connection.is_usable()):
            self.close()
            connection = self._connect(exchange, deadlines.connect_s)
            now_ns = self._network.clock.now_ns()
        else:
            exchange.flags |= REUSED
        connection.deadline_ns = now_ns + int(deadlines.total_s * 1e9)
        return connection

    def _connect(self, exchange: Exchange, connect_s: float) -> Connection:
        network = self._network
        address, exchange.dns_ms = network.addresses.find(
            self._origin, verify=self._verify, within_s=connect_s
        )
        connection = Connection(address, connect_s=connect_s, clock=network.clock, heads=network.heads)
        exchange.connect_ms, exchange.tls_ms = connection.connect_ms, connection.tls_ms
        self._connection = connection
        network.connections.add(connection)
        return connection

    def close(self) -> None:
        """Close the connection, where there is one."""
        if self._connection is not None:
            self._network.connections.discard(self._connection)
            self._connection.close()
            self._connection = None
