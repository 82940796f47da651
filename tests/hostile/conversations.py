"""Conversations no honest client leads: each is a value, made from a seed and its number alone.

A conversation is a list of steps; `drive.py` acts them out. Makers are weighted: what ends only
after a time-out is rare, so that ten thousand pass in a minute. Frames of those who log in carry
station numbers of their own: on one Ethernet anybody may speak in another's name, and that is not
what is tested here.
"""

import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from gateway.wire.blocks import encode_blocks, encode_keep_alive
from gateway.wire.http import encode_pack_request, encode_probe, encode_request, encode_signature
from gateway.wire.login import Anonymous, Login, PlainPassword, SecurePassword, encode_login
from gateway.wire.pack import Pack, data, integer, text
from gateway.wire.reader import to_u32
from gateway.wire.requests import (
    AdditionalConnect,
    AdminLogin,
    PasswordChange,
    encode_additional_connect,
    encode_admin_login,
    encode_password_change,
)

HOST = "127.0.0.1"
Random = random.Random


class End(Enum):
    """How a conversation ends when all is said."""

    WAIT = "wait"  # for the gateway to end it, which it must
    NOTIFY = "notify"  # TLS close_notify, then close
    CLOSE = "close"  # FIN without a word
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Say:
    """Send `data`, in pieces of `cut` bytes with `pause` seconds between them if given."""

    data: bytes
    cut: int = 0
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Hear:
    """Read until something comes."""


@dataclass(frozen=True, slots=True)
class LogIn:
    """Log in as mallory, correctly, with these wishes."""

    compress: bool = False
    half: bool = False
    connections: int = 1


@dataclass(frozen=True, slots=True)
class JoinOwn:
    """Open `count` more connections of the session just begun; some may be refused."""

    count: int


Step = Say | Hear | LogIn | JoinOwn


@dataclass(frozen=True, slots=True)
class Conversation:
    """`is_tls`: TLS comes first. `breaks_tls`: the gateway may end it without a close_notify."""

    number: int
    kind: str
    steps: tuple[Step, ...]
    end: End = End.WAIT
    is_tls: bool = True
    breaks_tls: bool = False


Made = tuple[tuple[Step, ...], End]
Maker = Callable[[Random], Made]


def conversation(seed: int, number: int) -> Conversation:
    """Return conversation `number` of `seed`, always the same one."""
    rnd = Random(f"{seed}/{number}")
    kind = rnd.choices(list(MAKERS), [weight for weight, _ in MAKERS.values()])[0]
    steps, end = MAKERS[kind][1](rnd)
    is_tls = not kind.startswith("raw")
    # A slow one talks on for longer than the gateway listens after its close_notify.
    return Conversation(number, kind, steps, end, is_tls, not is_tls or kind == "slow")


def conversations(seed: int, count: int) -> Iterator[Conversation]:
    """Yield the first `count` conversations of `seed`."""
    return (conversation(seed, number) for number in range(count))


# -- bytes --------------------------------------------------------------------------------------


def _pack(pack: Pack) -> bytes:
    return encode_pack_request(HOST, pack)


def _post(body: bytes, size: int | None = None) -> bytes:
    """Return a pack request with any body, and any size announced for it."""
    headers = {"Content-Type": "application/octet-stream", "Connection": "Keep-Alive"}
    if size is not None:
        headers["Content-Length"] = str(size)
    return encode_request("POST", "/vpnsvc/vpn.cgi", headers, body)


SIGNATURE = encode_signature(HOST, b"VPNCONNECT")
PROBE = encode_probe(HOST)
LOGIN = _pack(encode_login(Login("LAB", "mallory", PlainPassword("pw-mallory"))))
IMAGE = encode_signature(HOST, b"GIF89a" + bytes(1405))


def _wish(rnd: Random) -> bytes:
    """Return a request a client may make, mostly one that is refused."""
    proof = SecurePassword(rnd.randbytes(20))
    logins = (
        Login("LAB", "alice", proof),
        Login("NOWHERE", "alice", proof),
        Login("LAB", "", Anonymous()),
        Login("\x00\n\t" * 9, "ü" * 255, PlainPassword("x" * 999)),
    )
    wishes = (
        encode_login(rnd.choice(logins), rnd.randbytes(rnd.randrange(999))),
        encode_additional_connect(AdditionalConnect(rnd.randbytes(20))),
        encode_admin_login(AdminLogin("LAB", bytes(20), True)),
        encode_password_change(PasswordChange("LAB", "alice", bytes(20), bytes(20))),
        Pack([text("method", "enum_hub")]),
        Pack([text("method", rnd.choice(["", "LOGIN", "login\0x", "x" * 5000]))]),
        Pack([integer("noop", 1)]),
    )
    return _pack(rnd.choice(wishes))


