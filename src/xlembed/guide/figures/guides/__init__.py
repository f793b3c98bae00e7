"""Figures of a guide, models ranked for one use: called with the content of guide.json."""
