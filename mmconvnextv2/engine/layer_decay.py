"""Learning rates that fall towards the first layers of a ConvNeXt V2."""
import re
from itertools import groupby
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from mmengine.logging import MMLogger
from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm, _InstanceNorm
from torch import Tensor, nn

from mmconvnextv2.models.backbones.layer_ids import Layer, find_layer
from mmconvnextv2.registry import OPTIM_WRAPPER_CONSTRUCTORS, register

DECAY_TYPES = {
    'layer_wise': 'an id per block',
    'group_wise': 'an id per three blocks; OpenMMLab calls this layer_wise',
    'group_wise_12': 'the same, and the ids of Base whatever the third stage',
    'stage_wise': 'an id per stage',
}
# Of the constructors of mmdet, mmseg and mmpretrain.
_OTHER_WORDS = dict(
    layer_decay_rate="mmpretrain's layer_decay_rate is decay_rate, and its "
    "rule decay_type='group_wise'",
    num_layers="leave out mmdet's and mmseg's num_layers, which is read from "
    "the backbone; their decay_type='layer_wise' is 'group_wise'")
DEFAULTS = dict(
    decay_rate=None, decay_type='layer_wise', norm_decay_mult=0.,
    bias_decay_mult=0., flat_decay_mult=0., dwconv_decay_mult=1.,
    bias_lr_mult=1., custom_keys={}, bypass_duplicate=True)
_NORMS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)
# What activation checkpointing and torch.compile put into names.
_WRAPPERS = re.compile(r'_checkpoint_wrapped_module\.|_orig_mod\.')


class Entry(NamedTuple):
    """A trained parameter, its layer and its multipliers."""

    param: Tensor
    layer: Layer
    lr_scale: float
    decay_mult: float


