"""The place in a model where the first value that is not finite appears."""
from itertools import chain
from typing import Any, Callable, Dict, Iterable, Iterator, List

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from mmconvnextv2.ops.compile import uncompiled
from mmconvnextv2.text import first_of


def any_not_finite(values: Any) -> Tensor:
    """Look for infinities and NaN in ``tensors_in(values)``.

    Returns a bool on their device, without waiting for it.
    """
    tensors = [x.detach() for x in tensors_in(values) if x.numel()]
    if not tensors:
        return torch.tensor(False)
    # The largest magnitudes: they neither overflow nor lose a NaN.
    largest = torch._foreach_norm(tensors, float('inf'))
    device = largest[0].device
    return ~torch.stack([x.float().to(device)
                         for x in largest]).isfinite().all()


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Find the floating-point tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor) and value.is_floating_point():
        # The part of a sharded tensor that is held here.
        yield value.to_local() if hasattr(value, 'to_local') else value
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(item)


def locate(model: BaseModel, args: tuple, kwargs: Dict[str, Any],
           context: Callable[[nn.Module], Any]) -> str:
    """Run a step again and name the place where the first bad value appears.

    Changes neither parameters nor their gradients. ``args`` and ``kwargs`` are
    those of the forward pass, in the ``context`` that the model is given to.
    """
    names = names_of_bad(
        chain(model.named_parameters(), model.named_buffers()))
    if names:
        return f'in the model before this step: {first_of(names, 3)}'
    if any_not_finite([args, kwargs]):
        return 'in the images or annotations of the batch'
    paths = {x: name for name, x in model.named_modules() if name}

    def look(module: nn.Module, args: tuple, output: Any) -> None:
        if module in paths and any_not_finite(output):
            names.append(f'{paths[module]} ({type(module).__name__})')

    with context(model), uncompiled(), register_module_forward_hook(look):
        losses = model(*args, **kwargs)
    if names:
        return f'in the forward pass, first in the output of {names[0]}'
    names = names_of_bad(losses.items())
    if names:
        return f'in the loss itself: {first_of(names, 3)}'
    trained = {k: x for k, x in model.named_parameters() if x.requires_grad}
    grads = torch.autograd.grad(
        model.parse_losses(losses)[0], [*trained.values()], allow_unused=True)
    names = names_of_bad(zip(trained, grads))
    if names:  # From the loss to the input: the last ones come first.
        return ('in the backward pass, first in the gradient of '
                f'{first_of(names[::-1], 3)}')
    return 'in something that did not happen when the step was run again'


def names_of_bad(named: Iterable) -> List[str]:
    """Name the tensors, of pairs of names and values, that are not finite."""
    return [name for name, value in named if any_not_finite(value)]
