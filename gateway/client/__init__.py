"""Our VPN client: joins a hub and gives it an Ethernet port.

The pieces, each usable alone: `resolve` (which addresses to try), `backoff` (when to try again),
`session` (the dialogue and the frames), `keeper` (log in again), `port` (where frames come from and
go to), `tap` (a port that is a Linux interface), `pump` (between the two), `dhcp` (an address from
the hub), `host_link` (the address on the interface). `app` puts them together for the command line.
Most are functions of their arguments, with time and randomness passed in; `session`, `keeper`,
`pump`, `tap`, `addressing`, `host_state` and `host_link.apply` touch the system.
"""
