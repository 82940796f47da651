"""A login, from its proof to its host: here, at another node, or nowhere.

The entry checks hub, user and proof, then asks the fleet for a host. That step holds a place for
the session, counted against every limit, under a ticket: used up here, or brought by the client to
the host it is redirected to. Clients are made to wait, not refused, while a hub is between owners.

The common case needs neither: hub and user are known from the last login, the hub is served here.
Then the step that opens the session is the only one, and it holds all that was known against what
is true: the directory's state, the hub's epoch, every limit.
"""

import os
import time
from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import gevent

from coordinator.directory import Lookup
from coordinator.errors import (
    BadTicket,
    DirectoryChanged,
    HubOffline,
    InvalidValue,
    LeaseLost,
    Limit,
    NoRoom,
    NotFound,
    StaleEpoch,
)
from coordinator.fleet import Fleet
from coordinator.lookups import Lookups
from coordinator.model import Hub, NewSession, User
from coordinator.placement import At, Here, Nobody, Wait
from coordinator.times import utc_now
from coordinator.trust import NO_TRUST
from gateway.errors import Refused
from gateway.node.admission import check_hub, check_user, settle
from gateway.node.attempts import Attempts, account_of
from gateway.node.entrance import Entrance
from gateway.node.lease import NodeLease
from gateway.node.owned import MOST_WAIT_S, OwnedHubs
from gateway.node.session import Session
from gateway.node.siblings import Siblings
from gateway.node.table import SessionTable
from gateway.transport.opening import Opening
from gateway.transport.peer import address_of
from gateway.wire.codes import ErrorCode
from gateway.wire.login import Login, TicketProof
from gateway.wire.redirect import Redirect


