"""The registry of calls: what each says of itself."""

from gateway.admin.rpc.methods import METHODS

LOOKS = ("Get", "Enum", "Read", "Test", "Flush")


def test_every_method_says_whether_it_changes_something() -> None:
    wrong = [m.name for m in METHODS.values() if m.changes == m.name.startswith(LOOKS)]
    assert not wrong, f"say changes=False of what only looks, and of nothing else: {wrong}"
