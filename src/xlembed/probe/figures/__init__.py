"""Figures of the probes on one set of scored texts: called with the book of their results."""
