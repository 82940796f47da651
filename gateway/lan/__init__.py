"""A LAN at a hub's port: host interfaces as Ethernet ports, and what bridging one asks for.

    packet ─── an interface that exists, by a packet socket    interface ─── how it is now
       │
    offload ── frames as they were on the wire: segmented, checksummed, tagged
    announce ─ "this station is here now", for the switches of a LAN
    probe ──── the frame that looks for loops      loop ─── what its return means

Only `packet` and `interface` touch the system.
"""
