"""Sharded models seen as a whole."""
import copy
import warnings
from contextlib import contextmanager
from typing import Dict, Iterator, Optional

import torch
from mmengine.dist import is_main_process
from mmengine.model import is_model_wrapper
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.distributed.fsdp import (
    FullStateDictConfig,
    FullyShardedDataParallel,
    StateDictType,
)


def is_sharded(model: nn.Module) -> bool:
    """Whether the parameters of a model are spread by FSDP."""
    return isinstance(model, FullyShardedDataParallel)


@contextmanager
def no_deprecation() -> Iterator[None]:
    """Keep quiet what MMEngine, not the user, could change."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            'ignore', 'FSDP.state_dict_type', category=FutureWarning)
        yield


def whole_state(model: FullyShardedDataParallel,
                main_only: bool) -> Dict[str, Tensor]:
    """Gather a state dict; all processes have to.

    Args:
        model (FullyShardedDataParallel): The model.
        main_only (bool): Whether the others may have none.

    Returns:
        dict[str, Tensor]: By the names of the model that was wrapped.
    """
    # On a CPU, offloading to it frees what it has moved: a crash.
    config = FullStateDictConfig(
        rank0_only=main_only,
        offload_to_cpu=main_only and _device(model).type != 'cpu')
    with no_deprecation(), FullyShardedDataParallel.state_dict_type(
            model, StateDictType.FULL_STATE_DICT, config):
        return model.state_dict()


def whole_model(runner: Runner,
                main_only: bool = False) -> Optional[nn.Module]:
    """The model of a runner, to be run by one process alone.

    Where it is sharded, a copy; all processes have to call for it.

    Args:
        runner (Runner): The runner, which has built the model from its
            config.
        main_only (bool): Whether the other processes need none. Defaults to
            False.

    Returns:
        nn.Module, optional: The model without its wrapper, None where it is
        not needed.
    """
    model = runner.model
    if not is_sharded(model):
        return model.module if is_model_wrapper(model) else model
    state = whole_state(model, main_only)
    if main_only and not is_main_process():
        return None
    with torch.random.fork_rng(devices=[]):  # It draws initial weights.
        whole = MODELS.build(copy.deepcopy(runner.cfg.model))
    whole.load_state_dict(state)
    return whole.to(_device(model)).train(model.training)


def drop_gathered(model: FullyShardedDataParallel) -> None:
    """Let the next forward pass gather all parameters anew.

    After a forward pass without a backward one, as in an evaluation, FSDP
    keeps what its outermost unit has gathered, and would not see a change.
    """
    for unit in FullyShardedDataParallel.fsdp_modules(model):
        if unit._handle is not None:
            unit._handle.reshard(free_unsharded_flat_param=True)


def _device(model: FullyShardedDataParallel) -> torch.device:
    return model.compute_device
