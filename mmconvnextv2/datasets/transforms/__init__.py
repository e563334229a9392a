"""Transforms of images for pre-training; they need mmpretrain."""
try:
    from .random_resized_crop import RandomResizedCrop
except ModuleNotFoundError as error:
    if error.name != 'mmpretrain':
        raise
    raise ImportError(
        'mmconvnextv2.RandomResizedCrop is built on mmpretrain, which is not '
        'installed. How to install it: README.md of mmconvnextv2, section '
        '"Installation".') from error

__all__ = ['RandomResizedCrop']
