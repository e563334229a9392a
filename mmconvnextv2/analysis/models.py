"""The backbone of a config, with weights from a checkpoint."""
from pathlib import Path
from typing import NamedTuple, Optional, Union

import torch
from mmengine.device import get_device
from mmengine.model import ImgDataPreprocessor
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.checkpoint.entries import pick_weights
from mmconvnextv2.checkpoint.errors import about, compare
from mmconvnextv2.checkpoint.io import read_checkpoint
from mmconvnextv2.config.check import read_config
from mmconvnextv2.config.walk import normalization_of, parts, type_name
from mmconvnextv2.registry import MODELS

_SEED = 0  # of initial weights
_VITS = ('VisionTransformer', 'BEiTViT')


class Model(NamedTuple):
    """A backbone and the preprocessing of its images."""

    name: str  # in tables and plots
    backbone: nn.Module  # ConvNeXtV2 or a ViT, in evaluation mode
    preprocessor: ImgDataPreprocessor  # normalises as the config does

    def preprocess(self, images: Tensor) -> Tensor:
        """Turn images (N, 3, H, W), uint8, BGR, into the network's input."""
        return self.preprocessor(dict(inputs=images))['inputs']


def load_model(name: str, config: Union[str, Path], checkpoint: Optional[str],
               device: Optional[str] = None) -> Model:
    """Build the backbone that a config has, wherever it sits, with weights.

    Nothing else of the model is built, so mmdet, mmseg and mmpretrain are not
    needed for their configs, but for mmpretrain's ViT (of MAE, say).

    Args:
        name (str): Name in tables and plots.
        config (str | Path): Path of the config.
        checkpoint (str, optional): Path or URL of weights of any format that
            ``ConvNeXtV2`` loads; None for initial weights, always the same.
        device (str, optional): Device to compute on. Defaults to None, a GPU
            if there is one.

    Raises:
        ValueError: If the config has no such backbone, or one that does not
            take colour images.
        FileNotFoundError, CheckpointError: If the weights are missing or do
            not fit.
    """
    cfg = read_config(config)
    backbone_cfg = next((part for _, part in parts(cfg.get('model', {}))
                         if type_name(part) in ('ConvNeXtV2', *_VITS)), None)
    if backbone_cfg is None:
        raise ValueError(f'{config} has no backbone of type ConvNeXtV2')
    is_vit = type_name(backbone_cfg) in _VITS
    channels = backbone_cfg.get('in_channels', 3)
    if channels != 3:
        raise ValueError(f'{config} is for images of {channels} channels; '
                         'those of files have 3')
    # No block reads the final norm, and checkpoints may lack it.
    backbone_cfg = {**backbone_cfg, 'final_norm': False, 'frozen_stages': 0}
    backbone_cfg.pop('init_cfg', None)
    if checkpoint is not None and not is_vit:
        backbone_cfg['init_cfg'] = dict(
            type='Pretrained', checkpoint=str(checkpoint))
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(_SEED)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            backbone = MODELS.build(backbone_cfg)
        backbone.init_weights()
    if checkpoint is not None and is_vit:
        _load_vit(backbone, str(checkpoint))
    device = device or get_device()
    preprocessor = ImgDataPreprocessor(**normalization_of(cfg)).to(device)
    backbone.to(device).eval()  # Some of mmpretrain's return nothing.
    return Model(name, backbone, preprocessor)


def _load_vit(backbone: nn.Module, checkpoint: str) -> None:
    """Load all but the norms behind the blocks, of mmpretrain's format."""
    with about(checkpoint):
        state = {key.removeprefix('backbone.'): value for key, value
                 in pick_weights(read_checkpoint(checkpoint)).items()}
        own = backbone.state_dict()
        found = compare(own, state).without(
            lambda name: name not in own or name.startswith('ln'))
        if found.missing or found.mismatched:
            raise CheckpointError('it does not hold the backbone of the '
                                  f'config:{found.describe()}')
    backbone.load_state_dict(state, strict=False)
