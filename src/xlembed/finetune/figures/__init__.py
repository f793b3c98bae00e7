"""Figures of fine-tunings: of one (`trainings`) and of variants of a recipe (`ablations`)."""
