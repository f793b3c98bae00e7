"""Figures of one evaluated model on one task: called with the content of scores.json."""
