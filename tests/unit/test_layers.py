"""The arrows point inward: what each layer may import, and why the rest may not.

A rule names a layer, a module or a package, and what it may import of ours; of several rules the
longest match holds. Its reason is printed beside the import that breaks it. Every module needs a
rule: a new one at the top is a decision. Outside libraries and the world itself have homes, too.
Only sources are read here, nothing is imported.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


class Rule(NamedTuple):
    """What a layer may import of ours besides itself, and the reason for no more."""

    may: tuple[str, ...]
    reason: str


ENTRY = ("gateway", "coordinator")

LAYERS = {
    "gateway": Rule((), "the package's head is its version, which anybody may ask for"),
    "gateway.errors": Rule((), "every layer names its errors there, so it can know no layer"),
    "gateway.wire": Rule(("gateway.errors",), "bytes and values: no process around it is needed"),
    "gateway.hub": Rule(
        (
            "gateway.wire.ethernet",
            "gateway.wire.policy",
            "coordinator.access",
            "coordinator.masks",
        ),
        "the switch is pure: it sees frames, and rules as values",
    ),
    "gateway.transport": Rule(
        ("gateway.errors", "gateway.wire"),
        "gateway and client share it, so it can know neither",
    ),
    "gateway.witness": Rule(("gateway.errors",), "the rules of a promise need no process"),
    "gateway.config": Rule(("gateway.errors",), "settings are read before anything is built"),
    "gateway.logs": Rule((), "how events are printed depends on no event"),
    "gateway.processes": Rule((), "what the kernel is told about a process, whatever it runs"),
    "gateway.embedded": Rule(
        ("gateway.errors", "gateway.config", "gateway.processes", "coordinator.seal"),
        "it runs a store and knows nothing of what is kept there",
    ),
    "gateway.fleet": Rule(
        ("gateway.errors", "gateway.config", "gateway.embedded", "coordinator"),
        "it opens the store for a node and for a command alike",
    ),
    "gateway.client": Rule(
        ("gateway", "gateway.errors", "gateway.wire", "gateway.transport"),
        "a client runs without a gateway, a hub or a store",
    ),
    "gateway.lan": Rule(
        ("gateway.errors", "gateway.wire", "gateway.client.port"),
        "an interface is an Ethernet port: it knows no hub, no gateway and no store",
    ),
    "gateway.admin": Rule(
        ("gateway.errors", "gateway.wire", "gateway.hub", "coordinator"),
        "what an operator may ask is free of transport and process",
    ),
    "gateway.node": Rule(
        (
            "gateway",
            "gateway.errors",
            "gateway.wire",
            "gateway.hub",
            "gateway.transport",
            "gateway.witness",
            "gateway.client",
            "gateway.lan",
            "gateway.admin",
            "gateway.config",
            "gateway.embedded",
            "gateway.fleet",
            "gateway.logs",
            "coordinator",
        ),
        "a node runs without a command line",
    ),
    "gateway.supervisor": Rule(
        (
            "gateway.errors",
            "gateway.config",
            "gateway.processes",
            "gateway.embedded",
            "gateway.fleet",
            "gateway.logs",
            "gateway.node.listener",
            "gateway.node.service",
            "gateway.node.siblings",
            "coordinator.errors",
            "coordinator.times",
        ),
        "it keeps processes and sockets; what a node does with them is the node's business",
    ),
    "gateway.cli": Rule(
        (
            "gateway",
            "gateway.errors",
            "gateway.wire",
            "gateway.client",
            "gateway.admin",
            "gateway.doctor",
            "gateway.config",
            "gateway.embedded",
            "gateway.fleet",
            "gateway.logs",
            "gateway.node.service",
            "gateway.supervisor.machine",
            "gateway.supervisor.process",
            "coordinator",
        ),
        "a command decodes words and prints answers; frames and sockets are not its business",
    ),
    "gateway.doctor": Rule(
        ("gateway.errors", "gateway.config", "gateway.admin", "coordinator"),
        "it looks at a fleet and a machine from outside: a sick node is no part of it",
    ),
    "gateway.__main__": Rule(("gateway.cli",), "it patches for gevent and hands over"),
    "coordinator": Rule((), "a library that keeps nodes in agreement and is none"),
}

# Who may import what is not ours. A module that is not named here is free.
WORLD = ("socket", "ssl", "select", "selectors", "asyncio", "threading", "subprocess")
HOMES = {
    "redis": (
        ("coordinator.redis_store", "coordinator.redis_line"),
        "foreign errors of the store end in one file",
    ),
    "gevent": (
        (
            "gateway.__main__",
            "gateway.node",
            "gateway.supervisor",
            "gateway.transport",
            "gateway.client",
            "gateway.cli",
            "gateway.doctor.look",
        ),
        "only layers that wait know the loop",
    ),
    "prometheus_client": (("gateway.node",), "what a node counts is told in one place"),
    "dns": (("gateway.doctor.look",), "names are asked for where somebody waits for answers"),
    "click": (("gateway.cli",), "options and exit codes belong to the command line"),
    "rich": (("gateway.cli",), "tables belong to the command line"),
    "structlog": (
        (
            "gateway.logs",
            "gateway.node",
            "gateway.supervisor",
            "gateway.transport",
            "gateway.client",
            "gateway.fleet",
            "gateway.embedded",
            "gateway.cli",
        ),
        "inner layers return what happened and print nothing",
    ),
}
PURE = {
    "gateway.wire": (
        (*WORLD, "time", "random", "secrets", "os", "logging"),
        "no sockets, clocks, randomness or logs: random bytes are passed in",
    ),
    "gateway.witness": (
        (*WORLD, "time", "random", "secrets", "os", "logging"),
        "time is passed in, datagrams come as bytes",
    ),
    "gateway.hub": (
        (*WORLD, "time", "random", "secrets", "os", "logging"),
        "the switch owns no socket and no clock: time is passed in",
    ),
    **dict.fromkeys(
        ("gateway.lan.announce", "gateway.lan.probe", "gateway.lan.loop", "gateway.lan.offload"),
        (
            (*WORLD, "time", "random", "secrets", "os", "logging", "fcntl"),
            "what frames mean needs no interface: time and random bytes are passed in",
        ),
    ),
    "coordinator": (
        (*WORLD, "time", "sched"),
        "it never spawns or sleeps: its steps are called by whoever owns the loop",
    ),
}

# What one module may import although its layer may not, and why.
EXCEPT = {
    "coordinator.redis_line": (
        ("threading", "time"),
        "callers share its connection: each waits his turn, and old connections are looked at",
    ),
}


def is_within(module: str, layer: str) -> bool:
    """Return whether `module` is `layer` or lies in it; the heads of packages hold themselves."""
    return module == layer or (layer != "gateway" and module.startswith(f"{layer}."))


def layer_of(module: str) -> str | None:
    """Return the name of the rule that holds for a module."""
    return max((layer for layer in LAYERS if is_within(module, layer)), key=len, default=None)


def allowed_in(module: str) -> tuple[str, ...]:
    """Return what `module` may import against the rule of its layer."""
    return EXCEPT.get(module, ((), ""))[0]


def broken(module: str, imports: Iterable[str]) -> Iterator[str]:
    """Return a line for each import of `module` that no rule allows."""
    layer = layer_of(module)
    if layer is None:
        yield f"{module}: no layer holds it; give it a rule"
        return
    may, reason = LAYERS[layer]
    for name in imports:
        if name.split(".")[0] in ENTRY:
            if not any(is_within(name, allowed) for allowed in (layer, *may)):
                yield f"{module} -> {name}: {layer} may not, {reason}"
            continue
        homes, why = HOMES.get(name.split(".")[0], ((module,), ""))
        if not any(is_within(module, home) for home in homes):
            yield f"{module} -> {name}: {why}"
        for pure, (banned, why) in PURE.items():
            top = name.split(".")[0]
            if is_within(module, pure) and top in banned and top not in allowed_in(module):
                yield f"{module} -> {name}: {why}"


def modules() -> dict[str, Path]:
    """Return our modules by name."""
    found = {}
    for path in sorted((*ROOT.glob("gateway/**/*.py"), *ROOT.glob("coordinator/**/*.py"))):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imported(module: str, source: str) -> Iterator[str]:
    """Return the modules that `source` names, wherever in the file it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            inner = [f"{base}.{alias.name}" for alias in node.names]
            yield from {name if name in MODULES else base for name in inner}


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_inward(module):
    lines = list(broken(module, imported(module, MODULES[module].read_text())))
    assert not lines, "\n" + "\n".join(lines)


