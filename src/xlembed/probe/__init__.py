"""Probes: small models on frozen vectors, and the fine-tuned rivals they are measured against."""
