"""Recipes on ImageNet: what is built from the configs."""

import pytest
import torch
from config_run import CONFIGS
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2 import ConvNeXtV2


def load(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


def build(cfg, device='meta'):
    with DefaultScope.overwrite_default_scope('mmpretrain'), \
            torch.device(device):
        return MODELS.build(cfg.model)


@pytest.mark.parametrize('name', ['a_ft_in1k', 'n_ft_in22k', 'a_ft_shapes'])
def test_weights_at_the_start(name, tmp_path):
    torch.manual_seed(0)
    cfg = load(f'convnextv2_{name}')
    if name != 'a_ft_shapes':
        # FCMAE's encoder has no norm behind it.
        given = ConvNeXtV2(cfg.model.backbone.arch, final_norm=False)
        state = {f'backbone.{k}': v for k, v in given.state_dict().items()}
        cfg.model.backbone.init_cfg.checkpoint = str(tmp_path / 'fcmae.pth')
        torch.save(dict(state_dict=state), tmp_path / 'fcmae.pth')
    model = build(cfg, 'cpu')
    model.init_weights()
    weight, bias = model.head.fc.weight, model.head.fc.bias
    std = 0.02 if name == 'a_ft_shapes' else 0.02 * 0.001
    assert weight.std().item() == pytest.approx(std, rel=0.05)
    assert weight.abs().max() < 6.5 * std
    assert bias.eq(0).all()
    if name != 'a_ft_shapes':
        for key, value in state.items():
            assert torch.equal(model.state_dict()[key], value)
