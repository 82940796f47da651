"""What a fault costs the users of a fleet, measured with stock clients and ours.

`rows` says which faults and what is demanded, `scene` builds the fleet and its clients, `run`
carries out and measures, `table` prints. `soak` mixes faults at random and `invariants` judges
what every node said of itself meanwhile.
"""
