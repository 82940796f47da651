"""The supervisor: keeps the workers of one machine alive, each a node of its own.

It owns what must outlive a worker: the listening sockets, so that a port never stops answering
(while a worker is being replaced, the kernel queues the clients that knock), and the embedded
store. It carries no frame and makes no decision of the fleet.
"""
