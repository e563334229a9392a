"""Layers of a backbone's parameters, for learning-rate decay.

Layer decay multiplies a learning rate by ``rate ** (last_id - layer_id)``. All
outside the stem, the downsampling layers and the blocks has the last id:
output norms, necks and heads keep the full learning rate. The rules:

``layer_wise``
    The paper's layer-wise rule ("single" in its code), an id per block, which
    OpenMMLab lacks. Block b of stage s has id ``sum(depths[:s]) + b + 1``, the
    stem and a downsampling layer the id of the block that follows them.

``group_wise``
    The paper's group-wise rule ("group"), an id per three blocks, **which
    OpenMMLab calls layer_wise**. For four stages: the stem 0; the first stage
    1; the second, with the downsampling before it, 2; block b of the third
    ``3 + b // 3``, the downsampling before it 3; the last stage with its
    downsampling 12 if the third has more than nine blocks, else 6. Of any
    other number of stages the second-to-last one is cut into groups, and the
    last one is 9 or 3 ids after the first group, or one after the last group
    if that is more. A single stage has id 1.

``group_wise_12``
    The same with the last stage 12 whatever the depths, as in the official
    script; OpenMMLab has the 6 for third stages of up to nine blocks. So the
    stem of Tiny has ``rate ** 13``, not ``rate ** 7``.

``stage_wise``
    The rule of ConvNeXt's UperNet recipes, as in OpenMMLab with num_layers of
    12 and 6. The stem and all downsampling layers have id 0, stage s has
    ``s + 1``; the last id is 13 if the second-to-last stage has more than nine
    blocks, else 7, but above that of the last stage.
"""
from functools import partial
from typing import NamedTuple, Optional, Sequence, Tuple

_BLOCKS_PER_GROUP = 3
# A stage with more blocks than Tiny's third one counts as long, and the ids
# then leave room for as many groups as Base's third stage has.
_LONG_STAGE = 9


class Layer(NamedTuple):
    """A layer: its id, and the indices of its stage and block.

    ``stage`` is None outside the stages; ``block`` also for the stem and the
    downsampling layer in front of a stage.
    """

    layer_id: int
    last_id: int
    stage: Optional[int] = None
    block: Optional[int] = None

    @property
    def exponent(self) -> int:
        """Power of the decay rate that scales the learning rate."""
        return self.last_id - self.layer_id


def find_layer(decay_type: str, name: Optional[str],
               depths: Sequence[int]) -> Layer:
    """Find the layer of a parameter.

    Args:
        decay_type (str): A key of ``LAYER_ID_RULES``.
        name (str, optional): Name inside the backbone, such as
            'stages.2.7.grn.gamma', or None for one outside the backbone.
        depths (Sequence[int]): Number of blocks of each stage.

    Raises:
        ValueError: If a backbone of these depths has no such stage or block.
    """
    rule = LAYER_ID_RULES[decay_type]
    kind, *numbers = (name or '').split('.')
    if kind not in ('downsample_layers', 'stages'):
        last_id = rule(0, None, depths)[1]
        return Layer(last_id, last_id)
    stage = int(numbers[0])
    block = int(numbers[1]) if kind == 'stages' else None
    if stage >= len(depths) or (block or 0) >= depths[stage]:
        raise ValueError(f'parameter {name!r} is not of a backbone with '
                         f'depths {tuple(depths)}')
    return Layer(*rule(stage, block, depths), stage, block)


def _layer_wise(stage: int, block: Optional[int],
                depths: Sequence[int]) -> Tuple[int, int]:
    return sum(depths[:stage]) + (block or 0) + 1, sum(depths) + 1


def _group_wise(stage: int, block: Optional[int], depths: Sequence[int],
                always_long: bool = False) -> Tuple[int, int]:
    cut, last_stage = len(depths) - 2, 1
    if len(depths) > 1:
        groups = -(-depths[cut] // _BLOCKS_PER_GROUP)
        is_long = always_long or _is_long(depths)
        last_stage = cut + 1 + max(groups, 9 if is_long else 3)
    layer_id = last_stage if stage > cut else stage + 1
    if stage == cut:
        layer_id += (block or 0) // _BLOCKS_PER_GROUP
    if stage == 0 and block is None:
        layer_id = 0
    return layer_id, last_stage + 1


def _stage_wise(stage: int, block: Optional[int],
                depths: Sequence[int]) -> Tuple[int, int]:
    last_id = max(13 if _is_long(depths) else 7, len(depths) + 1)
    return 0 if block is None else stage + 1, last_id


def _is_long(depths: Sequence[int]) -> bool:
    return len(depths) > 1 and depths[-2] > _LONG_STAGE


LAYER_ID_RULES = {
    'layer_wise': _layer_wise,
    'group_wise': _group_wise,  # OpenMMLab's layer_wise
    'group_wise_12': partial(_group_wise, always_long=True),
    'stage_wise': _stage_wise,
}
