"""MMEngine's FSDP strategy, with checkpoints as of any other run."""
import copy
from functools import partial
from typing import Any, Dict, List, Optional, Union

import torch
from mmengine._strategy.fsdp import FSDPStrategy
from mmengine.device import get_device
from mmengine.optim import BaseOptimWrapper, OptimWrapper
from torch import Tensor, nn
from torch.distributed.fsdp import (
    FullOptimStateDictConfig,
    FullStateDictConfig,
    FullyShardedDataParallel,
)

from mmconvnextv2.registry import STRATEGIES, register
from .sharding import no_deprecation

_PREFIXES = ('_fsdp_wrapped_module.', '_checkpoint_wrapped_module.')


@register(STRATEGIES)
class ShardedStrategy(FSDPStrategy):
    """Shard parameters, gradients and optimizer state over processes.

    ``FSDPStrategy`` of MMEngine, but:

    - The optimizer's parameter groups are those of the model before it is
      sharded, when every parameter becomes one-dimensional and rules for
      weight decay would take weights for biases.
    - A norm that gradients are clipped to is that of all shards.
    - A checkpoint is one file, the same as that of any other run: it can be
      tested, fine-tuned from and resumed with or without sharding.
    - Resuming works with the order of arguments that PyTorch has since 2.1.
    - It runs on a CPU too, over gloo.

    Args:
        model_wrapper (dict, optional): Arguments of
            ``MMFullyShardedDataParallel``, above all ``auto_wrap_policy``.
        state_dict_cfg (str): Only 'full', the default.
        **kwargs (Any): See ``FSDPStrategy``.

    Raises:
        ValueError: If an argument is not as described.

    Example:
        >>> runner_type = 'FlexibleRunner'
        >>> strategy = dict(
        ...     type='mmconvnextv2.ShardedStrategy',
        ...     model_wrapper=dict(
        ...         auto_wrap_policy=dict(
        ...             type='mmconvnextv2.wrap_modules',
        ...             module_types=['mmconvnextv2.ConvNeXtV2Block'])))
    """

    def __init__(self,
                 *,
                 model_wrapper: Optional[dict] = None,
                 state_dict_cfg: str = 'full',
                 **kwargs: Any) -> None:
        if state_dict_cfg != 'full':
            raise ValueError(
                "strategy.state_dict_cfg must be 'full', so that a checkpoint "
                f'is one file that everything reads, got {state_dict_cfg!r}')
        wrapper = dict(model_wrapper or {})
        if not wrapper.get('use_orig_params', True):
            raise ValueError(
                'strategy.model_wrapper.use_orig_params must be True: the '
                'optimizer treats parameters differently, and False would '
                'melt them together')
        super().__init__(
            model_wrapper=wrapper, state_dict_cfg=state_dict_cfg, **kwargs)
        if get_device() == 'cpu':
            # Offloaded from the CPU to itself, weights are freed, and all
            # averages of AdamW share the memory of the last.
            kept = dict(rank0_only=True, offload_to_cpu=False)
            self.state_dict_config = FullStateDictConfig(**kept)
            self.optim_state_dict_config = FullOptimStateDictConfig(**kept)

    def prepare(self,
                model: Union[nn.Module, dict],
                *,
                optim_wrapper: Union[BaseOptimWrapper, dict, None] = None,
                **kwargs: Any) -> Any:
        """Build the optimizer, then shard the model; see ``FSDPStrategy``."""
        if not self._prepared:
            model = self.build_model(model)
            self._shapes = {k: x.shape for k, x in model.state_dict().items()}
            if isinstance(optim_wrapper, dict):
                optim_wrapper = super().build_optim_wrapper(
                    optim_wrapper, model)
        return super().prepare(model, optim_wrapper=optim_wrapper, **kwargs)

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        wrapper = copy.deepcopy(self.model_wrapper)
        if get_device() == 'cpu':
            wrapper['device_id'] = torch.device('cpu')
        given, self.model_wrapper = self.model_wrapper, wrapper
        try:
            with no_deprecation():
                model = super()._wrap_model(model)
        finally:
            self.model_wrapper = given
        units = len(FullyShardedDataParallel.fsdp_modules(model))
        self.logger.info(f'FSDP: the model is sharded in {units} units over '
                         f'{self.world_size} processes.')
        return model

    def build_optim_wrapper(self,
                            optim_wrapper: Union[BaseOptimWrapper, dict],
                            model: Optional[nn.Module] = None) -> OptimWrapper:
        """Hand the shards to an optimizer that was built before them.

        Args:
            optim_wrapper (OptimWrapper): Of the model before it was sharded.
            model (nn.Module): The sharded model.

        Returns:
            OptimWrapper: The same.

        Raises:
            TypeError: If it is not for one optimizer.
        """
        if not isinstance(optim_wrapper, OptimWrapper):
            raise TypeError(
                'optim_wrapper.type must be OptimWrapper or AmpOptimWrapper '
                f'under FSDP, got {type(optim_wrapper).__name__}')
        shards = {_own(k): x for k, x in model.named_parameters()}
        self._names: List[List[str]] = []
        for group in optim_wrapper.optimizer.param_groups:
            names = [self.id_to_name[id(x)] for x in group['params']]
            group['params'] = [shards[name] for name in names]
            self._names.append(names)
        if getattr(optim_wrapper, 'grad_name', None) == 'grad_norm':
            optim_wrapper.clip_func = partial(_clip, model)
        return optim_wrapper

    def optim_state_dict(self) -> dict:
        """Gather the optimizer's state, in the form of an unsharded one."""
        # In pieces, or FSDP would take the wrapper's entries for a group's.
        state = self.optim_wrapper.state_dict()
        gathered = FullyShardedDataParallel.optim_state_dict(
            self.model, self.optim_wrapper.optimizer)
        if not gathered:  # In all processes but the main one.
            return {}
        numbers = {name: i for i, name in enumerate(sum(self._names, []))}
        return dict(state, **_renamed(gathered, numbers))

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load what any run, sharded or not, has saved.

        Args:
            state_dict (dict): Of an optimizer with the same groups.
        """
        names = dict(enumerate(sum(self._names, [])))
        shards = FullyShardedDataParallel.optim_state_dict_to_load(
            model=self.model,
            optim=self.optim_wrapper.optimizer,
            optim_state_dict=_renamed(state_dict, names))
        self.optim_wrapper.load_state_dict(dict(state_dict, **shards))

    def load_checkpoint(self, filename: str, **kwargs: Any) -> dict:
        """Load a checkpoint; see ``FSDPStrategy``.

        It is whole, so it stays in the host's memory whatever
        ``map_location`` says.
        """
        kwargs['map_location'] = 'cpu'
        return super().load_checkpoint(filename, **kwargs)

    def load_model_state_dict(self,
                              state_dict: Dict[str, Tensor],
                              *,
                              strict: bool = False,
                              revise_keys: Optional[list] = None) -> None:
        """Load weights; what has another shape is left out with a warning.

        Args:
            state_dict (dict[str, Tensor]): Of the model before it was
                sharded.
            strict (bool): Whether all must fit. Defaults to False.
            revise_keys (list, optional): Not needed.
        """
        unfit = [] if strict else [
            name for name, value in state_dict.items()
            if self._shapes.get(name, value.shape) != value.shape
        ]
        fit = {k: x for k, x in state_dict.items() if k not in unfit}
        left = self.model.load_state_dict(fit, strict=strict)
        for what, names in (('of another shape', unfit), (
                'not in the model', left.unexpected_keys),
                            ('missing', left.missing_keys)):
            if names:
                self.logger.warning(
                    f'Loaded weights, {what}: {", ".join(names)}')


def _own(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.replace(prefix, '')
    return name


def _clip(model: FullyShardedDataParallel,
          params: List[Tensor],
          max_norm: float,
          norm_type: float = 2.) -> Tensor:
    """FSDP's clipping in the place of ``torch.nn.utils.clip_grad_norm_``."""
    return model.clip_grad_norm_(max_norm, norm_type)


def _renamed(state_dict: dict, names: Dict[Any, Any]) -> dict:
    """State and groups of an optimizer with parameters called otherwise."""
    return dict(
        state={names[k]: v for k, v in state_dict['state'].items()},
        param_groups=[
            dict(group, params=[names[k] for k in group['params']])
            for group in state_dict['param_groups']
        ])
