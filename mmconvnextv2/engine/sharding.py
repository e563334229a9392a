"""Training with parameters spread over processes by PyTorch's FSDP."""
import copy
import time
from types import MethodType
from typing import Any, Callable, List, Mapping, Optional, Sequence

import mmengine
import torch
from mmengine._strategy.distributed import DDPStrategy
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.model import is_model_wrapper
from mmengine.registry import MODELS
from mmengine.runner import FlexibleRunner, Runner
from mmengine.runner.checkpoint import save_checkpoint
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh

from mmconvnextv2.config.walk import type_name
from mmconvnextv2.errors import CommandError
from mmconvnextv2.registry import RUNNERS, STRATEGIES, register

try:
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
    from torch.distributed.tensor import distribute_tensor
except ImportError:  # PyTorch 2.5 or older
    fully_shard = None


@register(RUNNERS)
class ShardedRunner(FlexibleRunner):
    """Run hooks as ``Runner`` does: ``before_run`` before a checkpoint loads.

    ``FlexibleRunner`` loads first, when ``EMAHook`` has no average yet.
    """

    _has_begun = False

    def load_or_resume(self) -> None:
        """Load or resume a checkpoint; see ``FlexibleRunner``."""
        self.call_hook('before_run')
        self._has_begun = True
        super().load_or_resume()

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call all hooks, but ``before_run`` once; see ``FlexibleRunner``."""
        if fn_name != 'before_run' or not self._has_begun:
            super().call_hook(fn_name, **kwargs)


@register(STRATEGIES)
class ShardedStrategy(DDPStrategy):
    """Shard parameters, gradients and optimizer state over processes.

    PyTorch's ``fully_shard`` makes each unit whole while it is computed. Names
    and shapes of parameters stay, so layer decay, clipping and ``EMAHook``
    work as ever. A checkpoint is one ordinary file: sharded and unsharded runs
    resume each other's. Runs need ``ShardedRunner`` (``docs/scale.md``).

    Args:
        units (Sequence[str]): Names, in the registry of models, of the
            modules that are units. The rest of the model is one more.
        param_dtype (str, optional): Type in which these modules compute,
            'bfloat16' or 'float16'. Their gradients are summed up, and their
            outputs handed on, in float32. Defaults to None, that of the
            parameters.
        **kwargs (Any): Arguments of MMEngine's ``DDPStrategy``.

    Raises:
        ImportError: If PyTorch is older than 2.6.
        ValueError: If ``param_dtype`` is unknown, or, when the model is
            sharded, if it has no unit of a name.
    """

    def __init__(self, *, units: Sequence[str],
                 param_dtype: Optional[str] = None, **kwargs: Any) -> None:
        if fully_shard is None:
            raise ImportError('ShardedStrategy needs fully_shard of PyTorch '
                              f'2.6 or newer, found {torch.__version__}')
        if param_dtype not in (None, 'bfloat16', 'float16'):
            raise ValueError("strategy.param_dtype must be None, 'bfloat16' "
                             f"or 'float16', got {param_dtype!r}")
        super().__init__(**kwargs)
        self.units = list(units)
        self.policy = MixedPrecisionPolicy(
            getattr(torch, param_dtype), torch.float32, torch.float32
        ) if param_dtype else MixedPrecisionPolicy()

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        model = self.convert_model(model).to(get_device())
        options = dict(mesh=init_device_mesh(get_device(), [self.world_size]))
        units = [x for name in self.units for x in _find(model, name)]
        for unit in units:
            fully_shard(unit, mp_policy=self.policy, **options)
        # Resharded after the forward pass, so that hooks always see shards.
        fully_shard(model, reshard_after_forward=True, **options)
        for module in model.modules():
            module.register_load_state_dict_pre_hook(_take_shares)
        model.__deepcopy__ = MethodType(_copy_weights, model)
        self.logger.info(f'FSDP: the model is sharded in {len(units) + 1} '
                         f'units over {self.world_size} processes.')
        return model

    def save_checkpoint(self, filename: str, *, save_optimizer: bool = True,
                        save_param_scheduler: bool = True,
                        extra_ckpt: Optional[dict] = None,
                        callback: Optional[Callable] = None) -> None:
        """Save one file; all processes have to call. See ``BaseStrategy``."""
        checkpoint = dict(extra_ckpt or {}, state_dict=self.model.state_dict())
        checkpoint['meta'] = dict(
            checkpoint.get('meta', {}), seed=self.seed,
            time=time.strftime('%Y%m%d_%H%M%S'),
            mmengine=mmengine.__version__)
        if save_optimizer and hasattr(self, 'optim_wrapper'):
            checkpoint['optimizer'] = self.optim_state_dict()
        if save_param_scheduler and hasattr(self, 'param_schedulers'):
            checkpoint['param_schedulers'] = self.scheduler_state_dict()
        if callback is not None:
            callback(checkpoint)
        checkpoint = gathered(checkpoint)
        if is_main_process():
            save_checkpoint(checkpoint, filename)

    def load_checkpoint(self, filename: str, **kwargs: Any) -> dict:
        """Load a checkpoint into the host's memory; see ``BaseStrategy``."""
        kwargs['map_location'] = 'cpu'
        return super().load_checkpoint(filename, **kwargs)

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load what any run, sharded or not, has saved."""
        groups = self.optim_wrapper.optimizer.param_groups
        params = [x for group in groups for x in group['params']]
        state = {
            i: {k: share(x, param) for k, x in state_dict['state'][i].items()}
            for i, param in enumerate(params) if i in state_dict['state']}
        self.optim_wrapper.load_state_dict(dict(state_dict, state=state))


def _find(model: nn.Module, name: str) -> List[nn.Module]:
    kind = MODELS.get(name) or ()
    found = [x for x in model.modules() if isinstance(x, kind)]
    if not found:
        raise ValueError(f'strategy.units: found no {name!r} in the model, a '
                         f'{type(model).__name__}; the units of a ConvNeXtV2 '
                         "are 'mmconvnextv2.ConvNeXtV2Block'")
    return found


def _take_shares(module: nn.Module, state: dict, prefix: str, *_: Any) -> None:
    """Hook of modules whose state dict is loaded: shard what it is given."""
    for name, param in module.named_parameters(prefix[:-1], recurse=False):
        if name in state:
            state[name] = share(state[name], param)


def share(value: Any, like: Tensor) -> Any:
    """Shard a tensor like another of its shape; return all else as it is."""
    if (not _is_sharded(like) or _is_sharded(value)
            or getattr(value, 'shape', None) != like.shape):
        return value
    return distribute_tensor(value, like.device_mesh, like.placements)


def _is_sharded(value: Any) -> bool:
    return hasattr(value, 'full_tensor')  # a DTensor


def _copy_weights(model: nn.Module, memo: dict) -> nn.Module:
    """Copy for ``EMAHook`` what it averages; PyTorch refuses to copy all."""
    copied = nn.Module()
    for path, module in model.named_modules():
        if path:
            parent, _, name = path.rpartition('.')
            copied.get_submodule(parent).add_module(name, nn.Module())
        part = copied.get_submodule(path)
        for name, value in module.named_parameters(recurse=False):
            part.register_parameter(name, copy.deepcopy(value, memo))
        for name, value in module.named_buffers(recurse=False):
            part.register_buffer(
                name, copy.deepcopy(value, memo),
                name not in module._non_persistent_buffers_set)
        part.register_load_state_dict_pre_hook(_take_shares)
    return copied


def gathered(node: Any, everywhere: bool = False) -> Any:
    """Copy nested dicts and lists to the CPU, with shards made whole.

    All processes have to call; unless ``everywhere``, the main one alone gets
    the tensors, and the others None.
    """
    if isinstance(node, Tensor):
        whole = node.full_tensor() if _is_sharded(node) else node
        return whole.cpu() if everywhere or is_main_process() else None
    if isinstance(node, list):
        return [gathered(x, everywhere) for x in node]
    if isinstance(node, dict):
        found = copy.copy(node)  # with the metadata of a state dict
        found.update({k: gathered(x, everywhere) for k, x in node.items()})
        return found
    return node


def whole_model(runner: Runner) -> nn.Module:
    """Return a runner's model without its wrapper; a copy where it is sharded.

    One process alone can run it. All processes have to call.
    """
    model = runner.model
    if not any(map(_is_sharded, model.parameters())):
        return model.module if is_model_wrapper(model) else model
    with torch.random.fork_rng(devices=[]):  # It draws initial weights.
        whole = MODELS.build(copy.deepcopy(runner.cfg.model))
    whole.load_state_dict(gathered(model.state_dict(), everywhere=True))
    return whole.to(get_device()).train(model.training)


def check_strategy(cfg: Mapping[str, Any]) -> None:
    """Raise CommandError if a strategy would be ignored or train wrongly."""
    strategy = cfg.get('strategy') or {}
    if not isinstance(strategy, Mapping):
        raise CommandError(f'strategy must be a dict, got {strategy!r}')
    kind, runner = strategy.get('type'), cfg.get('runner_type', 'Runner')
    is_sharded = type_name(kind) == 'ShardedStrategy'
    if kind and (type_name(runner) == 'Runner'
                 or is_sharded and type_name(runner) != 'ShardedRunner'):
        raise CommandError(
            "runner_type must be 'mmconvnextv2.ShardedRunner' for "
            f'strategy.type={kind!r}, got {runner!r}')
    if type_name(kind) == 'FSDPStrategy':
        raise CommandError(
            "strategy.type must be 'mmconvnextv2.ShardedStrategy' for FSDP: "
            f'{kind!r} takes shards of weights for biases (weight decay)')
    if is_sharded and cfg['launcher'] == 'none':
        raise CommandError(
            f'strategy.type={kind!r} spreads the model over several '
            'processes: start them with bash tools/dist_train.sh CONFIG GPUS, '
            'or train in one with --cfg-options strategy=None')
