"""Strangers and bad clients against a live gateway: what they send, and what it costs."""
