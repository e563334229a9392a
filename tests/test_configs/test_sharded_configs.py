"""Configs of FSDP and DeepSpeed: the recipe is that of their bases."""
import pytest
import torch
from config_run import CONFIGS
from mmengine.config import Config
from mmengine.registry import FUNCTIONS, MODELS, DefaultScope

from mmconvnextv2.config.recipe import recipe
from mmconvnextv2.models.layers import ConvNeXtV2Block

# The config without a strategy, of each with one.
PLAIN = {
    'fcmae_convnextv2_h_fsdp_in1k': 'fcmae_convnextv2_h_1600e_in1k',
    'fcmae_convnextv2_h_deepspeed_in1k': 'fcmae_convnextv2_h_1600e_in1k',
    'convnextv2_h_ft_fsdp_in1k': 'convnextv2_h_ft_in1k',
    'convnextv2_h_ft_deepspeed_in22k': 'convnextv2_h_ft_in22k',
    'maskrcnn_convnextv2_h_fsdp_coco': 'maskrcnn_convnextv2_h_coco',
}


def load(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


def test_they_are_these():
    assert set(PLAIN) == {
        path.stem
        for path in CONFIGS.glob('*.py')
        if '_fsdp_' in path.name or '_deepspeed_' in path.name
    }


@pytest.mark.parametrize('name', PLAIN)
def test_recipe_is_that_of_the_plain_config(name):
    assert recipe(load(name)) == recipe(load(PLAIN[name]))


@pytest.mark.parametrize('name', [x for x in PLAIN if '_fsdp_' in x])
def test_each_block_is_a_unit(name):
    cfg = load(name)
    with DefaultScope.overwrite_default_scope(cfg.default_scope), \
            torch.device('meta'):
        model = MODELS.build(cfg.model)
    policy = cfg.strategy.model_wrapper.auto_wrap_policy
    arguments = {k: x for k, x in policy.items() if k != 'type'}
    wrap = FUNCTIONS.get(policy.type)
    units = [
        x for x in model.modules()
        if wrap(x, recurse=False, nonwrapped_numel=0, **arguments)
    ]
    blocks = [x for x in model.modules() if isinstance(x, ConvNeXtV2Block)]
    assert units == blocks
    assert len(blocks) == 3 + 3 + 27 + 3 + ('fcmae' in name)
    # What stays whole everywhere is little.
    inside = sum(x.numel() for unit in units for x in unit.parameters())
    assert inside / sum(x.numel() for x in model.parameters()) > 0.93


def test_unknown_types_are_refused():
    wrap = FUNCTIONS.get('mmconvnextv2.wrap_modules')
    with pytest.raises(ValueError, match=(
            'strategy.model_wrapper.auto_wrap_policy.module_types must be '
            "names in the registry of models, .* got \\['NoBlock'\\]")):
        wrap(torch.nn.Identity(), False, 0, module_types=['NoBlock'])
