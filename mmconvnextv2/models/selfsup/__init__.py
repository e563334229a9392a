"""Self-supervised pre-training; needs mmpretrain.

Importing mmpretrain's models takes seconds, so ``import mmconvnextv2`` leaves
this out. Looking up ``mmconvnextv2.FCMAE`` imports it.
"""
try:
    from .fcmae import FCMAE
    from .transformer_decoder import FCMAETransformerDecoder
except ModuleNotFoundError as error:
    if error.name != 'mmpretrain':
        raise
    raise ImportError(
        'FCMAE is built on mmpretrain, which is not installed. How to install '
        'it: README.md of mmconvnextv2, section "Installation".') from error
from .masking import count_visible, draw_mask

__all__ = [
    'FCMAE', 'FCMAETransformerDecoder', 'count_visible', 'draw_mask'
]
