"""The doctor: looks at the store, the fleet and this machine, and says what to do.

Looking and judging are apart. `look` asks the world and returns facts as values; the judges, one
file for each part, turn facts into findings and know no socket.
"""
