"""Which modules become units of FSDP."""
from typing import Sequence

from mmengine.registry import MODELS
from torch import nn
from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy

from mmconvnextv2.registry import FUNCTIONS, register


@register(FUNCTIONS)
def wrap_modules(module: nn.Module, recurse: bool, nonwrapped_numel: int,
                 module_types: Sequence[str]) -> bool:
    """Policy of FSDP: a unit for each module of the named types.

    A unit's parameters are whole while it is computed and sharded else.

    Args:
        module (nn.Module): As FSDP passes it, as are the next two.
        recurse (bool): Whether the question is to look inside.
        nonwrapped_numel (int): Parameters that are in no unit yet.
        module_types (Sequence[str]): Names in the registry of models, such
            as 'mmconvnextv2.ConvNeXtV2Block'.

    Returns:
        bool: The answer.

    Raises:
        ValueError: If a name is not registered.

    Example:
        >>> auto_wrap_policy = dict(
        ...     type='mmconvnextv2.wrap_modules',
        ...     module_types=['mmconvnextv2.ConvNeXtV2Block'])
    """
    types = {name: MODELS.get(name) for name in module_types}
    unknown = [name for name, found in types.items() if found is None]
    if unknown or not types:
        raise ValueError(
            'strategy.model_wrapper.auto_wrap_policy.module_types must be '
            'names in the registry of models, such as '
            f"'mmconvnextv2.ConvNeXtV2Block', got {unknown or module_types}")
    return transformer_auto_wrap_policy(
        module,
        recurse,
        nonwrapped_numel,
        transformer_layer_cls=set(types.values()))
