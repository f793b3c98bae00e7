"""Figures of the index settings tried for one model on one task: called with a `Tuning`."""
