"""The vigil: tell our witness that we are here, and watch those who have named us theirs.

The sockets and the waiting around `gateway.witness`, which knows the rules. One UDP socket beside
the node's own TCP port, and one greenlet that reads it, one that pings and looks for the silent,
and one for each node that is being accused.
"""

import errno
import random
import socket
import time
from collections.abc import Callable

import gevent
import structlog
from gevent.pool import Group

from coordinator.controller import Controller
from coordinator.errors import CoordinatorError
from coordinator.fleet import Fleet
from coordinator.lease import Lease
from coordinator.model import Node, NodeState
from coordinator.times import utc_now
from coordinator.witness import Witness, choose_witness
from gateway.errors import Malformed
from gateway.node.lease import NodeLease
from gateway.witness import PING_EVERY_S, SILENT_S
from gateway.witness.message import MAX_SIZE, Kind, Message, seal, unseal
from gateway.witness.watched import Watched
from gateway.witness.watcher import Watch, Watcher

log = structlog.get_logger()

KNOCK_S = 0.3  # a port that refuses does so at once; one that is silent proves nothing
ACCUSE_S = 3.0  # then the lease is about to run out anyway
CHOOSE_EVERY_S = 5.0
ALONE_S = 0.5  # between two looks whether somebody watches or is watched
BIND_AGAIN_S = 1.0  # our predecessor's process may still hold the port


