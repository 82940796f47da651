"""Keep a client joined: log in, stay, log in again, at whichever address answers.

The addresses of the name are tried in turn, the one where a session ended last; between rounds the
wait grows from 0-150 ms to 5 s. What cannot get better by waiting (a wrong password, a hub that is
not there, another certificate) ends the first attempt; once a session has stood, it is retried
too, because a fleet under repair may say so for a while.
"""

import random
from collections.abc import Callable, Sequence

import gevent
import structlog

from gateway.client.account import Account
from gateway.client.backoff import Backoff
from gateway.client.dial import Trust, is_final
from gateway.client.resolve import EndpointRing, Unresolvable
from gateway.client.session import KNOCK_FOR_S, ClientSession, open_session
from gateway.errors import EtherFleetError
from gateway.wire.blocks import Run

log = structlog.get_logger()

PATIENCE_S = 0.4  # of a session with an address that does not answer, when the name has others


class Keeper:
    """One account kept joined to one hub."""

    def __init__(
        self,
        ring: EndpointRing,
        account: Account,
        trust: Trust,
        *,
        receive: Callable[[Sequence[Run]], None],
        joined: Callable[[ClientSession], None],
        left: Callable[[ClientSession], None],
        probe: bool = False,
        retry: bool = True,
    ) -> None:
        """`joined` and `left` are called when a session stands and when it has ended."""
        self._ring = ring
        self._account = account
        self._trust = trust
        self._receive = receive
        self._joined = joined
        self._left = left
        self._probe = probe
        self._retry = retry
        self._is_stopped = False
        self.session: ClientSession | None = None
        self.logins = 0

    def run(self) -> None:
        """Stay joined until `stop`. Raises the error that cannot get better by waiting."""
        backoff = Backoff(random.uniform)
        while not self._is_stopped:
            session = self._log_in(backoff)
            if session is None:
                continue
            if self._is_stopped:
                session.close("left")
                return
            backoff.reset()
            self.logins += 1
            self.session = session
            self._joined(session)
            session.ended.wait()
            self._left(session)
            self._ring.shun(session.endpoint.address)
            if not self._is_stopped:
                log.warning("session ended", why=session.why_ended)
                if not self._retry:
                    raise EtherFleetError(session.why_ended)
                gevent.sleep(backoff.next_delay())

    def stop(self) -> None:
        """Leave the hub; `run` returns."""
        self._is_stopped = True
        if self.session is not None:
            self.session.close("left")

    def _log_in(self, backoff: Backoff) -> ClientSession | None:
        """Try every address once; None after a round in vain, when the wait is over."""
        failure: EtherFleetError
        try:
            endpoints = self._ring.round()
        except Unresolvable as error:
            failure, endpoints = error, []
        # A worker that was killed is back in less; a machine that is gone has others beside it.
        is_alone = len({endpoint.address for endpoint in endpoints}) < 2
        patience_s = KNOCK_FOR_S if is_alone else PATIENCE_S
        for endpoint in endpoints:
            try:
                return open_session(
                    endpoint,
                    self._account,
                    self._trust,
                    self._receive,
                    probe=self._probe,
                    patience_s=patience_s,
                )
            except EtherFleetError as error:
                failure = error
                log.info("cannot join", server=str(endpoint), why=str(error))
                if self._is_stopped or (is_final(error) and not self.logins):
                    break
        if not self._retry or (is_final(failure) and not self.logins):
            raise failure
        gevent.sleep(backoff.next_delay())
        return None
