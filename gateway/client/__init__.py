"""Our VPN client: joins a hub and gives it an Ethernet port.

The pieces, each usable alone: `resolve` (which addresses to try), `backoff` (when to try again),
`session` (the dialogue and the frames), `port` (where frames come from and go to), `tap` (a port
that is a Linux interface), `dhcp` (an address from the hub), `host_link` (the address on the
interface). Only `session`, `tap`, `host_state` and `host_link.apply` touch the system; the rest
are functions of their arguments, with time and randomness passed in.
"""
