"""Stock SoftEther programs in network namespaces: what an unmodified peer makes of us."""
