"""What faults a fleet must bear: real processes, killed, frozen and cut off in namespaces."""
