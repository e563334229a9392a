"""Recipes on ImageNet: what is built from the configs."""

import pytest
import torch
from config_run import CONFIGS
from mmengine.config import Config
from mmengine.model import ExponentialMovingAverage
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2 import ConvNeXtV2


def load(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


def build(cfg, device='meta'):
    with DefaultScope.overwrite_default_scope('mmpretrain'), \
            torch.device(device):
        return MODELS.build(cfg.model)


def test_mixup_and_cutmix_at_even_odds():
    mixing = build(load('convnextv2_t_ft_in1k')).data_preprocessor
    assert len(mixing.batch_augments.augments) == 2
    assert mixing.batch_augments.probs is None
    assert build(load('convnextv2_a_ft_in1k')
                 ).data_preprocessor.batch_augments is None


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


def test_interval_of_ema_is_that_of_steps():
    source = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(source.weight, 1.)
    average = ExponentialMovingAverage(source, momentum=1e-1, interval=4)
    expected = 1.
    for step in range(1, 4):
        for iteration in range(4):
            if iteration == 3:
                torch.nn.init.constant_(source.weight, step + 1.)
            average.update_parameters(source)
        # Taken over in the iteration after the step.
        assert average.module.weight.item() == pytest.approx(expected)
        expected += 0.1 * (step + 1 - expected)
