"""Judging the store: what would lose data, end leases, or let others read along."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from coordinator.fleet import OLDEST_SERVER
from gateway.doctor.findings import Finding, Level, by_limits

SLOW_MS, TOO_SLOW_MS = 20.0, 200.0  # a login asks the store a few times; a lease gives up at 700
CLOCK_S, CLOCK_TOO_FAR_S = 2.0, 60.0
FULL, TOO_FULL = 0.8, 0.95  # of maxmemory


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What was seen of a store."""

    where: str
    info: Mapping[str, str]
    """What it says about itself (`INFO`)."""
    latency_ms: Sequence[float]
    """Of small questions, one after the other."""
    ahead_s: float
    """How far its clock is ahead of this machine's."""


def judge_store(facts: StoreFacts) -> Iterator[Finding]:
    """Return what there is to say about a store."""
    yield _version(facts.info)
    yield from _persistence(facts.info)
    yield _eviction(facts.info)
    yield _memory(facts.info)
    yield _role(facts.info)
    yield _latency(facts.latency_ms)
    yield _clock(facts.ahead_s)
    yield _way(facts.where)


def _version(info: Mapping[str, str]) -> Finding:
    name = info.get("server_name", "redis")
    version = info.get(f"{name}_version") or info.get("redis_version") or "0"
    spoken = info.get("redis_version") or version  # what a fork says it is compatible with
    is_old = tuple(int(part) for part in spoken.split(".")[:2]) < OLDEST_SERVER
    level = Level.ERR if is_old else Level.OK
    oldest = ".".join(map(str, OLDEST_SERVER))
    advice = f"install Redis {oldest} or newer, or Valkey" if is_old else ""
    return Finding(level, "store version", f"{name} {version}", advice)


def _persistence(info: Mapping[str, str]) -> Iterator[Finding]:
    check = "store persistence"
    if info.get("aof_enabled") != "1":
        loss = "a restart of the store loses users, sessions and leases since its last dump"
        yield Finding(Level.ERR, check, "appendonly is no", f"{loss}; CONFIG SET appendonly yes")
    elif info.get("aof_last_write_status", "ok") != "ok":
        yield Finding(
            Level.ERR, check, "the last write of the append-only file failed", "look at its disk"
        )
    else:
        yield Finding(Level.OK, check, "appendonly is yes")
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        yield Finding(
            Level.WARN, "store dump", "the last BGSAVE failed", "look at its disk and log"
        )


def _eviction(info: Mapping[str, str]) -> Finding:
    policy = info.get("maxmemory_policy", "noeviction")
    seen = f"maxmemory-policy is {policy}"
    if policy == "noeviction":
        return Finding(Level.OK, "store eviction", seen)
    has_limit = int(info.get("maxmemory", 0)) > 0
    advice = (
        "users and sessions vanish when memory is short; CONFIG SET maxmemory-policy noeviction"
    )
    return Finding(Level.ERR if has_limit else Level.WARN, "store eviction", seen, advice)


def _memory(info: Mapping[str, str]) -> Finding:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not most:
        return Finding(Level.OK, "store memory", f"{used / 1e6:.1f} MB used, no limit set")
    seen = f"{used / 1e6:.1f} MB of {most / 1e6:.1f} used"
    level = by_limits(used / most, FULL, TOO_FULL)
    return Finding(
        level, "store memory", seen, "raise maxmemory: writes fail at it" if level else ""
    )


def _role(info: Mapping[str, str]) -> Finding:
    role = info.get("role", "master")
    if role == "master":
        return Finding(Level.OK, "store role", "it takes writes")
    upstream = f"{info.get('master_host', '?')}:{info.get('master_port', '?')}"
    return Finding(
        Level.ERR, "store role", f"a replica of {upstream}", "name the primary in store.url"
    )


def _latency(latency_ms: Sequence[float]) -> Finding:
    middle, most = sorted(latency_ms)[len(latency_ms) // 2], max(latency_ms)
    level = by_limits(middle, SLOW_MS, TOO_SLOW_MS)
    advice = "bring store and gateways nearer together, or look for what keeps it busy: SLOWLOG GET"
    seen = f"{middle:.1f} ms, the slowest of {len(latency_ms)} took {most:.1f} ms"
    return Finding(level, "store latency", seen, advice if level else "")


def _clock(ahead_s: float) -> Finding:
    level = by_limits(abs(ahead_s), CLOCK_S, CLOCK_TOO_FAR_S)
    seen = _apart("the store's clock", ahead_s, "this machine's")
    return Finding(level, "store clock", seen, "set both by NTP" if level else "")


def _apart(whose: str, ahead_s: float, other: str) -> str:
    if abs(ahead_s) < 0.1:
        return f"{whose} is {other}"
    return f"{whose} is {abs(ahead_s):.1f} s {'ahead of' if ahead_s > 0 else 'behind'} {other}"


def _way(where: str) -> Finding:
    """Judge who could listen between here and the store."""
    parts = urlsplit(where)
    host = parts.hostname or ""
    if parts.scheme == "unix" or is_loopback(host):
        return Finding(Level.OK, "store link", f"{where}, on this machine")
    if parts.scheme == "rediss":
        return Finding(Level.OK, "store link", f"{where}, encrypted")
    return Finding(
        Level.WARN,
        "store link",
        f"{where} is not encrypted",
        "whoever listens there reads names, addresses and the store's password; use rediss://",
    )


def is_loopback(host: str) -> bool:
    """Say whether a host's name or address is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
