"""Groups: users of one hub that share a policy.

A user is of one group at most. His own policy, if he has one, holds instead of his group's, as a
whole, as with the reference; whoever has neither is under the defaults. To have a policy of his own
that is the default in everything, a user's says so: `{"Access": 1}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coordinator.model import NEVER, User
from coordinator.times import Timestamp

MAX_GROUPS = 10_000  # of one hub, the reference's


@dataclass(frozen=True, slots=True)
class Group:
    """A group of one hub."""

    hub: str
    name: str
    real_name: str = ""
    note: str = ""
    policy: Mapping[str, int] = field(default_factory=dict)
    """By the names on the wire, without `policy:`; only what differs from the default."""
    created: Timestamp = NEVER
    changed: Timestamp = NEVER
    version: int = 0


def policy_of(user: User, group: Group | None) -> Mapping[str, int]:
    """Return the policy a user is under: his own, else his group's, else none: the defaults."""
    return user.policy or (group.policy if group is not None else {})
