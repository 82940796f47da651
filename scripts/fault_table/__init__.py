"""What a fault costs the users of a fleet, measured with stock clients and ours.

`rows` says which faults and what is demanded, `scene` builds the fleet and its clients and
measures, `__main__` carries out, `table` prints. `soak` mixes faults at random and `invariants`
judges what every node said of itself meanwhile.
"""
