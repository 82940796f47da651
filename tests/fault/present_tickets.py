"""Present tickets that must not be taken, by our client library; run in a namespace.

    python -m tests.fault.present_tickets ENTRY_IP TCP_PORT HUB OTHER_HUB USER PASSWORD AGE

The entry must not own HUB, so that it redirects. Prints as JSON what became of each kind of
ticket: "welcome", or the code and reason of the refusal. The last one is AGE seconds old.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

from gateway.client.account import Account  # noqa: E402
from gateway.client.dial import Dialled, Trust, dial  # noqa: E402
from gateway.client.resolve import Endpoint  # noqa: E402
from gateway.errors import Refused  # noqa: E402
from gateway.transport.contexts import client_context  # noqa: E402
from gateway.wire.handshake import Redirected, Welcomed  # noqa: E402
from gateway.wire.redirect import Redirect  # noqa: E402

TRUST = Trust(client_context())


def redirect_at(entry: Endpoint, account: Account) -> Redirect:
    """Log in with the password; return where the entry sends us, with a fresh ticket."""
    dialled = dial(entry, account.login, TRUST)
    dialled.opening.close()
    assert isinstance(dialled.event, Redirected), dialled.event
    return dialled.event.redirect


def present(at: Endpoint, account: Account, ticket: bytes) -> str:
    """Return what becomes of a login with `ticket`."""
    try:
        dialled: Dialled = dial(at, lambda _hello: account.ticket_login(ticket), TRUST)
    except Refused as error:
        return f"code {int(error.code)}"
    dialled.opening.close()
    return "welcome" if isinstance(dialled.event, Welcomed) else str(dialled.event)


def main() -> None:
    entry_ip, tcp_port, hub, other_hub, user, password, age = sys.argv[1:]
    entry = Endpoint(entry_ip, int(tcp_port), entry_ip)
    account = Account.of(hub, user, password)
    redirect = redirect_at(entry, account)
    owner = Endpoint(str(redirect.address), redirect.tcp_ports[0], entry_ip)
    ticket = redirect.ticket
    found = {
        "forged": present(owner, account, os.urandom(20)),
        "of another node": present(entry, account, ticket),
        "of another hub": present(owner, Account.of(other_hub, user, password), ticket),
        "good": present(owner, account, ticket),
        "reused": present(owner, account, ticket),
    }
    late = redirect_at(entry, account).ticket
    time.sleep(float(age))
    found["expired"] = present(owner, account, late)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
