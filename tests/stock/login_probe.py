"""Log in again and again, run in a namespace: `python -m tests.stock.login_probe IP PORT HUB USER`.

The password comes by standard input. One line per attempt, as JSON: when it began (monotonic
seconds), how long it took, and why it failed, if it did. Each session is left at once.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

from gateway.client.account import Account  # noqa: E402
from gateway.client.dial import Trust  # noqa: E402
from gateway.client.resolve import Endpoint  # noqa: E402
from gateway.client.session import open_session  # noqa: E402
from gateway.errors import EtherFleetError  # noqa: E402
from gateway.transport.contexts import client_context  # noqa: E402

PAUSE_S = 0.25


def main() -> None:
    ip, port, hub, user = sys.argv[1:]
    account = Account.of(hub, user, sys.stdin.readline().strip())
    trust = Trust(client_context())
    while True:
        began = time.monotonic()
        why = ""
        try:
            open_session(Endpoint(ip, int(port), ip), account, trust, lambda runs: None).close()
        except EtherFleetError as error:
            why = str(error)
        seconds = round(time.monotonic() - began, 3)
        print(json.dumps({"began": began, "seconds": seconds, "why": why}), flush=True)
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
