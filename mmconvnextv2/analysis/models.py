"""The backbone in a config, with weights from a checkpoint."""
import contextlib
from pathlib import Path
from typing import Any, Iterator, Mapping, NamedTuple, Optional, Union

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model import ImgDataPreprocessor
from torch import Tensor

from mmconvnextv2.models.backbones import ConvNeXtV2
from mmconvnextv2.registry import MODELS

_SEED = 0


class Model(NamedTuple):
    """A backbone and what its images need.

    Attributes:
        name (str): What it is called in tables and plots.
        backbone (ConvNeXtV2): In evaluation mode.
        preprocessor (ImgDataPreprocessor): Of the same normalisation as in
            the config.
    """

    name: str
    backbone: ConvNeXtV2
    preprocessor: ImgDataPreprocessor

    def preprocess(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), uint8, BGR, to what the backbone reads."""
        return self.preprocessor(dict(inputs=images))['inputs']


def load_model(name: str,
               config: Union[str, Path],
               checkpoint: Optional[str],
               device: Optional[str] = None) -> Model:
    """Build the backbone that a config has, wherever it sits, with weights.

    Nothing else of the model is built, so mmdet, mmseg and mmpretrain are not
    needed for their configs.

    Args:
        name (str): What the model is to be called.
        config (str | Path): Path of a config file.
        checkpoint (str, optional): Path or URL of weights of any format that
            ``ConvNeXtV2`` loads; initial weights, always the same, if None.
        device (str, optional): Where to put it. Defaults to None, MMEngine's
            choice.

    Raises:
        ValueError: If the config has no ``ConvNeXtV2``, or one that does not
            take colour images.
        FileNotFoundError, CheckpointError: If the weights are not there or
            do not fit.
    """
    cfg = Config.fromfile(config)
    backbone_cfg = next(_backbones(cfg.get('model', {})), None)
    if backbone_cfg is None:
        raise ValueError(f'{config} has no backbone of type ConvNeXtV2')
    channels = backbone_cfg.get('in_channels', 3)
    if channels != 3:
        raise ValueError(f'{config} is for images of {channels} channels; '
                         'those of files have 3')
    # A norm that checkpoints may lack, and that no block reads.
    backbone_cfg = {**backbone_cfg, 'final_norm': False, 'frozen_stages': 0}
    if checkpoint is not None:
        backbone_cfg['init_cfg'] = dict(
            type='Pretrained', checkpoint=str(checkpoint))
    else:
        backbone_cfg.pop('init_cfg', None)
    backbone = _initialised(backbone_cfg)
    device = device or get_device()
    preprocessor = _preprocessor(cfg).to(device)
    return Model(name, backbone.to(device).eval(), preprocessor)


def _backbones(node: Any) -> Iterator[Mapping]:
    """Every dict of that type in a config, outer ones first."""
    if isinstance(node, Mapping):
        if _is_backbone(node.get('type')):
            yield node
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for item in node:
            yield from _backbones(item)


def _is_backbone(kind: Any) -> bool:
    if isinstance(kind, type):
        return issubclass(kind, ConvNeXtV2)
    return str(kind).rpartition('.')[2] == 'ConvNeXtV2'


def _initialised(cfg: Mapping) -> ConvNeXtV2:
    with _seeded():
        backbone = MODELS.build(dict(cfg))
        backbone.init_weights()
    return backbone


@contextlib.contextmanager
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(_SEED)
        yield


def _preprocessor(cfg: Config) -> ImgDataPreprocessor:
    """That of the config, with nothing but the normalisation."""
    given = cfg.get(
        'model',
        {}).get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    is_rgb = given.get('to_rgb', given.get('bgr_to_rgb', False))
    return ImgDataPreprocessor(
        mean=given.get('mean'), std=given.get('std'), bgr_to_rgb=is_rgb)