@pytest.mark.parametrize(
    ("module", "source", "line"),
    [
        ("gateway.wire.pack", "import gateway.hub.switch", "gateway.wire may not"),
        ("gateway.wire.pack", "from gateway.node import app", "-> gateway.node"),
        ("gateway.wire.pack", "def f():\n    from os import urandom", "random bytes are passed in"),
        ("gateway.hub.switch", "from gateway.wire.pack import Pack", "it sees frames"),
        ("gateway.hub.switch", "import time", "time is passed in"),
        ("gateway.client.session", "import coordinator", "without a gateway"),
        ("coordinator.model", "from gateway.errors import Refused", "is none"),
        ("coordinator.directory", "from redis import Redis", "end in one file"),
        ("gateway.node.app", "import gateway.cli.main", "without a command line"),
        ("gateway.errors", "from .wire import codes", "-> gateway.wire"),
        ("gateway.newcomer", "", "give it a rule"),
    ],
)
def test_an_arrow_outward_is_shown_with_its_reason(module, source, line):
    (shown,) = broken(module, imported(module, source))
    assert line in shown


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gateway.wire.handshake", "from gateway.wire.pack import Pack\nimport hmac"),
        ("gateway.hub.switch", "from gateway.wire.ethernet import addresses_of"),
        ("gateway.wire.codes", "from . import pack\nfrom .reader import at_most"),
        ("coordinator.redis_store", "import redis.exceptions"),
        ("gateway.node.app", "from gateway import __version__\nimport coordinator.model"),
    ],
)
def test_an_arrow_inward_is_fine(module, source):
    assert list(broken(module, imported(module, source))) == []
