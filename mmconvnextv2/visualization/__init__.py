"""Pictures of reconstructions."""
