"""Hypothesis strategies for what travels on the wire, and for what should not."""

from hypothesis import settings
from hypothesis import strategies as st

from gateway.wire.codes import MAX_CONNECTIONS, Direction, ValueType
from gateway.wire.hello import Hello
from gateway.wire.login import (
    Anonymous,
    CertificateProof,
    Login,
    PlainPassword,
    SecurePassword,
    TicketProof,
)
from gateway.wire.nodeinfo import NodeInfo
from gateway.wire.pack import Element, Pack
from gateway.wire.policy import WIRE_NAMES, Policy
from gateway.wire.redirect import Redirect
from gateway.wire.requests import AdditionalConnect
from gateway.wire.welcome import Welcome

# How long one example takes says nothing on a machine that others use, too.
settings.register_profile("etherfleet", deadline=None)
settings.load_profile("etherfleet")

u32 = st.integers(0, 2**32 - 1)
hashes = st.binary(min_size=20, max_size=20)
tcp_ports = st.integers(1, 65535)
padding = st.binary(max_size=999)

# What survives `client_text`: printable and short. Names may hold more, but never a NUL.
labels = st.text(st.characters(codec="utf-8"), max_size=40).filter(str.isprintable)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)

_element_names = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=63)
_values = {
    ValueType.INT: st.binary(min_size=4, max_size=4),
    ValueType.INT64: st.binary(min_size=8, max_size=8),
    ValueType.DATA: st.binary(max_size=60),
    ValueType.STR: st.binary(max_size=60),
    ValueType.UNISTR: st.binary(max_size=60),
}


@st.composite
def elements(draw: st.DrawFn) -> Element:
    """Any element a peer may send, its texts not always text."""
    type = draw(st.sampled_from(ValueType))
    values = draw(st.lists(_values[type], max_size=5))
    return Element(draw(_element_names), type, tuple(values))


packs = st.lists(elements(), max_size=8, unique_by=lambda e: e.name.encode("latin-1").lower()).map(
    Pack
)

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))

hellos = st.builds(Hello, product=labels, version=u32, build=u32, random=hashes)

credentials = st.one_of(
    st.builds(Anonymous),
    st.builds(SecurePassword, hashes),
    st.builds(PlainPassword, names),
    st.builds(CertificateProof, st.binary(max_size=900), st.binary(max_size=512)),
    st.builds(TicketProof, hashes),
)

node_infos = st.builds(
    NodeInfo,
    os_name=labels,
    server_name=labels,
    client_address=addresses,
    server_address=addresses,
    client_tcp_port=u32,
    machine_id=st.binary(min_size=16, max_size=16),
)

logins = st.builds(
    Login,
    hub=names,
    user=names,
    credential=credentials,
    client_name=labels,
    client_version=u32,
    client_build=u32,
    max_connection=st.integers(1, MAX_CONNECTIONS),
    use_compress=st.booleans(),
    half_connection=st.booleans(),
    require_bridge_routing=st.booleans(),
    qos=st.booleans(),
    unique_id=hashes,
    host_name=labels,
    node_info=node_infos,
)

policies = st.builds(
    Policy,
    **{
        field: st.booleans() if isinstance(getattr(Policy(), field), bool) else u32
        for field in WIRE_NAMES
    },
)

welcomes = st.builds(
    Welcome,
    session_name=names,
    connection_name=names,
    session_key=hashes,
    timeout_ms=st.integers(1, 2**32 - 1),
    use_encrypt=st.booleans(),
    use_compress=st.booleans(),
    max_connection=st.integers(1, MAX_CONNECTIONS),
    half_connection=st.booleans(),
    qos=st.booleans(),
    policy=policies,
    message=st.text(st.characters(codec="utf-8"), max_size=80),
)

redirects = st.builds(
    Redirect,
    address=st.ip_addresses(v=4).filter(lambda address: not address.is_unspecified),
    tcp_ports=st.lists(tcp_ports, min_size=1, max_size=128).map(tuple),
    ticket=hashes,
    certificate_der=st.binary(max_size=900),
    message=st.text(st.characters(codec="utf-8"), max_size=80),
)

additional_connects = st.builds(
    AdditionalConnect, hashes, client_name=labels, client_version=u32, client_build=u32
)

directions = st.sampled_from(Direction)


@st.composite
def mangled(draw: st.DrawFn, valid: st.SearchStrategy[bytes]) -> bytes:
    """Bytes of `valid`, cut short, changed in places, or with noise put in."""
    data = bytearray(draw(valid))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(("cut", "change", "insert", "size"))):
            case "cut":
                del data[at:]
            case "change":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "insert":
                data[at:at] = draw(st.binary(max_size=8))
            case "size":
                # Sizes and counts are where a parser trips.
                data[at : at + 4] = draw(u32).to_bytes(4, "big")
    return bytes(data)


@st.composite
def cuttings(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The same bytes in any pieces."""
    at = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]
