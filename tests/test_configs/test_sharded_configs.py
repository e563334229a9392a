"""Configs of FSDP: the recipe is that of their bases."""
import pytest
import torch
from config_run import CONFIGS
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2.config.recipe import recipe
from mmconvnextv2.models.layers import ConvNeXtV2Block

# The config without a strategy, of each with one.
PLAIN = {
    'fcmae_convnextv2_h_fsdp_in1k': 'fcmae_convnextv2_h_1600e_in1k',
    'convnextv2_h_ft_fsdp_in1k': 'convnextv2_h_ft_in1k',
    'maskrcnn_convnextv2_h_fsdp_coco': 'maskrcnn_convnextv2_h_coco',
}


def load(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


def test_they_are_these():
    assert set(PLAIN) == {x.stem for x in CONFIGS.glob('*_fsdp_*.py')}


@pytest.mark.parametrize('name', PLAIN)
def test_recipe_is_that_of_the_plain_config(name):
    cfg, plain = load(name), load(PLAIN[name])
    assert recipe(cfg) == recipe(plain)
    assert cfg.get('custom_hooks') == plain.get('custom_hooks')
    assert cfg.default_hooks == plain.default_hooks


@pytest.mark.parametrize('name', PLAIN)
def test_units_hold_nearly_all(name):
    cfg = load(name)
    assert cfg.strategy.units == ['mmconvnextv2.ConvNeXtV2Block']
    with DefaultScope.overwrite_default_scope(cfg.default_scope), \
            torch.device('meta'):
        model = MODELS.build(cfg.model)
    units = [x for x in model.modules() if isinstance(x, ConvNeXtV2Block)]
    assert len(units) == 3 + 3 + 27 + 3 + ('fcmae' in name)
    # What is whole during the whole step is little.
    inside = sum(x.numel() for unit in units for x in unit.parameters())
    assert inside / sum(x.numel() for x in model.parameters()) > 0.93
