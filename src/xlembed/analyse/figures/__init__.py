"""Figures of the vector spaces of one or several models, side by side: called with the contents of analysis.json."""
