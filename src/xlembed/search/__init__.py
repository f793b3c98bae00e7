"""Modes, units, rankings and run files."""
