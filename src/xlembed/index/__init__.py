"""Nearest-neighbour search over document vectors: one protocol, one file per engine."""
