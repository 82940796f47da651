"""The store in Redis or Valkey. With `redis_line` the only one that imports redis; its errors end
here.

1. A call is tried once. redis-py's default repeats a call whose reply was lost up to ten times,
   for seconds; whoever called decides about repeating, because he knows the deadline.
2. A connection the server closed while it lay idle is noticed before use and replaced.
3. An error text names the address and what it said, never a user or password of the URL.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from coordinator.errors import (
    ForeignStore,
    InvalidValue,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)
from coordinator.keys import Keys
from coordinator.redis_line import Line
from coordinator.steps import load_all, load_step
from coordinator.store import Answer, Call

SCHEMES = ("redis", "rediss", "unix")
POOL_SIZE = 16  # connections of one process; a caller beyond waits its turn
LEASE_TIMEOUT = 0.7  # seconds, connecting included: see the timing rules of leases
DATA_TIMEOUT = 3.0  # seconds

# The server is there but cannot serve now: the same to us as if it were away. redis-py has a class
# for some and leaves the others in the text, where a script's error has its cause in the middle.
_NOT_NOW = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.OutOfMemoryError,
    redis.ReadOnlyError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.TryAgainError,
    OSError,
)
_NOT_NOW_WORDS = frozenset(("BUSY", "LOADING", "MISCONF", "NOREPLICAS", "OOM", "READONLY"))


class RedisStore:
    """A connected store: see `store.Store` for what its verbs promise. Safe between greenlets."""

    def __init__(self, client: redis.Redis, keys: Keys, where: str) -> None:
        """Use `connect`."""
        self.keys = keys
        self.where = where
        self._client = client
        pool: Any = client.connection_pool
        # Beside those of the pool: what a caller does alone and rarely goes over one of these.
        self._line = Line(pool.connection_class(**pool.connection_kwargs))
        self.errors: Counter[str] = Counter()
        """Calls that failed, by the error that was raised."""

    def fields(self, key: str) -> dict[str, str]:
        return cast("dict[str, str]", self._ask("HGETALL", key))  # decoded text both ways

    def fields_of(self, keys: Sequence[str]) -> list[dict[str, str]]:
        commands = [("HGETALL", key) for key in keys]
        return cast("list[dict[str, str]]", self._commands(commands))  # as in fields()

    def field(self, key: str, name: str) -> str | None:
        return cast("str | None", self._ask("HGET", key, name))  # a bulk string or null

    def text(self, key: str) -> str | None:
        return cast("str | None", self._ask("GET", key))  # a bulk string or null

    def members(self, key: str) -> list[str]:
        return sorted(cast("set[str]", self._ask("SMEMBERS", key)))  # a set in RESP3

    def members_of(self, keys: Sequence[str]) -> list[list[str]]:
        answers = self._commands([("SMEMBERS", key) for key in keys])
        return [sorted(cast("set[str]", answer)) for answer in answers]  # as in members()

    def size(self, key: str) -> int:
        return cast("int", self._ask("SCARD", key))  # an integer reply

    def sizes(self, keys: Sequence[str]) -> list[int]:
        return cast("list[int]", self._commands([("SCARD", key) for key in keys]))  # as in size()

    def entries(self, key: str, after: str, count: int) -> list[tuple[str, dict[str, str]]]:
        start = f"({after}" if after else "-"
        return _entries(self._command("XRANGE", key, start, "+", "COUNT", str(count)))

    def latest(self, key: str, count: int) -> list[tuple[str, dict[str, str]]]:
        return _entries(self._command("XREVRANGE", key, "+", "-", "COUNT", str(count)))[::-1]

    def step(self, name: str, keys: Sequence[str], args: Sequence[str | int]) -> Answer:
        return self.steps(name, [Call(keys, args)])[0]

    def steps(self, name: str, calls: Sequence[Call]) -> list[Answer]:
        step = load_step(name)
        commands = [("EVALSHA", step.sha1, len(c.keys), *c.keys, *c.args) for c in calls]
        answers = self._commands(commands, tolerate=redis.exceptions.NoScriptError)
        unknown = [i for i, a in enumerate(answers) if isinstance(a, Exception)]
        if unknown:  # a server started since, or promoted: scripts are not replicated
            full = [("EVAL", step.source, *commands[i][2:]) for i in unknown]
            for i, answer in zip(unknown, self._commands(full), strict=True):
                answers[i] = answer
        return cast("list[Answer]", answers)  # every step answers an array: head of store.py

    def scan(self) -> Iterator[tuple[str, str]]:
        pattern = self.keys.prefix.replace("[", "\\[") + "*"
        with self._translated():
            found = sorted(set(self._client.scan_iter(match=pattern, count=1000)))
        kinds = self._commands([("TYPE", key) for key in found])
        yield from zip(found, map(str, kinds), strict=True)

    def attend(self, channel: str) -> "Presence":
        """Subscribe to a channel for good: others can see that this process is there.

        Takes a connection of the pool: use a store of its own.
        """
        with self._translated():
            return Presence(self._client, channel)

    def publish(self, channel: str, text: str) -> int:
        """Say `text` on a channel; return how many heard it. Nobody else will."""
        return cast("int", self._command("PUBLISH", channel, text))  # an integer reply

    def subscribe(self, channel: str) -> "Subscription":
        """Begin to hear a channel. Takes a connection of the pool: use a store of its own."""
        with self._translated():
            return Subscription(self._client, channel, self._translated)

    def clock(self) -> float:
        """Return the server's own clock, in seconds since 1970."""
        said = cast("tuple[int, int]", self._command("TIME"))  # seconds and microseconds
        return int(said[0]) + int(said[1]) / 1e6

    def facts(self) -> dict[str, str]:
        """Return what the server says about itself, by the names of `INFO`."""
        said = cast("dict[str, object]", self._command("INFO"))  # parsed by redis-py
        return {name: str(value) for name, value in said.items()}

    def close(self) -> None:
        """Close every connection. The store must not be used afterwards."""
        self._line.close()
        self._client.close()

    def _command(self, name: str, *args: str) -> object:
        with self._translated():
            send: Callable[..., object] = self._client.execute_command  # untyped in redis-py
            return send(name, *map(_encode, args))

    def _ask(self, *command: str) -> object:
        return self._commands([command])[0]

    def _commands(
        self,
        commands: Sequence[Sequence[str | int]],
        tolerate: type[Exception] | tuple[()] = (),
    ) -> list[object]:
        """Send all in one round trip; a tolerated error is returned as an answer, others raised."""
        if not commands:
            return []
        with self._translated():
            try:
                answers = self._line.ask(commands)
            except UnicodeEncodeError:  # what a stranger says of himself may not be text
                answers = self._line.ask([tuple(map(_encode, command)) for command in commands])
            for answer in answers:
                if isinstance(answer, Exception) and not isinstance(answer, tolerate):
                    raise answer
        return answers

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError) as error:
            translated = _translate(error, self.where)
            self.errors[type(translated).__name__] += 1
            raise translated from error


