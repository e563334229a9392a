"""Layer ids of a backbone's parameters, for learning-rate decay.

Three rules, pure functions of a parameter's name and the backbone's depths,
return the parameter's id and the number of ids; the learning rate is
multiplied by

.. code-block:: text

    rate ** (number_of_ids - 1 - id)

so that the last id, which is that of everything outside the stem, the
downsampling layers and the blocks (output norms, necks, heads), has scale 1.

The names need care: OpenMMLab's ``layer_wise`` is the paper's group-wise rule,
``group_wise`` here. The paper's layer-wise rule, ``layer_wise`` here, is not
in OpenMMLab.
"""
from typing import Callable, Dict, NamedTuple, Optional, Sequence, Tuple

LayerIdRule = Callable[[Optional[str], Sequence[int]], Tuple[int, int]]

_BLOCKS_PER_GROUP = 3
# A stage with more blocks than Tiny's third one counts as long, and the ids
# then leave room for as many groups as Base's third stage has.
_LONG_STAGE = 9
_GROUPS_OF_SHORT, _GROUPS_OF_LONG = 3, 9


class _Place(NamedTuple):
    """Place of a parameter in the backbone."""

    stage: int
    block: int
    is_downsample: bool


def layer_wise_layer_id(name: Optional[str],
                        depths: Sequence[int]) -> Tuple[int, int]:
    """Number the blocks: the paper's layer-wise rule ("single" in its code).

    Block b of stage s has id ``sum(depths[:s]) + b + 1``; the stem and a
    downsampling layer have the id of the block that follows them; everything
    else has ``sum(depths) + 1``. OpenMMLab has no such rule: what it calls
    layer_wise is :func:`group_wise_layer_id`.

    Args:
        name (str, optional): Name of the parameter inside the backbone, such
            as 'stages.2.7.grn.gamma', or None for one outside it.
        depths (Sequence[int]): Blocks of each stage.

    Returns:
        tuple[int, int]: The id and the number of ids, ``sum(depths) + 2``.

    Raises:
        ValueError: If the name is that of a stage or block that a backbone of
            these depths does not have.
    """
    place = _find_place(name, depths)
    rest = sum(depths) + 1
    if place is None:
        return rest, rest + 1
    return sum(depths[:place.stage]) + place.block + 1, rest + 1


def group_wise_layer_id(name: Optional[str],
                        depths: Sequence[int]) -> Tuple[int, int]:
    """Number groups of three blocks: the paper's group-wise rule ("group").

    OpenMMLab calls this rule layer_wise. For four stages it is: stem 0; the
    first stage 1; the second, with the downsampling before it, 2; block b of
    the third ``3 + b // 3`` and the downsampling before it 3; the last stage
    with its downsampling 12 if the third has more than nine blocks, else 6;
    everything else one more.

    For any other number of stages the second-to-last one is the one that is
    cut into groups, stages before it have one id each, and the last stage
    keeps its distance: 9 ids after the first group if the second-to-last stage
    has more than nine blocks, else 3, or one id after the last group where
    that is more. A single stage has id 1.

    Args:
        name (str, optional): As for :func:`layer_wise_layer_id`.
        depths (Sequence[int]): Blocks of each stage.

    Returns:
        tuple[int, int]: The id and the number of ids.

    Raises:
        ValueError: As for :func:`layer_wise_layer_id`.
    """
    place = _find_place(name, depths)
    middle = len(depths) - 2
    last = _last_group(depths)
    if place is None:
        return last + 1, last + 2
    if place.is_downsample and place.stage == 0:
        layer_id = 0
    elif place.stage > middle:
        layer_id = last
    elif place.stage == middle:
        layer_id = middle + 1 + place.block // _BLOCKS_PER_GROUP
    else:
        layer_id = place.stage + 1
    return layer_id, last + 2


def stage_wise_layer_id(name: Optional[str],
                        depths: Sequence[int]) -> Tuple[int, int]:
    """Number the stages: the rule of the first ConvNeXt's UperNet recipes.

    The stem and all downsampling layers have id 0, stage s has s + 1, and
    everything else 13 if the second-to-last stage has more than nine blocks,
    else 7, or one more than the last stage where that is more. This is also
    what OpenMMLab calls stage_wise, with num_layers of 12 and 6.

    Args:
        name (str, optional): As for :func:`layer_wise_layer_id`.
        depths (Sequence[int]): Blocks of each stage.

    Returns:
        tuple[int, int]: The id and the number of ids.

    Raises:
        ValueError: As for :func:`layer_wise_layer_id`.
    """
    place = _find_place(name, depths)
    rest = max(13 if _is_long(depths) else 7, len(depths) + 1)
    if place is None:
        return rest, rest + 1
    return 0 if place.is_downsample else place.stage + 1, rest + 1


LAYER_ID_RULES: Dict[str, LayerIdRule] = {
    'layer_wise': layer_wise_layer_id,
    'group_wise': group_wise_layer_id,  # OpenMMLab's layer_wise
    'stage_wise': stage_wise_layer_id,
}


def _find_place(name: Optional[str],
                depths: Sequence[int]) -> Optional[_Place]:
    kind, *numbers = (name or '').split('.')
    if kind == 'downsample_layers':
        place = _Place(int(numbers[0]), 0, True)
    elif kind == 'stages':
        place = _Place(int(numbers[0]), int(numbers[1]), False)
    else:
        return None
    if place.stage >= len(depths) or place.block >= depths[place.stage]:
        raise ValueError(f'parameter {name!r} is not of a backbone with '
                         f'depths {tuple(depths)}')
    return place


def _is_long(depths: Sequence[int]) -> bool:
    return len(depths) > 1 and depths[-2] > _LONG_STAGE


def _last_group(depths: Sequence[int]) -> int:
    if len(depths) == 1:
        return 1
    groups = -(-depths[-2] // _BLOCKS_PER_GROUP)
    at_least = _GROUPS_OF_LONG if _is_long(depths) else _GROUPS_OF_SHORT
    return len(depths) - 1 + max(groups, at_least)
