"""The administration calls of stock tools: one registry, free of transport.

A method is a name, a struct, who may call it, and a handler: values in, values out. `methods` is
the registry, `dispatch` the one way in; the binary protocol and JSON-RPC differ in nothing behind
it. Handlers are one file per noun and call what the command line calls (`gateway.admin.hubs` ...).
Source: the specification of the administration calls, by section.
"""
