"""Toy networks, oracles and really started servers that several tests share."""