@register(OPTIM_WRAPPER_CONSTRUCTORS)
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Scale each layer's learning rate by a power of a decay rate.

    Each ``ConvNeXtV2`` or ``ConvNeXt`` of mmpretrain, wherever it sits in the
    model, follows its own depths. Everything outside its stem, downsampling
    layers and blocks has the full learning rate. Other backbones of mmpretrain
    that count their layers (``get_layer_depth``: Swin, ViT, BEiT) decay
    layer-wise by that count. Frozen parameters are left out.

    There is no weight decay for norms, biases and tensors of at most one
    dimension, nor, whatever their shape, for GRN and parameters named
    ``mask_token``. Each learning rate with each weight decay makes one
    parameter group. The first has the full learning rate, so that MMEngine
    logs that as ``lr``.

    Options of ``paramwise_cfg``:

    - ``decay_rate`` (float): In (0, 1]. Required.
    - ``decay_type`` (str): 'layer_wise' (default), 'group_wise', **which
      OpenMMLab calls 'layer_wise'**, 'group_wise_12' or 'stage_wise': the
      rules of ``models/backbones/layer_ids.py``.
    - ``norm_decay_mult``, ``bias_decay_mult``, ``flat_decay_mult``,
      ``dwconv_decay_mult`` (float): Multiply the weight decay of norms, other
      biases, other tensors of at most one dimension (such as LayerScale) and
      depthwise convolutions. Default to 0, 0, 0 and 1.
    - ``bias_lr_mult`` (float): Multiplies the learning rate of biases other
      than those of norms. Defaults to 1.
    - ``custom_keys`` (dict[str, dict]): For parameters with the key in their
      name, of several the longest: ``lr_mult``, on top of the layer's scale,
      and ``decay_mult``, instead of the multipliers above. One that is left
      out changes nothing (in MMEngine it restores weight decay).
    - ``bypass_duplicate`` (bool): Whether a parameter in several places is
      taken once, by its first name, rather than refused. Defaults to True.

    In schedulers, prefer ``eta_min_ratio`` to ``eta_min``, which may lie above
    the learning rate of the first layers. An example: ``docs/layer_decay.md``.
    """

    def _validate_cfg(self) -> None:
        super()._validate_cfg()
        given = {k: v for k, v in self.paramwise_cfg.items() if v is not None}
        self.options = {**DEFAULTS, **given}
        unknown = sorted(set(given) - set(DEFAULTS))
        if unknown:
            hints = [_OTHER_WORDS[x] for x in unknown if x in _OTHER_WORDS]
            raise ValueError('; '.join([
                f'paramwise_cfg accepts {list(DEFAULTS)}, got {unknown}',
                *hints]))
        rate, kind = self.options['decay_rate'], self.options['decay_type']
        if not (isinstance(rate, (int, float)) and 0 < rate <= 1):
            raise ValueError('paramwise_cfg.decay_rate must be a number in '
                             f'(0, 1], got {rate!r}')
        if kind not in DECAY_TYPES:
            raise ValueError('paramwise_cfg.decay_type must be one of '
                             f'{DECAY_TYPES}, got {kind!r}')
        for key, custom in self.options['custom_keys'].items():
            if not set(custom) <= {'lr_mult', 'decay_mult'}:
                raise ValueError(f'paramwise_cfg.custom_keys[{key!r}] accepts '
                                 f'lr_mult and decay_mult, got {custom!r}')
        if self.base_lr is None:
            raise ValueError('the optimizer has no lr that could be scaled: '
                             'set optim_wrapper.optimizer.lr')

    def add_params(self, params: List[dict], module: nn.Module,
                   **kwargs) -> None:
        """Add the parameter groups of a model, and log a table of its layers.

        Raises:
            ValueError: If the model has no such backbone, or one that does
                not decay as ``decay_type`` says.
        """
        groups: Dict[Tuple[float, float], dict] = {}
        # By values only, so that a resumed run finds the same groups.
        for entry in sorted(
                self._entries(module),
                key=lambda x: (x.lr_scale != 1, -x.lr_scale, -x.decay_mult)):
            key = entry.lr_scale, entry.decay_mult
            if key not in groups:
                groups[key] = self._new_group(*key)
            groups[key]['params'].append(entry.param)
        params.extend(groups.values())
        MMLogger.get_current_instance().info(self.describe(module))

    def describe(self, model: nn.Module) -> str:
        """Tabulate the learning rates of a model's layers.

        A line has the numbers of parameters with and without weight decay.
        """
        kind = self.options['decay_type']
        found = ', '.join(
            (path or 'the model') + (
                f' with depths {tuple(x.depths)}' if hasattr(x, 'depths')
                else f' ({type(x).__name__})')
            for path, x in _find_backbones(model).items())
        lines = [
            f"Layer decay: rate {self.options['decay_rate']}, {kind} "
            f'({DECAY_TYPES[kind]}), {found}',
            f'{"id":>3}  {"lr scale":>9}  {"lr":>9}  {"decayed":>11}  '
            f'{"not decayed":>11}  layers'
        ]
        for (_, layer_id, scale), group in groupby(
                sorted(self._entries(model), key=_row), key=_row):
            entries = list(group)
            sizes = [0, 0]
            for entry in entries:
                sizes[entry.decay_mult == 0] += entry.param.numel()
            lines.append(f'{layer_id:>3}  {scale:>9.4g}  '
                         f'{self.base_lr * scale:>9.3e}  {sizes[0]:>11,}  '
                         f'{sizes[1]:>11,}  {_name_layers(entries)}')
        return '\n'.join(lines)

    def _new_group(self, lr_scale: float, decay_mult: float) -> dict:
        group = dict(params=[], lr=self.base_lr * lr_scale, lr_scale=lr_scale)
        if self.base_wd is not None or decay_mult == 0:
            group['weight_decay'] = (self.base_wd or 0.) * decay_mult
        elif decay_mult != 1:
            raise ValueError('the optimizer has no weight_decay that could be '
                             f'multiplied by {decay_mult}: set '
                             'optim_wrapper.optimizer.weight_decay')
        return group

    def _entries(self, model: nn.Module) -> Iterator[Entry]:
        layers = self._layers(model)
        names: Dict[int, str] = {}
        for path, module in model.named_modules(remove_duplicate=False):
            for name, param in module.named_parameters(path, recurse=False):
                if not param.requires_grad:
                    continue
                first = names.setdefault(id(param), name)
                if name == first:
                    layer = layers.get(id(param), layers[None])
                    scale = self.options['decay_rate']**layer.exponent
                    lr_mult, decay_mult = self._multipliers(
                        module, name, param)
                    yield Entry(param, layer, scale * lr_mult, decay_mult)
                elif not self.options['bypass_duplicate']:
                    raise ValueError(
                        f'{first} and {name} are one parameter: with '
                        'bypass_duplicate=True in paramwise_cfg it is taken '
                        'once')

    def _multipliers(self, module: nn.Module, name: str,
                     param: Tensor) -> Tuple[float, float]:
        """Look up the multipliers of learning rate and weight decay."""
        options, leaf = self.options, name.rpartition('.')[2]
        lr_mult = decay_mult = 1.
        if isinstance(module, _NORMS):
            decay_mult = options['norm_decay_mult']
        elif leaf == 'bias':
            lr_mult = options['bias_lr_mult']
            decay_mult = options['bias_decay_mult']
        elif (isinstance(module, nn.Conv2d)
              and module.in_channels == module.groups):
            decay_mult = options['dwconv_decay_mult']
        elif param.ndim <= 1:
            decay_mult = options['flat_decay_mult']
        if leaf == 'mask_token' or _has_base_named(module, 'GRN'):
            decay_mult = 0.
        # MMEngine has a dot in front of the names of a model's own parameters.
        keys = sorted(k for k in options['custom_keys'] if k in f'.{name}')
        custom = options['custom_keys'][max(keys, key=len)] if keys else {}
        return (custom.get('lr_mult', lr_mult),
                custom.get('decay_mult', decay_mult))

    def _layers(self, model: nn.Module) -> Dict[Optional[int], Layer]:
        """Find the layers by id(param); under None, that of all others."""
        layers = {}
        for backbone in _find_backbones(model).values():
            layers.setdefault(None, self._layer(backbone, None))
            for name, param in backbone.named_parameters():
                layers[id(param)] = self._layer(
                    backbone, _WRAPPERS.sub('', name))
        return layers

    def _layer(self, backbone: nn.Module, name: Optional[str]) -> Layer:
        kind = self.options['decay_type']
        if _is_convnext(backbone):
            return find_layer(kind, name, backbone.depths)
        if kind != 'layer_wise':
            raise ValueError(
                f'{type(backbone).__name__} decays layer_wise only, got '
                f'paramwise_cfg.decay_type={kind!r}')
        depth, count = backbone.get_layer_depth(name or 'head')
        return Layer(depth, count - 1)


def _find_backbones(model: nn.Module) -> Dict[str, nn.Module]:
    found = {path: x for path, x in model.named_modules() if _is_convnext(x)
             or (_has_base_named(x, 'BaseBackbone')
                 and hasattr(x, 'get_layer_depth'))}
    if not found:
        raise ValueError(
            f'{type(model).__name__} has no backbone ConvNeXtV2 of '
            'mmconvnextv2 or ConvNeXt of mmpretrain, which layer decay needs: '
            'set one, or leave out optim_wrapper.constructor and '
            'paramwise_cfg')
    return found


def _is_convnext(module: nn.Module) -> bool:
    return _has_base_named(module, 'ConvNeXtV2', 'ConvNeXt') and all(
        hasattr(module, x) for x in ('depths', 'stages', 'downsample_layers'))


def _has_base_named(module: nn.Module, *names: str) -> bool:
    """Recognise other packages' classes without importing them."""
    return any(cls.__name__ in names for cls in type(module).__mro__)


def _row(entry: Entry) -> Tuple[int, int, float]:
    return -entry.layer.exponent, entry.layer.layer_id, entry.lr_scale


def _name_layers(entries: List[Entry]) -> str:
    """Name the layers of a line, the blocks of a stage together."""
    words = []
    layers = {(x.layer.stage, x.layer.block) for x in entries}
    for stage in sorted({stage for stage, _ in layers} - {None}):
        blocks = sorted(b for s, b in layers if s == stage and b is not None)
        if (stage, None) in layers:
            words.append(f'downsampling {stage}' if stage else 'stem')
        if blocks:
            to = f's {blocks[0]}-{blocks[-1]}'
            words.append(f'stage {stage} block'
                         + (to if len(blocks) > 1 else f' {blocks[0]}'))
    first = entries[0].layer
    return ', '.join(words) or (f'layer {first.layer_id}' if first.exponent
                                else 'norms, neck, heads')
