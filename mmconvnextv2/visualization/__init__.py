"""Pictures of predictions and reconstructions."""
