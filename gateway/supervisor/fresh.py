"""A worker as a program of its own: it reads the modules anew, so it is what an upgrade starts.

python -m gateway.supervisor.fresh DESCRIPTOR
"""

from gevent import monkey

monkey.patch_all()

import socket  # noqa: E402  # nothing may import sockets before the patch
import sys  # noqa: E402

from gateway.supervisor.lean import lean_imports  # noqa: E402

if __name__ == "__main__":
    with lean_imports():
        from gateway.supervisor import worker
    sys.exit(worker.main(socket.socket(fileno=int(sys.argv[1]))))
