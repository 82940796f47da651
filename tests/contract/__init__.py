"""The store's contract, kept by real servers."""
