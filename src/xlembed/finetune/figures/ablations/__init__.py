"""Figures of the variants of one recipe: called with the content of report.json of the ablation."""
