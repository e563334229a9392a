"""Small models and images for the analyses."""
from pathlib import Path

import cv2
import numpy as np
import torch

from mmconvnextv2 import ConvNeXtV2

BACKBONE = dict(arch=dict(depths=[1, 2], channels=[4, 8]), final_norm=False)
LAYERS = ['stages.0.0', 'stages.1.0', 'stages.1.1']


def toy_backbone(**kwargs) -> ConvNeXtV2:
    """A backbone of three blocks, GRN not the identity."""
    torch.manual_seed(0)
    backbone = ConvNeXtV2(**BACKBONE, **kwargs)
    for parameter in backbone.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return backbone


def write_config(path: Path, backbone: str, wrap: str = '{}') -> Path:
    """Write a config with a backbone somewhere in its model."""
    model = wrap.format(f"dict(type='mmconvnextv2.ConvNeXtV2', {backbone})")
    path.write_text(
        "custom_imports = dict(imports=['mmconvnextv2'])\n"
        'model = dict(\n'
        "    data_preprocessor=dict(mean=[1., 2., 3.], std=[4., 5., 6.],\n"
        '                           to_rgb=True),\n'
        f'    backbone={model})\n')
    return path


def write_class_folders(folder: Path, counts=(3, 2)) -> Path:
    """Write noise of 20 x 24 pixels into folder/{a,b,...}/."""
    noise = np.random.default_rng(0)
    for name, count in zip('abc', counts):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            image = noise.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / name / f'{i}.png'), image)
    return folder
