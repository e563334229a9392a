"""Recipes on ImageNet, typed from the papers' tables."""
from typing import NamedTuple, Optional, Tuple

from config_run import CONFIGS
from mmengine.config import Config

SIZES = dict(
    a='atto',
    f='femto',
    p='pico',
    n='nano',
    t='tiny',
    b='base',
    l='large',
    h='huge')
LAYER, GROUP = 'layer_wise', 'group_wise'


class Recipe(NamedTuple):
    """A column of a table; ``base_lr`` is that of 256 images."""

    base_lr: float
    weight_decay: float
    decay: Tuple[float, str]
    batch: int
    epochs: Tuple[int, int]  # warm-up, all
    smoothing: float
    mix: Optional[Tuple[float, float]]  # mixup, CutMix
    drop_path: float
    ema: bool = True


# Tables 9, 10 and 11.
FT_IN1K = dict(
    a=Recipe(2e-4, .3, (.9, LAYER), 1024, (0, 600), .2, None, .1),
    f=Recipe(2e-4, .05, (.9, LAYER), 1024, (0, 600), .2, (.3, .3), 0),
    p=Recipe(2e-4, .3, (.9, LAYER), 1024, (0, 600), .2, (.3, .3), 0),
    n=Recipe(2e-4, .3, (.9, LAYER), 1024, (0, 600), .2, (.5, .5), .1),
    t=Recipe(8e-4, .05, (.9, LAYER), 1024, (40, 300), .1, (.8, 1), .2),
    b=Recipe(6.25e-4, .05, (.6, GROUP), 1024, (20, 100), .1, (.8, 1), .1),
    l=Recipe(6.25e-4, .05, (.6, GROUP), 1024, (20, 100), .1, (.8, 1), .2),
    h=Recipe(1.25e-3, .05, (.75, GROUP), 1024, (10, 50), .1, (.8, 1), .3))
# Table 12.
FT_IN22K = {
    size: Recipe(2.5e-4, .05, decay, 4096, (5, 90), .1, (.8, 1), drop, False)
    for size, decay, drop in [('n', (.9, LAYER), 0), ('t', (.9, LAYER), 0),
                              ('b', (.8, GROUP), .1), ('l', (.8, GROUP), .1),
                              ('h', (.8, GROUP), .3)]
}
# Table 13.
AFTER_IN22K = {
    size: Recipe(2.5e-5, 1e-8, decay, 512, (0, epochs), .1, None, drop, ema)
    for size, decay, epochs, drop, ema in [
        ('n', (.9, LAYER), 90, .1, True), ('t', (.9, LAYER), 90, .1, True),
        ('b', (.8, GROUP), 30, .2, True), ('l', (.8, GROUP), 30, .3, True),
        ('h', (.85, GROUP), 30, .5, False)]
}
# ConvNeXt, Appendix A.1: 4e-3 for 4096. Atto to Nano inferred.
SUPERVISED = {
    size: Recipe(2.5e-4, .05, (1., LAYER), 4096, (20, epochs), .1, mix, drop)
    for size, epochs, mix, drop in [
        ('a', 600, None, .1), ('f', 600, (.3, .3), 0), ('p', 600, (.3, .3), 0),
        ('n', 600, (.5, .5), .1), ('t', 300, (.8, 1), .1),
        ('b', 300, (.8, 1), .5), ('l', 300, (.8, 1), .5)]
}
RECIPES = {
    **{f'convnextv2_{k}_ft_in1k': v for k, v in FT_IN1K.items()},
    **{f'convnextv2_{k}_ft_in22k': v for k, v in FT_IN22K.items()},
    **{f'convnextv2_{k}_ft_in22k_in1k': v
       for k, v in AFTER_IN22K.items() if k != 'h'},
    **{f'convnextv2_{k}_ft_in22k_in1k_384': v
       for k, v in AFTER_IN22K.items()},
    'convnextv2_h_ft_in22k_in1k_512': AFTER_IN22K['h'],
    **{f'convnextv2_{k}_supervised_in1k': v for k, v in SUPERVISED.items()},
    **{f'convnextv1_{k}_supervised_in1k': SUPERVISED[k] for k in 'bl'},
}


def load(name: str) -> Config:
    """The config of a leaf."""
    return Config.fromfile(CONFIGS / f'{name}.py')
