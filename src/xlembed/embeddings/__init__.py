"""Texts to vectors: batching, the resumable store, the finished export."""
