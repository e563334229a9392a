"""Learning rates that fall towards the first layers of a ConvNeXt V2."""
from typing import Dict, Iterator, List, Tuple

from mmengine.logging import MMLogger
from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mmconvnextv2.models.backbones.layer_ids import LAYER_ID_RULES
from mmconvnextv2.registry import OPTIM_WRAPPER_CONSTRUCTORS, register
from .layer_table import Entry, format_table
from .paramwise import DECAY_TYPES, ParamwiseOptions, has_base_named

# What FSDP, activation checkpointing and torch.compile put into names.
_WRAPPERS = ('_fsdp_wrapped_module.', '_checkpoint_wrapped_module.',
             '_orig_mod.')


@register(OPTIM_WRAPPER_CONSTRUCTORS)
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Scale each layer's learning rate by a power of a decay rate.

    The backbone, a ``ConvNeXtV2`` or mmpretrain's ``ConvNeXt``, is found
    wherever it sits in the model, and its depths tell the layers; several are
    treated each by its own. What is not in its stem, downsampling layers or
    blocks has the full learning rate. Frozen parameters are left out.

    There is no weight decay for norms, biases and tensors of at most one
    dimension, nor, whatever their shape, for GRN and parameters named
    ``mask_token``. Each learning rate with each weight decay makes one
    parameter group. The first has the full learning rate, so that MMEngine
    logs that as ``lr``.

    Options of ``paramwise_cfg``:

    - ``decay_rate`` (float): In (0, 1]. Required.
    - ``decay_type`` (str): 'layer_wise' (default), the paper's, with an id per
      block; 'group_wise', the paper's for its large models, with an id per
      three blocks, **which is what OpenMMLab calls 'layer_wise'**; or
      'stage_wise'. The rules are in ``models/backbones/layer_ids.py``.
    - ``norm_decay_mult``, ``bias_decay_mult``, ``flat_decay_mult``,
      ``dwconv_decay_mult`` (float): Multiply the weight decay of norms, other
      biases, other tensors of at most one dimension (such as LayerScale) and
      depthwise convolutions. Default to 0, 0, 0 and 1.
    - ``bias_lr_mult`` (float): Multiplies the learning rate of biases other
      than those of norms. Defaults to 1.
    - ``custom_keys`` (dict[str, dict]): For parameters with the key in their
      name, of several the longest: ``lr_mult``, on top of the layer's scale,
      and ``decay_mult``, in place of the multipliers above. One that is left
      out changes nothing (in MMEngine it puts weight decay back).
    - ``bypass_duplicate`` (bool): Whether a parameter that sits in several
      places of the model is taken once, by its first name, rather than
      refused. Defaults to True.

    In schedulers, prefer ``eta_min_ratio`` to ``eta_min``, which is the same
    for all groups and may lie above the learning rate of the first layers.

    Args:
        optim_wrapper_cfg (dict): As for MMEngine's default constructor. The
            optimizer must have an ``lr``.
        paramwise_cfg (dict): The options above.

    Raises:
        TypeError, ValueError: If an option is not as described, or, when
            called, if the model has no such backbone.

    Example:
        >>> optim_wrapper = dict(
        ...     type='OptimWrapper',
        ...     optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.05),
        ...     constructor='mmconvnextv2.LayerDecayOptimWrapperConstructor',
        ...     paramwise_cfg=dict(decay_rate=0.95, decay_type='layer_wise'))
    """

    def _validate_cfg(self) -> None:
        if not isinstance(self.paramwise_cfg, dict):
            raise TypeError('paramwise_cfg must be a dict, got '
                            f'{type(self.paramwise_cfg).__name__}')
        self.options = ParamwiseOptions(self.paramwise_cfg)
        if self.base_lr is None:
            raise ValueError('the optimizer has no lr that could be scaled: '
                             'set optim_wrapper.optimizer.lr')

    def add_params(self, params: List[dict], module: nn.Module,
                   **kwargs) -> None:
        """Add the parameter groups of a model, and log a table of its layers.

        Args:
            params (list[dict]): The groups are appended to it.
            module (nn.Module): The model.
            **kwargs: What else MMEngine's constructor takes; not needed.

        Raises:
            ValueError: If there is no ConvNeXtV2 or ConvNeXt in the model.
        """
        backbones = _find_backbones(module)
        entries = list(self._entries(module, backbones))
        groups: Dict[Tuple[float, float], dict] = {}
        for entry in sorted(entries, key=_group_order):
            key = entry.lr_scale, entry.decay_mult
            if key not in groups:
                groups[key] = self._new_group(*key)
            groups[key]['params'].append(entry.param)
        params.extend(groups.values())
        MMLogger.get_current_instance().info(
            f'{self._describe(backbones)}\n'
            f'{format_table(entries, self.base_lr)}')

    def _describe(self, backbones: Dict[str, nn.Module]) -> str:
        kind, rate = self.options.decay_type, self.options.decay_rate
        found = ', '.join(f'{path or "the model"} with depths '
                          f'{tuple(backbone.depths)}'
                          for path, backbone in backbones.items())
        return (f'Layer decay: rate {rate}, {kind} ({DECAY_TYPES[kind]}), '
                f'{found}')

    def _new_group(self, lr_scale: float, decay_mult: float) -> dict:
        group = dict(params=[], lr=self.base_lr * lr_scale, lr_scale=lr_scale)
        if self.base_wd is not None or decay_mult == 0:
            group['weight_decay'] = (self.base_wd or 0.) * decay_mult
        elif decay_mult != 1:
            raise ValueError('the optimizer has no weight_decay that could be '
                             f'multiplied by {decay_mult}: set '
                             'optim_wrapper.optimizer.weight_decay')
        return group

    def _entries(self, model: nn.Module,
                 backbones: Dict[str, nn.Module]) -> Iterator[Entry]:
        layer_ids, outside = self._layer_ids(backbones)
        names: Dict[int, str] = {}
        for path, module in model.named_modules(remove_duplicate=False):
            for leaf, param in module.named_parameters(recurse=False):
                name = f'{path}.{leaf}' if path else leaf
                if not param.requires_grad or self._is_known(
                        name, names.setdefault(id(param), name)):
                    continue
                layer_id, number_of_ids = layer_ids.get(id(param), outside)
                exponent = number_of_ids - 1 - layer_id
                lr_mult, decay_mult = self.options.multipliers(
                    module, name, param)
                scale = self.options.decay_rate**exponent * lr_mult
                yield Entry(param, layer_id, exponent, scale, decay_mult)

    def _layer_ids(
        self, backbones: Dict[str, nn.Module]
    ) -> Tuple[Dict[int, Tuple[int, int]], Tuple[int, int]]:
        """Layer and number of layers by id(param), and those of all others."""
        rule = LAYER_ID_RULES[self.options.decay_type]
        layer_ids = {}
        for backbone in backbones.values():
            for name, param in backbone.named_parameters():
                for wrapper in _WRAPPERS:
                    name = name.replace(wrapper, '')
                layer_ids[id(param)] = rule(name, backbone.depths)
        return layer_ids, rule(None, next(iter(backbones.values())).depths)

    def _is_known(self, name: str, first_name: str) -> bool:
        if name != first_name and not self.options.bypass_duplicate:
            raise ValueError(f'{first_name} and {name} are one parameter: '
                             'with bypass_duplicate=True in paramwise_cfg it '
                             'is taken once')
        return name != first_name


def _group_order(entry: Entry) -> Tuple[bool, float, float]:
    """Sort key: full learning rate first, then from the highest down.

    It depends on values only, so that a resumed run finds the same groups.
    """
    return entry.lr_scale != 1, -entry.lr_scale, -entry.decay_mult


def _find_backbones(model: nn.Module) -> Dict[str, nn.Module]:
    """All backbones that have layers to tell apart, by their paths."""
    found = {
        path: module
        for path, module in model.named_modules()
        if has_base_named(module, 'ConvNeXtV2', 'ConvNeXt') and all(
            hasattr(module, name)
            for name in ('depths', 'stages', 'downsample_layers'))
    }
    if not found:
        raise ValueError(
            'layer decay needs a backbone mmconvnextv2.ConvNeXtV2 or '
            f'mmpretrain.ConvNeXt, and {type(model).__name__} has none: set '
            'it as the type of the backbone, or train another one with '
            "MMEngine's DefaultOptimWrapperConstructor by leaving out "
            'optim_wrapper.constructor and the decay_rate and decay_type of '
            'paramwise_cfg')
    return found
