"""Models of our configs, made small, in float64, with images for them."""
from typing import Dict

import mmpretrain.models  # noqa: F401
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample
from torch import nn

import mmconvnextv2.models.selfsup  # noqa: F401
from mmconvnextv2.config.find import configs_folder

ARCH = dict(depths=[1, 1, 2, 1], channels=[8, 16, 24, 32])
_WIDTHS = {
    'fcmae_convnextv2_a_shapes':
    dict(neck=dict(in_channels=32, decoder_channels=16)),
    'convnextv2_a_ft_shapes':
    dict(head=dict(in_channels=32)),
}
FCMAE, CLASSIFIER = _WIDTHS


def load_config(name: str, **backbone) -> Config:
    """A config with a small backbone, which is given more arguments."""
    cfg = Config.fromfile(configs_folder() / f'{name}.py')
    cfg.model.backbone.arch = ARCH
    cfg.model.backbone.update(drop_path_rate=0.3, **backbone)
    cfg.merge_from_dict(dict(model=_WIDTHS[name]))
    return cfg


def build_model(cfg: Config) -> nn.Module:
    """The model with seeded weights, trained and far from its start."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model).double().train()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.1)
    return model


def make_batch(number: int) -> Dict[str, object]:
    """Arguments of a forward pass: images of 64 px, labels."""
    images = torch.randn(number, 3, 64, 64, dtype=torch.float64)
    samples = [DataSample().set_gt_label(i % 5) for i in range(number)]
    return dict(inputs=images, data_samples=samples)
