"""Options of layer decay that concern single parameters."""
from typing import Any, Dict, Mapping, Tuple

from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm, _InstanceNorm
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

DECAY_TYPES = {
    'layer_wise': 'an id per block',
    'group_wise': 'an id per three blocks; OpenMMLab calls this layer_wise',
    'stage_wise': 'an id per stage',
}
_DEFAULTS: Dict[str, Any] = dict(
    decay_rate=None,
    decay_type='layer_wise',
    norm_decay_mult=0.,
    bias_decay_mult=0.,
    flat_decay_mult=0.,
    dwconv_decay_mult=1.,
    bias_lr_mult=1.,
    custom_keys={},
    bypass_duplicate=True)
_CUSTOM = ('lr_mult', 'decay_mult')
_NORMS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)


class ParamwiseOptions:
    """The checked ``paramwise_cfg`` of ``LayerDecayOptimWrapperConstructor``.

    Args:
        cfg (Mapping): As described there. None stands for the default.

    Raises:
        TypeError, ValueError: If an option is unknown, missing or not as
            described.
    """

    def __init__(self, cfg: Mapping[str, Any]) -> None:
        unknown = sorted(set(cfg) - set(_DEFAULTS))
        if unknown:
            raise ValueError(
                f'paramwise_cfg accepts {list(_DEFAULTS)}, got {unknown}. '
                '(How many layers there are is read from the backbone.)')
        given = {k: v for k, v in cfg.items() if v is not None}
        self._options = {**_DEFAULTS, **given}
        self.decay_rate = self._options['decay_rate']
        self.decay_type = self._options['decay_type']
        self.bypass_duplicate = self._options['bypass_duplicate']
        self._custom_keys = self._options['custom_keys']
        self._check_rate_and_type()
        self._check_custom_keys()
        _check_multipliers('paramwise_cfg', self._options)

    def _check_rate_and_type(self) -> None:
        if not (isinstance(self.decay_rate, (int, float))
                and 0 < self.decay_rate <= 1):
            raise ValueError('paramwise_cfg.decay_rate must be a number in '
                             f'(0, 1], got {self.decay_rate!r}')
        if self.decay_type not in DECAY_TYPES:
            accepted = '; '.join(f'{k!r} ({v})'
                                 for k, v in DECAY_TYPES.items())
            raise ValueError('paramwise_cfg.decay_type must be one of '
                             f'{accepted}; got {self.decay_type!r}')

    def _check_custom_keys(self) -> None:
        if not isinstance(self._custom_keys, Mapping):
            raise TypeError('paramwise_cfg.custom_keys must be a dict, got '
                            f'{type(self._custom_keys).__name__}')
        for key, options in self._custom_keys.items():
            if not (isinstance(options, Mapping)
                    and set(options) <= set(_CUSTOM)):
                raise ValueError(
                    f'paramwise_cfg.custom_keys[{key!r}] must be a dict with '
                    f'no other keys than {_CUSTOM}, got {options!r}')
            _check_multipliers(f'paramwise_cfg.custom_keys[{key!r}]', options)

    def multipliers(self, module: nn.Module, name: str,
                    param: Tensor) -> Tuple[float, float]:
        """What learning rate and weight decay of a parameter are scaled by.

        Args:
            module (nn.Module): The module that the parameter sits in.
            name (str): Its full name.
            param (Tensor): The parameter, of any shape.

        Returns:
            tuple[float, float]: For the learning rate, without the layer's
            scale, and for the weight decay.
        """
        leaf = name.rsplit('.', 1)[-1]
        lr_mult = self._options['bias_lr_mult'] if (
            leaf == 'bias' and not isinstance(module, _NORMS)) else 1.
        decay_mult = self._decay_mult(module, leaf, param)
        # MMEngine has a dot in front of the names of a model's own parameters.
        keys = [key for key in self._custom_keys if key in f'.{name}']
        if not keys:
            return lr_mult, decay_mult
        custom = self._custom_keys[min(keys, key=lambda k: (-len(k), k))]
        return (custom.get('lr_mult', lr_mult),
                custom.get('decay_mult', decay_mult))

    def _decay_mult(self, module: nn.Module, leaf: str,
                    param: Tensor) -> float:
        if leaf == 'mask_token' or has_base_named(module, 'GRN'):
            return 0.
        if isinstance(module, _NORMS):
            return self._options['norm_decay_mult']
        if leaf == 'bias':
            return self._options['bias_decay_mult']
        if (isinstance(module, nn.Conv2d)
                and module.in_channels == module.groups):
            return self._options['dwconv_decay_mult']
        # FSDP flattens what it shards: these weights never are by themselves.
        is_matrix = leaf == 'weight' and isinstance(module,
                                                    (nn.Linear, _ConvNd))
        if param.ndim <= 1 and not is_matrix:
            return self._options['flat_decay_mult']
        return 1.


def _check_multipliers(where: str, options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if name.endswith('_mult') and not (isinstance(value, (int, float))
                                           and value >= 0):
            raise ValueError(f'{where}.{name} must be a number of at least 0, '
                             f'got {value!r}')


def has_base_named(module: nn.Module, *names: str) -> bool:
    """Whether a module is of a class of one of the names, or derived from it.

    Serves to recognise other packages' classes without importing them.
    """
    return any(cls.__name__ in names for cls in type(module).__mro__)
