"""Training: the bundled static model, and fine-tuning of other models."""
