"""Figures of one fine-tuning: called with the content of its report.json."""