class Logins:
    """Decides where sessions begin."""

    def __init__(
        self,
        fleet: Fleet,
        lease: NodeLease,
        owned: OwnedHubs,
        table: SessionTable,
        entrance: Entrance,
        siblings: Siblings,
        attempts: Attempts,
    ) -> None:
        """`attempts`: at users' passwords."""
        self._fleet = fleet
        self._lookups = Lookups(fleet.directory, fleet.rules)
        self._lease = lease
        self._owned = owned
        self._table = table
        self._entrance = entrance
        self._siblings = siblings
        self._attempts = attempts

    def admit(
        self, login: Login, random: bytes, opening: Opening
    ) -> tuple[Session, bytes] | Redirect:
        """Return the session begun here and its key, or where the client shall go instead.

        Raises Refused with the code stock clients expect, and StoreError.
        """
        try:
            if isinstance(login.credential, TicketProof):
                return self._by_ticket(login, login.credential.ticket, opening)
            account = account_of(login.hub, login.user)
            return self._attempts.guarded(
                opening.peer_address, account, lambda: self._by_proof(login, random, opening)
            )
        except NotFound as error:
            raise Refused(ErrorCode.AUTH_FAILED, str(error), "auth-failed") from error
        except BadTicket as error:
            raise Refused(ErrorCode.AUTH_FAILED, str(error), error.reason) from error
        except HubOffline as error:
            raise Refused(ErrorCode.HUB_STOPPING, str(error), "hub-offline") from error
        except NoRoom as error:
            code = (
                ErrorCode.TOO_MANY_USER_SESSIONS
                if error.limit is Limit.USER_LOGINS
                else ErrorCode.HUB_BUSY
            )
            raise Refused(code, str(error), error.limit.value) from error
        except (LeaseLost, StaleEpoch) as error:
            raise Refused(ErrorCode.SERVER_CANNOT_ACCEPT, str(error), "not-owner") from error
        except InvalidValue as error:  # source rules that somebody broke by hand: let nobody in
            raise Refused(ErrorCode.SERVER_CANNOT_ACCEPT, str(error), "broken-rules") from error

    def _by_proof(
        self, login: Login, random: bytes, opening: Opening
    ) -> tuple[Session, bytes] | Redirect:
        can_move = self._entrance.may_redirect and opening.is_ipv4
        if not can_move or opening.local_port in self._entrance.tcp_ports:
            opened = self._at_once(login, random, opening)
            if opened is not None:
                return opened
        found = self._lookups.read(login.hub, login.user)
        hub = check_hub(found.hub, login.hub)
        _check_source(found, opening.peer)
        user = check_user(found.user, login, random, utc_now(), found.trust)
        user = self._lookups.keep(login.hub, login.user, found).user or user
        new = self._settle(login, hub, user, opening)
        ticket = os.urandom(20)
        # A node that died is known to be dead by then, and its sessions take nobody's place.
        patient_until = time.monotonic() + 1 + self._fleet.timing.ttl_ms / 1000
        while True:
            try:
                placed = self._fleet.placement.admit(
                    self._lease.held, new, ticket, utc_now(), stay=not can_move
                )
            except NoRoom as error:
                if not error.may_change or time.monotonic() > patient_until:
                    raise
                gevent.sleep(MOST_WAIT_S)
                continue
            match placed:
                case Here(grant=grant):
                    if grant is not None and not self._owned.take_up(grant):
                        continue
                    if can_move and opening.local_port not in self._entrance.tcp_ports:
                        # Came in by the port all workers share: knocks there reach any of them.
                        return self._redirect(hub, ticket, "", self._entrance.tcp_ports, opening)
                    return self._open(new, hub, grant.epoch if grant else 0, ticket)
                case At(address=address, tcp_ports=tcp_ports) if can_move and address:
                    return self._redirect(hub, ticket, address, tcp_ports, opening)
                case At(node=node):
                    self._fleet.tickets.give_back(ticket, utc_now())
                    raise Refused(
                        ErrorCode.NO_CLUSTER_MEMBER,
                        f"{node} has hub {hub.name}, and this client cannot be sent there",
                        "not-redirectable",
                    )
                case Wait(wait_ms=wait_ms):
                    gevent.sleep(min(wait_ms / 1000, MOST_WAIT_S))
                case Nobody():
                    raise Refused(
                        ErrorCode.NO_CLUSTER_MEMBER, f"no node can take {hub.name}", "no-node"
                    )

    def _at_once(
        self, login: Login, random: bytes, opening: Opening
    ) -> tuple[Session, bytes] | None:
        """Begin the session in one step, if hub and user are known and the hub is served here.

        None in every other case, a refusal included: then all is asked anew. The proof is checked
        even if nobody is known, so that the time it takes tells nothing.
        """
        known = self._lookups.last(login.hub, login.user)
        try:
            trust = known.trust if known is not None else NO_TRUST
            user = check_user(known and known.user, login, random, utc_now(), trust)
            if known is None or known.hub is None:
                return None
            hub = check_hub(known.hub, login.hub)
            _check_source(known, opening.peer)
            epoch = self._owned.held_epoch(hub)
            if epoch is None:
                return None
            new = self._settle(login, hub, user, opening, self._lease.held.inc, epoch)
            return self._table.open(new, hub, b"", judged_by=known.state)
        except (Refused, DirectoryChanged, NoRoom, StaleEpoch):
            return None

    def _by_ticket(
        self, login: Login, ticket: bytes, opening: Opening
    ) -> tuple[Session, bytes] | Redirect:
        try:
            found = self._fleet.tickets.find(ticket, login.hub, self._entrance.node, utc_now())
        except BadTicket:
            sibling = self._siblings.owner_of(opening.local_port)
            if not sibling:
                raise
            # Taken for a client that comes back to us, who shares its address: once more.
            found = self._fleet.tickets.find(ticket, login.hub, sibling, utc_now())
            hub = check_hub(self._fleet.directory.hub(found.hub), found.hub)
            return self._redirect(hub, ticket, "", (opening.local_port,), opening)
        looked_up = self._fleet.directory.find(found.hub, found.user)
        hub = check_hub(looked_up.hub, found.hub)
        account = looked_up.user
        # The ticket fixes user and policy; what the client says of itself is its own.
        group = account.group if account is not None else ""
        user = User(hub.name, found.user, policy=found.policy, group=group)
        new = self._settle(login, hub, user, opening)
        epoch = self._owned.epoch_of(hub)
        if epoch is None:
            raise BadTicket("ticket-elsewhere")
        return self._open(new, hub, epoch, ticket)

    def _settle(
        self, login: Login, hub: Hub, user: User, opening: Opening, inc: int = 0, epoch: int = 0
    ) -> NewSession:
        return settle(
            login,
            hub,
            user,
            node=self._entrance.node,
            address=opening.peer,
            timeout_ms=self._entrance.timeout_ms,
            inc=inc,
            hub_epoch=epoch,
        )

    def _open(self, new: NewSession, hub: Hub, epoch: int, ticket: bytes) -> tuple[Session, bytes]:
        # Of now: while its client waited for a place the lease may have become another.
        owned = replace(new, inc=self._lease.held.inc, hub_epoch=epoch)
        return self._table.open(owned, hub, ticket)

    def _redirect(
        self, hub: Hub, ticket: bytes, address: str, tcp_ports: tuple[int, ...], opening: Opening
    ) -> Redirect:
        """Send the client on. To this machine by the address it used: that one reaches it."""
        if address in ("", self._entrance.address):
            address = opening.local_address
        return Redirect(
            IPv4Address(address), tcp_ports, ticket, self._entrance.shown.der, hub.message
        )


def _check_source(found: Lookup, peer: str) -> None:
    """Raise Refused if source rules deny the address of `peer`."""
    if found.sources is None:
        return
    try:
        address = ip_address(address_of(peer))
    except ValueError:  # it is gone already
        text = "the client has gone"
        raise Refused(ErrorCode.SOURCE_ADDRESS_DENIED, text, "peer-gone") from None
    verdict = found.sources.verdict(address.packed)
    if verdict is not None and verdict.deny:
        raise Refused(
            ErrorCode.SOURCE_ADDRESS_DENIED,
            f"{address} may not log in to {found.sources.hub}: source rule {verdict.id}, "
            f"{verdict.network}",
            "source-denied",
        )