def _mutated(rnd: Random, wire: bytes) -> bytes:
    """Return `wire` with some of it flipped, cut, doubled, moved or replaced."""
    out = bytearray(wire)
    for _ in range(rnd.choice((1, 1, 1, 2, 5, 20))):
        at = rnd.randrange(len(out) + 1)
        end = min(len(out), at + rnd.randrange(1, 64))
        match rnd.randrange(7):
            case 0:
                out[at : at + 1] = rnd.randbytes(1)
            case 1:
                out[at:end] = b""
            case 2:
                out[at:at] = rnd.randbytes(rnd.randrange(1, 64))
            case 3:
                out[at:at] = out[at:end]
            case 4:
                out[at : at + 4] = rnd.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4)))
            case 5:
                del out[at:]
            case 6:
                out[at:at] = rnd.choice((b"\r\n", b"\r\n\r\n", b"\0", b"99999999999999999999"))
    return bytes(out)


def _hostile_pack(rnd: Random) -> bytes:
    """Return a body that begins like a pack and is none, or one that means nothing."""
    name = to_u32(5) + b"name"
    huge = rnd.choice((0xFFFF_FFFF, 0x7FFF_FFFF, 262_145, 65_536))
    bodies = (
        to_u32(huge),
        to_u32(1) + to_u32(huge) + b"x" * 70,
        to_u32(1) + to_u32(0),
        to_u32(1) + name + to_u32(rnd.randrange(256)) + to_u32(huge),
        to_u32(1) + name + to_u32(1) + to_u32(1) + to_u32(huge) + b"x" * 100,
        to_u32(2) + 2 * (name + to_u32(0) + to_u32(1) + to_u32(7)),
        to_u32(1) + name + to_u32(2) + to_u32(1) + to_u32(3) + b"abc" + b"left over",
        to_u32(1) + name + to_u32(4) + to_u32(1) + bytes(7),
        Pack([text("method", "login"), text("hubname", "LAB")]).to_bytes(),
        Pack([text("method", "login"), integer("hubname", 1), data("username", b"x")]).to_bytes(),
        Pack([text("method", "additional_connect"), data("session_key", b"short")]).to_bytes(),
        to_u32(4000) + 4000 * (to_u32(2) + b"a" + to_u32(0) + to_u32(0)),
        rnd.randbytes(rnd.randrange(1, 3000)),
    )
    return rnd.choice(bodies)


def _frame(rnd: Random, to: bytes | None = None, size: int = 46) -> bytes:
    """Return a frame from a station nobody else has (02:…), to one that is not there (06:…)."""
    target = b"\x06" + rnd.randbytes(5) if to is None else to
    return target + b"\x02\xee" + rnd.randbytes(4) + b"\x08\x00" + rnd.randbytes(size)


# -- makers -------------------------------------------------------------------------------------


def _ends(rnd: Random) -> End:
    return rnd.choice((End.NOTIFY, End.CLOSE, End.RESET))


def _garbage(rnd: Random) -> Made:
    return (Say(rnd.randbytes(rnd.randrange(1, 20_000))),), _ends(rnd)


def _raw_client_hello(rnd: Random) -> Made:
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rnd.randbytes(32)
    return (Say(hello[: rnd.randrange(1, 43)] + rnd.randbytes(rnd.randrange(600))),), _ends(rnd)


def _raw_http(rnd: Random) -> Made:
    return (Say(PROBE + SIGNATURE),), rnd.choice((End.WAIT, _ends(rnd)))


def _raw_silent(rnd: Random) -> Made:
    return (), _ends(rnd)


def _raw_half_open(rnd: Random) -> Made:
    return (Say(b"\x16\x03\x01"),), End.WAIT


def _text_garbage(rnd: Random) -> Made:
    lines = rnd.choice((b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 99 + b"\n"))
    return (Say(lines),), End.WAIT


