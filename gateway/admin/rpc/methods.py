"""The registry: every method that is served, by its name in lower case.

What is not here is answered with error 33, which tools print as "Unsupported".
"""

from gateway.admin.rpc import (
    access,
    bridges,
    caps,
    cascades,
    certificates,
    farm,
    fleet,
    groups,
    hubs,
    logs,
    options,
    server,
    sessions,
    tables,
    trust,
    users,
)
from gateway.admin.rpc.method import Method

_NOUNS = (
    *(server, caps, farm, hubs, users, groups, access, trust, sessions, tables, options),
    *(bridges, cascades, certificates, logs, fleet),
)

METHODS: dict[str, Method] = {
    method.name.lower(): method for noun in _NOUNS for method in noun.METHODS
}

ALIASES = {
    # How the reference spelt them for years. Source: spec 5.2.
    "getddnsinternetsettng": "getddnsinternetsetting",
    "setddnsinternetsettng": "setddnsinternetsetting",
}
