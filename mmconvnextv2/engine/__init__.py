"""Training: optimiser construction and hooks."""
