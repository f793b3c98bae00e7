"""Runs, metrics, artifacts and the registry: the only door to MLflow."""
