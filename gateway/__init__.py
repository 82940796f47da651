"""EtherFleet: any number of machines, one VPN service."""

__version__ = "0.1.0"