class Presence:
    """A subscription nobody writes to. The server ends it with the process, and the process sees by
    it when the server, or the way there, is gone."""

    def __init__(self, client: redis.Redis, channel: str) -> None:
        """Use `RedisStore.attend`."""
        make: Callable[[], redis.client.PubSub] = client.pubsub  # untyped in redis-py
        self._subscription = make()
        ask: Callable[..., object] = self._subscription.subscribe  # untyped in redis-py
        ask(channel)
        hear: Callable[..., object] = self._subscription.get_message  # untyped in redis-py
        if hear(timeout=client.connection_pool.connection_kwargs["socket_timeout"]) is None:
            raise redis.TimeoutError("no answer to a subscription")

    def fileno(self) -> int:
        """Return the socket, to be polled for a hang-up. Nothing else ever arrives on it."""
        connection: Any = self._subscription.connection  # its socket is not public in redis-py
        return cast("int", connection._sock.fileno())

    def close(self) -> None:
        """End it."""
        self._subscription.close()


class Subscription:
    """A channel that is listened to."""

    def __init__(
        self,
        client: redis.Redis,
        channel: str,
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Use `RedisStore.subscribe`."""
        make: Callable[[], redis.client.PubSub] = client.pubsub  # untyped in redis-py
        self._translated = translated
        self._subscription = make()
        ask: Callable[..., object] = self._subscription.subscribe  # untyped in redis-py
        ask(channel)

    def receive(self, timeout_s: float) -> str | None:
        """Return what was said next; None if nothing was in that time. Raises StoreUnavailable."""
        hear: Callable[..., Any] = self._subscription.get_message  # untyped in redis-py
        with self._translated():
            heard = hear(ignore_subscribe_messages=True, timeout=timeout_s)
        return str(heard["data"]) if heard is not None else None

    def close(self) -> None:
        """End it."""
        self._subscription.close()


def connect(
    url: str,
    fleet: str,
    *,
    timeout: float = DATA_TIMEOUT,
    pool_size: int = POOL_SIZE,
) -> RedisStore:
    """Return the store at `redis://`, `rediss://` or `unix://`; nothing is sent yet.

    `timeout` in seconds holds for connecting and for each reply. A lease has a store of its own:
    `connect(url, fleet, timeout=LEASE_TIMEOUT, pool_size=1)`. Raises InvalidValue for a URL or
    fleet name that cannot be.
    """
    keys = Keys(fleet)
    where = shown(url)
    load_all()
    try:
        pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=pool_size,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            protocol=3,
            decode_responses=True,
            encoding_errors="replace",  # reading as we write: see _encode
            client_name="etherfleet",
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        pool.connection_class(**pool.connection_kwargs)  # options are looked at only here
    except (ValueError, TypeError, redis.RedisError):  # may quote the URL
        raise InvalidValue(f"store URL {where}: what follows its '?' is wrong") from None
    return RedisStore(redis.Redis.from_pool(pool), keys, where)


def shown(url: str) -> str:
    """Return a store's URL as it may be shown: without user, password and query.

    Raises InvalidValue if it is none.
    """
    form = "a store is named like redis://host:6379/0, rediss://host:6380/0 or unix:///path/socket"
    try:
        parts = urlsplit(url)
        host, tcp_port = parts.hostname or "", parts.port
    except ValueError:  # its text would quote the URL, password included
        raise InvalidValue(f"store URL cannot be read: {form}") from None
    is_complete = bool(parts.path) and not host if parts.scheme == "unix" else bool(host)
    if parts.scheme not in SCHEMES or not is_complete:
        raise InvalidValue(f"store URL of kind {parts.scheme or '(none)'!r}: {form}")
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}:{tcp_port or 6379}{parts.path}"


def _entries(said: object) -> list[tuple[str, dict[str, str]]]:
    """Return a stream's entries; redis-py has made each a pair of an id and its fields."""
    return [
        (entry_id, fields) for entry_id, fields in cast("list[tuple[str, dict[str, str]]]", said)
    ]


def _encode(item: str | int) -> bytes | int:
    """Return text as bytes. What a stranger says of himself may not be text: that becomes `?`."""
    return item.encode(errors="replace") if isinstance(item, str) else item


def _translate(error: Exception, where: str) -> StoreError:
    """Return our error for one of redis-py or the system; the text says what was tried."""
    said = str(error).partition("\n")[0].strip() or type(error).__name__
    words = frozenset(said.replace(":", " ").replace("-", " ").split())
    if isinstance(error, redis.AuthenticationError | redis.exceptions.NoPermissionError):
        return StoreRefused(f"store {where} refuses our user or password: {said}")
    if isinstance(error, _NOT_NOW) or words & _NOT_NOW_WORDS:
        return StoreUnavailable(f"store {where} does not serve: {said}")
    if "WRONGTYPE" in words:
        return ForeignStore(f"store {where} holds something else under our names: {said}")
    return StoreRefused(f"store {where} answered: {said}")
