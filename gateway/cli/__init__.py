"""`etherfleet <noun> <verb>`: words in, answers and exit codes out.

Every module here is light: what takes time to import (the store, tables, the gateway) is imported
by the command that needs it, so that help and completion answer at once.
"""
