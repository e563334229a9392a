"""Which parts of a config's backbone share a learning rate."""
from itertools import groupby
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from mmconvnextv2.models.backbones.arch import resolve_arch
from mmconvnextv2.models.backbones.layer_ids import LAYER_ID_RULES

_CONSTRUCTOR = 'LayerDecayOptimWrapperConstructor'
_DEFAULT_ARCH, _DEFAULT_TYPE = 'tiny', 'layer_wise'


class LayerGroup(NamedTuple):
    """Layers of one id: the id, their scale, and what they are."""

    layer_id: int
    scale: float
    members: str


def decay_rule(cfg: Mapping) -> Optional[Tuple[float, str]]:
    """Rate and type of a config's layer decay.

    Args:
        cfg (Mapping): The config, with its bases merged.

    Returns:
        tuple[float, str]: None for a rate of 1, and without our constructor.
    """
    wrapper = cfg['optim_wrapper']
    if str(wrapper.get('constructor')).rpartition('.')[2] != _CONSTRUCTOR:
        return None
    options = wrapper['paramwise_cfg']
    if options['decay_rate'] == 1:
        return None
    return options['decay_rate'], options.get('decay_type') or _DEFAULT_TYPE


def layer_groups(cfg: Mapping) -> List[LayerGroup]:
    """Layers by learning rate, from the stem to the head.

    Args:
        cfg (Mapping): The config, with its bases merged.

    Returns:
        list[LayerGroup]: Of each id that has a layer; none at all without
        layer decay of ours.

    Raises:
        TypeError, ValueError: If the backbone's ``arch`` is not one.
    """
    found = decay_rule(cfg)
    if found is None:
        return []
    rate, kind = found
    arch = cfg['model']['backbone'].get('arch', _DEFAULT_ARCH)
    depths = resolve_arch(arch).depths
    words: Dict[int, List[str]] = {}
    for layer_id, word in _words(kind, depths):
        words.setdefault(layer_id, []).append(word)
    last, count = LAYER_ID_RULES[kind](None, depths)
    words[last] = ['norms, neck, heads']
    return [
        LayerGroup(i, rate**(count - 1 - i), ', '.join(words[i]))
        for i in sorted(words)
    ]


def _words(kind: str, depths: Sequence[int]) -> List[Tuple[int, str]]:
    """Ids, and words for the layers that have them, in order."""
    rule, words = LAYER_ID_RULES[kind], []
    for stage, depth in enumerate(depths):
        word = f'downsampling {stage}' if stage else 'stem'
        words.append((rule(f'downsample_layers.{stage}.', depths)[0], word))
        ids = [rule(f'stages.{stage}.{x}.', depths)[0] for x in range(depth)]
        for layer_id, blocks in groupby(range(depth), key=ids.__getitem__):
            first, *_, last = [*blocks] * 2
            word = f'block {first}' if first == last else (
                f'blocks {first}-{last}')
            words.append((layer_id, f'stage {stage} {word}'))
    return words
