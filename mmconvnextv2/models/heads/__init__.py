"""Heads."""
from .fcmae_head import FCMAEHead

__all__ = ['FCMAEHead']
