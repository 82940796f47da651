"""One virtual switch, pure: runs of frames in, ports out. No sockets, no clock, no logging."""
