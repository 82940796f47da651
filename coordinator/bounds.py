"""Bounds of what is stored: a message names the number seen and the numbers allowed."""

from coordinator.errors import InvalidValue
from coordinator.names import byte_size

MAX_NUMBER = 0xFFFF_FFFF  # what a program of the reference can say


def check_number(what: str, number: int, least: int = 0, most: int = MAX_NUMBER) -> int:
    """Return `number`; raises InvalidValue, naming `what`."""
    if not least <= number <= most:
        raise InvalidValue(f"{what}: {number}, {least} to {most} allowed")
    return number


def check_text(what: str, text: str, most: int) -> str:
    """Return `text` if its UTF-8 takes `most` bytes at most; raises InvalidValue, naming `what`."""
    check_size(what, byte_size(what, text), most)
    return text


def check_size(what: str, size: int, most: int) -> int:
    """Return `size` in bytes; raises InvalidValue, naming `what`."""
    if size > most:
        raise InvalidValue(f"{what}: {size} bytes, {most} allowed")
    return size
