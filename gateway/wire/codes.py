"""The protocol's numbers, each with its source; "spec" is the SoftEther protocol notes.

Two groups: what the protocol fixes, and below it what we chose ourselves.
"""

from enum import IntEnum


class ErrorCode(IntEnum):
    """What a peer is told in `error`. Source: spec 3.4; 29 and 38 from spec 8, 85 from spec 5.1.

    Build 9674 retries after its retry interval on every code, and after a fixed 60 s on
    HUB_STOPPING, HUB_BUSY, TOO_MANY_USER_SESSIONS and LICENSE_ERROR.
    """

    NO_ERROR = 0
    CONNECT_FAILED = 1  # client side
    NOT_VPN_SERVER = 2  # client side
    DISCONNECTED = 3
    PROTOCOL_ERROR = 4
    NOT_VPN_CLIENT = 5
    USER_CANCEL = 6  # client side
    AUTH_TYPE_NOT_SUPPORTED = 7
    HUB_NOT_FOUND = 8
    AUTH_FAILED = 9
    HUB_STOPPING = 10
    SESSION_REMOVED = 11
    ACCESS_DENIED = 12
    SESSION_TIMEOUT = 13  # to additional_connect: the session is gone, log in afresh
    INVALID_PROTOCOL = 14
    TOO_MANY_CONNECTIONS = 15
    HUB_BUSY = 16
    TOO_MANY_USER_SESSIONS = 20
    LICENSE_ERROR = 21
    INTERNAL_ERROR = 23
    OBJECT_NOT_FOUND = 29
    NOT_SUPPORTED = 33
    INVALID_PARAMETER = 38
    NOT_CLUSTER_CONTROLLER = 46
    CONTROLLER_UNREACHABLE = 48
    NO_CLUSTER_MEMBER = 49
    EMPTY_PASSWORD_LOCAL_ONLY = 51
    NOT_ENOUGH_RIGHTS = 52
    LISTENER_NOT_FOUND = 53
    LISTENER_EXISTS = 54
    NOT_CLUSTER_MEMBER = 55
    HUB_EXISTS = 57
    TOO_MANY_HUBS = 58
    CASCADE_EXISTS = 59
    CASCADE_OFFLINE = 61
    TOO_MANY_ACCESS_RULES = 62
    TOO_MANY_USERS = 63
    TOO_MANY_GROUPS = 64
    GROUP_NOT_FOUND = 65
    USER_EXISTS = 66
    GROUP_EXISTS = 67
    NOT_BY_PASSWORD = 68
    OLD_PASSWORD_WRONG = 69
    KEY_NOT_ACCEPTABLE = 77  # of a user's certificate
    CERTIFICATE_NOT_TRUSTED = 85  # client side
    SERVER_CANNOT_ACCEPT = 105
    MONITOR_MODE_DENIED = 107
    BRIDGE_MODE_DENIED = 108
    SOURCE_ADDRESS_DENIED = 109
    TOO_MANY_ITEMS = 110
    OBJECT_EXISTS = 112
    AUTO_DISCONNECTED = 126  # client side
    AUTH_NOT_AVAILABLE = 143
    FUNCTION_NOT_AVAILABLE = 144
    FUNCTION_NOT_AVAILABLE_HERE = 147


def describe(code: int) -> str:
    """Return an error code in words, such as `hub not found`; `error 77` for an unknown one."""
    try:
        return ErrorCode(code).name.lower().replace("_", " ")
    except ValueError:
        return f"error {code}"


class ValueType(IntEnum):
    """What the values of a pack's element are. Source: spec 2."""

    INT = 0
    DATA = 1
    STR = 2
    UNISTR = 3
    INT64 = 4


class AuthType(IntEnum):
    """How a login proves who it is. Source: spec 3.1."""

    ANONYMOUS = 0
    PASSWORD = 1
    PLAIN_PASSWORD = 2
    CERTIFICATE = 3
    TICKET = 99


class Direction(IntEnum):
    """Which way one connection of a session carries blocks. Source: spec 6.4."""

    BOTH = 0
    TO_CLIENT = 1
    TO_SERVER = 2


class Noop(IntEnum):
    """What a pack with `noop` wants. Source: spec 1.7."""

    REQUEST = 1
    ANSWER = 2


# --- what the protocol fixes -----------------------------------------------------------------

SIGNATURE_TARGET = "/vpnsvc/connect.cgi"  # spec 1.4
PACK_TARGET = "/vpnsvc/vpn.cgi"  # spec 1.2
API_TARGET = "/api"  # admin protocol 5.1
SIGNATURE = b"VPNCONNECT"  # spec 1.4
SIGNATURE_IMAGE_PREFIX = b"GIF89a"  # spec 1.4
MIN_SIGNATURE, MAX_SIGNATURE = 10, 3411  # bytes, spec 1.4
PROBE_MARKER = b"9C37197CA7C2428388C2E6E59B829B30"  # spec 1.3
PROBE_WINDOW = 1023  # bytes of the page in which a client looks for the marker, spec 1.3

HASH_SIZE = 20  # bytes of a SHA-0, of Hello's `random`, of a session key and of a ticket
UNIQUE_ID_SIZE = 20  # bytes, spec 3.2

MAX_LINE = 4096  # bytes of one line of an HTTP head, its end included, spec 1.2
MAX_HEADER_LINES = 128  # spec 1.2
MAX_REQUESTS_BEFORE_SIGNATURE = 19  # spec 1.5
MAX_NOOPS = 30  # in a row, spec 1.7

MAX_ELEMENT_NAME = 63  # bytes, spec 2
MAX_ELEMENTS = 262_144  # in a pack, spec 2
MAX_VALUES = 262_144  # in an element, spec 2
MAX_PACK_REQUEST = 65_536  # bytes of a pack in an HTTP request, spec 1.2
MAX_PENCORE = 999  # bytes, spec 2
MAX_REDIRECT_PORTS = 128  # spec 5.1
MAX_CONNECTIONS = 32  # of one session, spec 3.2
MAX_PROOF = 512  # bytes of a signature by RSA of 4096 bits, spec 3.1

# --- what we chose ---------------------------------------------------------------------------

HELLO_VERSION = 501  # 5.01, what the captured server says
HELLO_BUILD = 9674
MAX_HEAD = 16_384  # bytes of all headers of a message; the real parser stops at 128 x 4096
MAX_RESPONSE = 1_048_576  # bytes of a body that our client accepts; real clients: 512 MiB
MAX_CERTIFICATE = 8192  # bytes in DER of one that a client shows; a usual one has 1 to 2 KiB
MAX_NAME = 255  # characters of a hub's or a user's name and of what a client says of itself
# Bytes held for a peer that has not logged in: one whole login and as much again on its heels.
MAX_SERVER_BACKLOG = 2 * MAX_PACK_REQUEST
# Of one call of an administrator: the longest real one is an access list of some thousand rules.
MAX_RPC_REQUEST = 2 * 1_048_576
MAX_API_REQUEST = MAX_RPC_REQUEST  # bytes of a body of JSON
# The same for our client: one answer, and blocks that follow the welcome in the same breath.
MAX_CLIENT_BACKLOG = MAX_RESPONSE + 524_288
