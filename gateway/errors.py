"""Every error the gateway names, each with the code its peer is told.

Codes: `gateway.wire.codes.ErrorCode`; kept as plain numbers here, because this module imports
nothing. `reason` is the label under which an error is counted: lower case, words joined by dashes.
"""

from typing import ClassVar


class EtherFleetError(Exception):
    """Base of everything below; its text is one line that an operator can act on."""


class ConfigError(EtherFleetError):
    """The settings cannot work. The text names the setting and a value that would do."""


class ProtocolError(EtherFleetError):
    """The peer broke the protocol: answer `code` if the dialogue still allows it, close, count."""

    code: ClassVar[int] = 4
    reason: ClassVar[str] = "protocol"


class Malformed(ProtocolError):
    """Bytes that no sender of this protocol produces."""

    reason = "malformed"


class LimitExceeded(ProtocolError):
    """A size above its limit; the text gives the number seen and the number allowed."""

    reason = "over-limit"


class Refused(EtherFleetError):
    """The peer may not: a normal end of a dialogue, told to the peer as `code`."""

    def __init__(self, code: int, text: str, reason: str = "refused") -> None:
        super().__init__(text)
        self.code = code
        self.reason = reason
