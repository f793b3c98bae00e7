"""xlembed: a lab bench for multilingual text embeddings."""

__version__ = "0.1.0"
