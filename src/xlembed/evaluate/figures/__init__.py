"""Figures of evaluations: of one model (`runs`) and of several (`comparisons`)."""
