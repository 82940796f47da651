"""Handshakes as transcripts: a list of what arrives, what leaves and what is reported, in order."""

from collections.abc import Iterable

from gateway.errors import ProtocolError, Refused
from gateway.wire.dialogue import Dialogue
from gateway.wire.events import Event
from gateway.wire.handshake import (
    AdditionalConnectRequested,
    AdminRequested,
    ClientHandshake,
    Direction,
    ErrorCode,
    HubsRequested,
    LoginRequested,
    PasswordChangeRequested,
    Redirect,
    ServerHandshake,
    Welcome,
)
from gateway.wire.pack import Pack


def one_by_one(data: bytes) -> Iterable[bytes]:
    """Cut `data` into single bytes."""
    return (data[i : i + 1] for i in range(len(data)))


def heard(handshake: Dialogue, pieces: Iterable[bytes]) -> list[Event]:
    """Let `pieces` arrive one after the other and return all events there were."""
    events = []
    for piece in pieces:
        handshake.receive_data(piece)
        while event := handshake.next_event():
            events.append(event)
    return events


def replies(wire: bytes) -> list[str]:
    """Name what a server sent: `403`, or `200` and the elements of the pack but its padding."""
    names = []
    while wire:
        head, _, rest = wire.partition(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        status = head.split()[1].decode()
        if status == "200":
            status += f" {packed(rest[:size])}"
        names.append(status)
        wire = rest[size:]
    return names


def packed(body: bytes) -> str:
    """Name the numbers and elements of a small pack, such as `error=13`."""
    pack = Pack.from_bytes(body)
    shown = (e.name if e.type else f"{e.name}={pack.integer(e.name)}" for e in pack)
    return " ".join(name for name in shown if name != "pencore")


def converse(
    client: ClientHandshake, server: ServerHandshake, answer: "Answer", *, cut: int = 0
) -> list[str]:
    """Let both sides talk until neither has anything to say; return the events and errors.

    `answer` is what the server's driver does with a request; `cut` is the size of the pieces in
    which bytes arrive, 0 for whole.
    """
    transcript: list[str] = []
    while True:
        upwards, downwards = client.data_to_send(), server.data_to_send()
        if not upwards and not downwards:
            return transcript
        for name, side, data in (("server", server, upwards), ("client", client, downwards)):
            for start in range(0, len(data), cut or len(data) or 1):
                side.receive_data(data[start : start + (cut or len(data))])
                _report(name, side, answer, transcript)


Answer = Welcome | Redirect | ErrorCode | Direction | tuple[str, ...] | bool


def _report(name: str, side: Dialogue, answer: Answer, transcript: list[str]) -> None:
    try:
        while event := side.next_event():
            transcript.append(f"{name}: {type(event).__name__}")
            if isinstance(side, ServerHandshake):
                _answer(side, event, answer)
    except (ProtocolError, Refused) as error:
        transcript.append(f"{name}: {type(error).__name__} {error.code}")


def _answer(server: ServerHandshake, event: Event, answer: Answer) -> None:
    match event, answer:
        case (_, ErrorCode()):
            server.refuse(answer)
        case (LoginRequested(), Welcome()):
            server.welcome(answer)
        case (LoginRequested(), Redirect()):
            server.redirect(answer)
        case (AdditionalConnectRequested(), Direction()):
            server.accept_additional(answer)
        case (AdminRequested(), bool()):
            server.accept_admin(empty_password=answer)
        case (PasswordChangeRequested(), bool()):
            server.confirm()
        case (HubsRequested(), tuple()):
            server.list_hubs(answer)
