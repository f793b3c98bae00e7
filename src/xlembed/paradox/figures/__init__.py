"""Figures of the paradox test on one task: called with the content of paradox.json."""
