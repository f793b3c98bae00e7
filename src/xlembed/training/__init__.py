"""One training loop for everything that is trained: given batches, looks and checkpoints by a plan, resumable."""
