"""Figures that others published, measured again: does ours agree within its interval?"""
