"""Transforms of images for pre-training; they need mmpretrain."""
from .random_resized_crop import RandomResizedCrop

__all__ = ['RandomResizedCrop']
