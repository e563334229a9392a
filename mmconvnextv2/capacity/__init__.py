"""What training takes of a GPU: memory, the batches that fit, time."""
