"""Necks."""
from .fcmae_decoder import FCMAEDecoder
from .fcmae_unet import FCMAEUNetDecoder

__all__ = ['FCMAEDecoder', 'FCMAEUNetDecoder']
