"""What an operator may ask of a fleet: values in, values out, free of transport and process.

One file per noun. The command line calls these functions, and so do the methods in `rpc` that
administration tools call. Each takes the fleet it works on, and `now` where it writes. All raise
the coordinator's errors; what is unknown is NotFound, never None.
"""
