"""Captured bytes and their meaning, from `tests/vectors`; each file's origin is in its README."""

import json
from pathlib import Path
from typing import Any

from gateway.wire.codes import ValueType
from gateway.wire.pack import Pack

SOFTETHER = Path(__file__).parent / "vectors" / "softether"

PACKS = sorted(path.stem for path in SOFTETHER.glob("*.pack"))
FRAMED_PACKS = sorted(path.stem for path in SOFTETHER.glob("*_framed.bin"))


def captured(name: str) -> bytes:
    """Return the bytes of one file."""
    return (SOFTETHER / name).read_bytes()


def meaning(name: str) -> Any:
    """Return what the JSON beside a captured file says."""
    return json.loads((SOFTETHER / f"{name}.json").read_text())


def listed(pack: Pack) -> list[dict[str, Any]]:
    """Return a pack the way the JSON files list one."""
    return [
        {
            "name": element.name,
            "type": element.type.name.lower(),
            "values": [_value(element.type, value) for value in element.values],
        }
        for element in pack
    ]


def _value(type: ValueType, value: bytes) -> int | str:
    match type:
        case ValueType.INT | ValueType.INT64:
            return int.from_bytes(value, "big")
        case ValueType.DATA:
            return value.hex()
        case _:
            return value.removesuffix(b"\0").decode()
