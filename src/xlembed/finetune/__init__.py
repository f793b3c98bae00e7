"""Train a model as a recipe says; measure, register, and take recipes apart (ablate)."""