def _mutated_dialogue(rnd: Random) -> Made:
    wire = rnd.choice((b"", PROBE)) + rnd.choice((SIGNATURE, IMAGE)) + rnd.choice(
        (LOGIN, _wish(rnd), LOGIN)
    )  # fmt: skip
    return (Say(_mutated(rnd, wire), cut=rnd.choice((0, 0, 1000))),), _ends(rnd)


def _mutated_wish(rnd: Random) -> Made:
    return (Say(SIGNATURE), Hear(), Say(_mutated(rnd, rnd.choice((LOGIN, _wish(rnd)))))), _ends(rnd)


def _cut_dialogue(rnd: Random) -> Made:
    wire = PROBE + SIGNATURE + LOGIN
    return (Say(wire[: rnd.randrange(len(wire))], cut=rnd.choice((0, 37))),), _ends(rnd)


def _refused_wish(rnd: Random) -> Made:
    proof = PlainPassword(rnd.choice(("wrong", "", "x" * 4000)))
    users = ("alice", "eve", "mallory ", "a:b", "*")
    login = Login(rnd.choice(("LAB", "lab", "NO")), rnd.choice(users), proof)
    return (Say(SIGNATURE), Hear(), Say(_pack(encode_login(login)))), End.WAIT


def _unknown_key(rnd: Random) -> Made:
    wish = _pack(encode_additional_connect(AdditionalConnect(rnd.randbytes(20))))
    return (Say(SIGNATURE), Hear(), Say(wish)), End.WAIT


def _giant_head(rnd: Random) -> Made:
    line = b"x" * rnd.choice((4090, 4097, 20_000))
    heads = (
        b"GET /" + line + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: " + line + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * 4000 + b"\r\n" + b"B: " + b"c" * 4000 + b"\r\n" * 9,
        line * 40,
    )
    return (Say(rnd.choice(heads)),), _ends(rnd)


def _many_requests(rnd: Random) -> Made:
    junk = (
        PROBE,
        b"HEAD / HTTP/1.1\r\n\r\n",
        b"PUT /x HTTP/1.1\r\n\r\n",
        b"get / HTTP/1.0\r\n\r\n",
    )
    return (Say(b"".join(rnd.choice(junk) for _ in range(25))),), End.WAIT


def _many_noops(rnd: Random) -> Made:
    noop = _pack(Pack([integer("noop", rnd.choice((1, 2)))]))
    return (Say(SIGNATURE), Hear(), Say(noop * 40)), End.WAIT


