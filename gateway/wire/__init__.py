"""The wire: bytes to values and back, with no sockets, clocks, randomness or logging.

Random bytes that travel (nonces, padding) are passed in by the caller.
"""
