"""The benchmark: the packaged SoftEther server and our gateway under the same load, in turns."""
