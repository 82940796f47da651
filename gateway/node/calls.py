"""Asking other nodes, and answering them: a channel of the store each, one second, no more.

A node that does not answer in time is left out and named; it holds nobody up. What is asked are
reads, and changes that do no harm when they are repeated.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gevent
import structlog
from gevent.event import AsyncResult
from gevent.pool import Pool

from coordinator.calls import Calls, Message
from coordinator.errors import StoreError

log = structlog.get_logger()

PATIENCE_S = 0.8  # for all answers together: who does not answer is named within a second
PAUSE_S = 0.5  # between two tries to listen
LISTEN_S = 30.0  # at a stretch
MAX_ANSWERING = 64  # questions at once

Answerer = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """What nodes answered, by their names, and which did not."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    silent: Sequence[str] = ()


class NodeCalls:
    """One node's part: `answerers` are what it can be asked, by name."""

    def __init__(self, node: str, calls: Calls, listening: Calls) -> None:
        """`listening` is over a connection of its own."""
        self._node = node
        self._calls = calls
        self._listening = listening
        self._answerers: dict[str, Answerer] = {}
        self._waiting: dict[str, AsyncResult[Any]] = {}
        self._answering = Pool(MAX_ANSWERING)

    def answer(self, method: str, answerer: Answerer) -> None:
        """Answer questions of this name with what `answerer` makes of their body."""
        self._answerers[method] = answerer

    def run(self) -> None:
        """Listen until killed."""
        while True:
            try:
                subscription = self._listening.listen(self._node)
                try:
                    while True:
                        text = subscription.receive(LISTEN_S)
                        if text is not None:
                            self._hear(text)
                finally:
                    subscription.close()
            except StoreError as error:
                log.debug("other nodes cannot ask", why=str(error))
                gevent.sleep(PAUSE_S)

    def ask(self, nodes: Sequence[str], method: str, body: Any) -> Heard:
        """Ask nodes, this one among them or not, and return what they say in time.

        Raises StoreError."""
        answers: dict[str, Any] = {}
        asked: dict[str, AsyncResult[Any]] = {}
        ids = {node: os.urandom(16).hex() for node in nodes if node != self._node}
        try:
            for node, id in ids.items():
                waiting = self._waiting[id] = AsyncResult()
                if self._calls.send(node, Message(id, self._node, method, body)):
                    asked[node] = waiting
            if self._node in nodes:
                answers[self._node] = self._answerers[method](body)
            gevent.wait(list(asked.values()), timeout=PATIENCE_S)
            answers |= {node: heard.get() for node, heard in asked.items() if heard.ready()}
        finally:
            for id in ids.values():  # also of those nobody heard: a node that is gone
                self._waiting.pop(id, None)
        silent = [node for node in ids if node not in answers]
        return Heard(answers, sorted(silent))

    def _hear(self, text: str) -> None:
        message = self._listening.read(self._node, text)
        if message is None:
            log.warning("a message on our channel is from no node of the fleet")
        elif not message.method:
            waiting = self._waiting.get(message.id)
            if waiting is not None:
                waiting.set(message.body)
        elif self._answering.free_count():
            self._answering.spawn(self._answer, message)

    def _answer(self, message: Message) -> None:
        answerer = self._answerers.get(message.method)
        if answerer is None:
            return  # asked by a newer program: it takes us for silent
        try:
            said = answerer(message.body)
            self._calls.send(message.sender, Message(message.id, self._node, "", said))
        except StoreError as error:
            log.debug("answer not sent", to=message.sender, why=str(error))
        except Exception:  # a fault of ours must not end the loop; the asker takes us for silent
            log.exception("question not answered", method=message.method, asked_by=message.sender)
