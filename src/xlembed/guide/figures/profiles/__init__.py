"""Figures of what is known of several models on one task: called with their profiles."""
