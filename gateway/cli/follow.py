"""Following a stream of the store: what is new is printed as it comes, to Ctrl-C."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from gateway.cli.common import Invocation, note

if TYPE_CHECKING:
    from coordinator.fleet import Fleet

FOLLOW_S = 0.3  # between two looks


class Entry(Protocol):
    """What a stream holds."""

    @property
    def id(self) -> str:
        """Return its place in the stream."""


E = TypeVar("E", bound=Entry)


def follow_stream(
    invocation: Invocation,
    position: str,
    read: "Callable[[Fleet, str], Sequence[E]]",
    is_wanted: Callable[[E], bool],
    show: Callable[[E], None],
) -> None:
    """Show what `read(fleet, position)` finds behind `position` and is wanted, then look again. A
    store that is away is waited for."""
    from coordinator.errors import StoreUnavailable
    from gateway.cli.patience import Patience

    is_away = False
    with Patience() as patience:
        while not patience.ends_within(FOLLOW_S):
            try:
                with invocation.running_fleet() as fleet:
                    if is_away:
                        note("the store is back")
                    is_away = False
                    while not patience.ends_within(FOLLOW_S):
                        for entry in read(fleet, position):
                            position = entry.id
                            if is_wanted(entry):
                                show(entry)
                    return
            except StoreUnavailable as error:
                if not is_away:
                    note(f"{error}; waiting for it")
                is_away = True


def number_of(entry_id: str) -> tuple[int, ...]:
    """Return the id of an entry as what it is ordered by."""
    return tuple(int(part or 0) for part in entry_id.split("-")) if entry_id else ()
