"""The program: patch the standard library for gevent once, then hand over to the command line."""

import atexit
import gc

from gevent import monkey

monkey.patch_all()

from gateway.cli.main import cli  # noqa: E402  # nothing may import sockets before the patch


def main() -> None:
    """Run `etherfleet`."""
    atexit.register(gc.freeze)  # a program that ends need not look for what it could free: 0.1 s
    cli(prog_name="etherfleet")


if __name__ == "__main__":
    main()
