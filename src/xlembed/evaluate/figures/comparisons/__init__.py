"""Figures of several models on one task: called with the contents of scores.json and the primary comparisons."""