def _wrong_size(rnd: Random) -> Made:
    size = rnd.choice((0, 1, 65_537, 1 << 32, 10**18, 3412))
    body = rnd.randbytes(rnd.randrange(200))
    wires = (
        SIGNATURE + _post(body, size),
        encode_request("POST", "/vpnsvc/connect.cgi", {"Content-Length": str(size)}, body),
        b"POST /vpnsvc/connect.cgi HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /vpnsvc/connect.cgi HTTP/1.1\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n",
        b"POST /vpnsvc/connect.cgi HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    )
    return (Say(rnd.choice(wires)),), _ends(rnd)


def _broken_pack(rnd: Random) -> Made:
    return (Say(SIGNATURE), Hear(), Say(_post(_hostile_pack(rnd)))), End.WAIT


def _backlog(rnd: Random) -> Made:
    """More bytes on the heels of a request than may be held for it."""
    return (Say(SIGNATURE + _pack(Pack([integer("noop", 1)])) + bytes(200_000)),), _ends(rnd)


def _slow(rnd: Random) -> Made:
    return (Say(PROBE[:60], cut=1, pause=0.05),), rnd.choice((End.WAIT, End.RESET))


def _mute(rnd: Random) -> Made:
    return rnd.choice(((), (Say(SIGNATURE), Hear()))), End.WAIT


# -- makers for those who may in ----------------------------------------------------------------


def _blocks_over_limit(rnd: Random) -> Made:
    streams = (
        to_u32(1) + to_u32(3201) + bytes(3201),
        to_u32(1) + to_u32(0xFFFF_FFFF),
        to_u32(0xFFFF_FFFF) + to_u32(513) + bytes(513),
        encode_blocks([_frame(rnd)]) + to_u32(7) + to_u32(0x8000_0000),
    )
    return (LogIn(compress=rnd.random() < 0.3), Say(rnd.choice(streams))), End.CLOSE


def _blocks_odd(rnd: Random) -> Made:
    """Legal streams no sender makes: endless counts, empty, short and long blocks, cut anywhere."""
    streams = (
        to_u32(0xFFFF_FFFE) + b"".join(to_u32(60) + _frame(rnd) for _ in range(20)),
        to_u32(0) * 5000,
        encode_blocks([b"", b"x", b"y" * 13, b"z" * 1601, b"w" * 3200]),
        encode_keep_alive(bytes(512)) * 20,
        encode_keep_alive(b"half")[:-2],
        encode_blocks([_frame(rnd)])[: rnd.randrange(60)],
        encode_blocks([bytes(60), b"\x03" * 60, b"\xff" * 60]),
    )
    return (LogIn(), Say(rnd.choice(streams), cut=rnd.choice((0, 0, 97)))), _ends(rnd)


def _blocks_garbage(rnd: Random) -> Made:
    stream = _mutated(rnd, encode_blocks([_frame(rnd) for _ in range(9)]) + encode_keep_alive(b"k"))
    return (LogIn(compress=rnd.random() < 0.3), Say(stream)), _ends(rnd)


def _zlib_bomb(rnd: Random) -> Made:
    blocks = (
        zlib.compress(bytes(1 << 20)),
        zlib.compress(_frame(rnd))[: rnd.randrange(1, 60)],
        zlib.compress(_frame(rnd)) + b"more",
        b"x" * 100,
        zlib.compress(_frame(rnd)),
    )
    return (LogIn(compress=True), Say(encode_blocks(rnd.choices(blocks, k=50)))), _ends(rnd)


def _mac_flood(rnd: Random) -> Made:
    return (
        LogIn(),
        Say(encode_blocks([_frame(rnd, size=rnd.randrange(50)) for _ in range(150)])),
    ), (_ends(rnd))


def _broadcasts(rnd: Random) -> Made:
    group = rnd.choice((b"\xff" * 6, b"\x01\x00\x5e\x00\x00\x01", b"\x33\x33" + bytes(4)))
    return (LogIn(), Say(encode_blocks([_frame(rnd, group) for _ in range(100)]))), _ends(rnd)


def _early_blocks(rnd: Random) -> Made:
    """Blocks in the same breath as the login, and perhaps gone before the welcome."""
    stream = rnd.choice((encode_blocks([_frame(rnd)] * 3), rnd.randbytes(500), b""))
    return (Say(SIGNATURE + LOGIN + stream),), _ends(rnd)


def _crowd(rnd: Random) -> Made:
    count = rnd.choice((1, 2, 8, 32))
    wishes = LogIn(half=rnd.random() < 0.5, connections=count)
    return (wishes, JoinOwn(rnd.randrange(1, 6)), Say(encode_blocks([_frame(rnd)]))), _ends(rnd)


MAKERS: dict[str, tuple[int, Maker]] = {
    "raw garbage": (80, _garbage),
    "raw client hello": (60, _raw_client_hello),
    "raw http": (30, _raw_http),
    "raw silence": (30, _raw_silent),
    "raw half open": (4, _raw_half_open),
    "garbage": (50, _garbage),
    "text garbage": (40, _text_garbage),
    "mutated dialogue": (120, _mutated_dialogue),
    "mutated wish": (120, _mutated_wish),
    "cut dialogue": (50, _cut_dialogue),
    "refused wish": (60, _refused_wish),
    "unknown key": (40, _unknown_key),
    "giant head": (30, _giant_head),
    "many requests": (20, _many_requests),
    "many noops": (20, _many_noops),
    "wrong size": (40, _wrong_size),
    "broken pack": (60, _broken_pack),
    "backlog": (15, _backlog),
    "slow": (4, _slow),
    "mute": (6, _mute),
    "blocks over limit": (30, _blocks_over_limit),
    "odd blocks": (40, _blocks_odd),
    "garbage blocks": (40, _blocks_garbage),
    "zlib bomb": (20, _zlib_bomb),
    "mac flood": (8, _mac_flood),
    "broadcasts": (8, _broadcasts),
    "early blocks": (40, _early_blocks),
    "crowd": (15, _crowd),
}
