"""Helpers that depend on no registry."""