class Vigil:
    """One per node that others can reach; pure rules in `watched` and `watcher`."""

    def __init__(
        self,
        fleet: Fleet,
        lease: NodeLease,
        watched: Watched,
        me: Node,
        wake: Callable[[], None],
    ) -> None:
        """`me` is this node's row; `lease` reads `watched` for the gate; `wake()` makes the node
        renew its lease now."""
        self._fleet = fleet
        self._lease = lease
        self._watched = watched
        self._watcher = Watcher()
        self._me = me
        self._wake = wake
        self._controller = Controller(fleet.prologue, 0)
        self._socket: socket.socket | None = None
        self._greenlets = Group()
        self._woken_at = 0.0

    def run(self) -> None:
        """Keep it until killed."""
        where = _parse(self._me.peer_address)
        assert where is not None, "a node that nobody can reach keeps no vigil"
        while self._socket is None:
            self._socket = _bind(where[1])
            if self._socket is None:
                gevent.sleep(BIND_AGAIN_S)
        self._greenlets.spawn(self._listen, self._socket)
        self._greenlets.spawn(self._choose)
        try:
            self._tell_and_watch()
        finally:
            self._greenlets.kill()
            self._socket.close()

    # -- being watched ---------------------------------------------------------------------------

    def _tell_and_watch(self) -> None:
        while True:
            now = time.monotonic()
            held = self._lease.held_or_none()
            if held is not None:
                self._watcher.become(held.node, held.inc)
            witness = self._lease.witness
            ping = self._watched.ping(now)
            if ping is not None and witness is not None:
                self._send(ping, witness.address)
            for watch in self._watcher.silent(now):
                self._watcher.accuse(watch)
                self._greenlets.spawn(self._accuse, watch)
            is_alone = witness is None and not self._watcher
            pause_s = ALONE_S if is_alone else PING_EVERY_S
            gevent.sleep(pause_s * random.uniform(0.9, 1.1))

    def _choose(self) -> None:
        """Name a witness, and another one when that has ended."""
        while True:
            try:
                self._lease.witness = self._chosen(self._lease.witness)
            except CoordinatorError as error:
                log.debug("no witness chosen", why=str(error))
            gevent.sleep(CHOOSE_EVERY_S if self._lease.witness else CHOOSE_EVERY_S / 5)

    def _chosen(self, present: Witness | None) -> Witness | None:
        if present is not None:
            row = self._fleet.nodes.node(present.node)
            if row is not None and row.state is NodeState.UP and row.inc == present.inc:
                return present
        return choose_witness(self._me, self._fleet.nodes.nodes())

    def _listen(self, sock: socket.socket) -> None:
        while True:
            try:
                datagram, source = sock.recvfrom(MAX_SIZE + 1)
            except OSError as error:  # a port of another node that is closed
                log.debug("witness datagram refused", why=str(error))
                continue
            try:
                message = unseal(datagram, self._fleet.witness_key)
            except Malformed as error:
                log.debug("witness datagram dropped", source=source[0], why=error.reason)
                continue
            now = time.monotonic()
            match message.kind:
                case Kind.PING if self._watcher.hear(message, now):
                    self._answer(sock, message, source)
                case Kind.PROMISE:
                    self._watched.hear(message)
                case Kind.WAKE if now - self._woken_at > SILENT_S and self._is_for_us(message):
                    self._woken_at = now
                    self._wake()

    def _answer(self, sock: socket.socket, ping: Message, source: tuple[str, int]) -> None:
        promise = Message(
            Kind.PROMISE, ping.number, ping.node, ping.inc, ping.witness, ping.witness_inc
        )
        try:
            sock.sendto(seal(promise, self._fleet.witness_key), source)
        except OSError as error:
            log.debug("promise not sent", why=str(error))

    def _is_for_us(self, message: Message) -> bool:
        held = self._lease.held_or_none()
        return held is not None and message.node == held.node

    # -- watching --------------------------------------------------------------------------------

    def _accuse(self, watch: Watch) -> None:
        """Find out whether a silent node is gone, and say so: twice, `suspect_ms` apart."""
        try:
            word = self._try(watch)
        except (CoordinatorError, OSError) as error:
            log.debug("accusation given up", node=watch.node, why=str(error))
            word = ""
        except Exception:  # whatever it is, the next silence is looked into again
            log.exception("accusation failed")
            word = ""
        if word in ("dead", "gone"):
            self._watcher.condemn(watch)
        else:
            gevent.sleep(SILENT_S)
            self._watcher.acquit(watch)

    def _try(self, watch: Watch) -> str:
        row = self._fleet.nodes.node(watch.node)
        if row is None or row.inc != watch.inc or row.state is not NodeState.UP:
            return "gone"
        until, word = time.monotonic() + ACCUSE_S, "alive"
        while time.monotonic() < until and not watch.spoke and _refuses(row.peer_address):
            held = self._lease.held
            finding = self._fleet.leases.suspect(held, watch.node, watch.inc, utc_now())
            word = finding.word
            if finding.is_dead:
                log.warning("node is gone", node=watch.node, incarnation=watch.inc)
                self._place_hubs(held, row)
            if word in ("dead", "gone"):
                return word
            # Its sockets close one by one: presence may end some milliseconds after the port.
            pause_ms = finding.wait_ms + 2 if word == "suspect" else 30
            gevent.sleep(pause_ms / 1000)
        return word

    def _place_hubs(self, held: Lease, dead: Node) -> None:
        """Give the hubs of a dead node to others, and tell these: their clients are on the way."""
        placed = self._controller.place_hubs_of(dead, held, utc_now())
        if held.node in placed:
            self._wake()
        for other in placed - {held.node}:
            row = self._fleet.nodes.node(other)
            if row is not None:
                self._send(Message(Kind.WAKE, 0, other, row.inc), row.peer_address)

    def _send(self, message: Message, address: str) -> None:
        where = _parse(address)
        if self._socket is None or where is None:
            return
        try:
            self._socket.sendto(seal(message, self._fleet.witness_key), where)
        except OSError as error:
            log.debug("witness datagram not sent", to=address, why=str(error))


def _parse(address: str) -> tuple[str, int] | None:
    host, _, port = address.rpartition(":")
    return (host, int(port)) if host and port.isdecimal() else None


def _bind(port: int) -> socket.socket | None:
    """Return a UDP socket on the port where others reach us; None while somebody else has it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        # Of every address: the advertised one may be that of a machine that forwards to us.
        sock.bind(("", port))
    except OSError as error:
        sock.close()
        if error.errno != errno.EADDRINUSE:
            log.warning("no witness port, a death is seen later", why=str(error))
        return None
    return sock


def _refuses(address: str) -> bool:
    """Say whether a TCP port is closed. Silence, or anything else, is no evidence."""
    where = _parse(address)
    if where is None:
        return False
    try:
        socket.create_connection(where, KNOCK_S).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
