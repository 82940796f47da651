"""The port for those who watch this node: /metrics, /livez, /readyz over plain HTTP.

Read only, without a login, so it listens on loopback unless told otherwise. A port that is taken
keeps nobody out of the VPN: that is logged, and tried again until it is free.
"""

import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

import gevent
import structlog
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer
from prometheus_client import CollectorRegistry, make_wsgi_app

from gateway.config import Settings, parse_listen
from gateway.node.health import Answer, Health
from gateway.node.metrics import NodeMetrics, Sources, make_registry

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = structlog.get_logger()

MAX_CLIENTS = 16
PATIENCE_S = 10.0  # with a client that says or reads nothing
AGAIN_S = 5.0  # between two tries at a port that is taken


class _Server(WSGIServer):
    """gevent's, with clients that may not hang."""

    def handle(self, sock: socket.socket, address: Any) -> None:
        sock.settimeout(PATIENCE_S)
        super().handle(sock, address)


class Insight:
    """Serves one node's metrics and health."""

    def __init__(self, listen: str, registry: CollectorRegistry, health: Health) -> None:
        """`listen` as in `127.0.0.1:9590`; a port of 0 becomes a free one."""
        self._listen = listen
        self._metrics = make_wsgi_app(registry)
        self._health = health
        self._server: _Server | None = None
        self._starter: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Begin to serve, as soon as the port is free."""
        self._starter = gevent.spawn(self._start)

    def stop(self) -> None:
        """Serve no more."""
        if self._starter is not None:
            self._starter.kill()
        if self._server is not None:
            self._server.stop(timeout=0.1)

    def _start(self) -> None:
        host, tcp_port = parse_listen(self._listen)
        is_told = False
        while True:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            server = _Server(
                (host, tcp_port), self._answer, spawn=Pool(MAX_CLIENTS), log=None, error_log=None
            )
            server.family = family
            try:
                server.start()
                break
            except OSError as error:
                if not is_told:
                    log.warning("metrics not served yet", listen=self._listen, why=error.strerror)
                is_told = True
                gevent.sleep(AGAIN_S)
        self._server = server
        log.info("metrics served", at=f"{self._listen.rpartition(':')[0]}:{server.server_port}")

    def _answer(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _say(start_response, "405 Method Not Allowed", "only GET")
        path = environ["PATH_INFO"]
        try:
            if path == "/metrics":
                return cast("Iterable[bytes]", self._metrics(environ, start_response))
            questions: dict[str, Callable[[], Answer]] = {
                "/livez": self._health.live,
                "/readyz": self._health.ready,
            }
            if path not in questions:
                known = "/metrics /livez /readyz"
                return _say(start_response, "404 Not Found", f"there are: {known}")
            answer = questions[path]()
        except Exception:  # a fault of ours must not look like a dead port
            log.exception("metrics failed", path=path)
            return _say(start_response, "500 Internal Server Error", "see the log")
        status = "200 OK" if answer.is_so else "503 Service Unavailable"
        return _say(start_response, status, answer.why)


def make_insight(
    settings: Settings, sources: Sources, is_accepting: Callable[[], bool]
) -> Insight | None:
    """Return what serves a node's numbers; None where the settings turn it off."""
    if not settings.metrics.listen:
        return None
    health = Health(
        sources.lease,
        sources.heartbeat,
        sources.gate,
        is_accepting,
        is_host=settings.gateway.hosts_sessions,
    )
    registry = make_registry(NodeMetrics(sources, settings.metrics.hub_labels))
    return Insight(settings.metrics.listen, registry, health)


def _say(start_response: "StartResponse", status: str, text: str) -> list[bytes]:
    body = f"{text}\n".encode()
    start_response(
        status,
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ],
    )
    return [body]
