"""Figures of the index settings tried for one model on one task: called with the content of tune.json."""
