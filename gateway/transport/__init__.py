"""Transport: TLS over TCP as gateway and client share it.

A connection lives in two phases.
*Opening* (`opening.py`) is a dialogue: one greenlet reads and writes in straight lines under one
deadline. *Data* (`connection.py`) has no greenlet at all: the loop calls back when the socket is
readable, and all that follows, down to the send on another socket, happens in that call.
Between them the TLS engine (`tls.py`) is handed over; it knows neither sockets nor the loop.
"""
