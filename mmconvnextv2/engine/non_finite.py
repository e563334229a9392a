"""Where in a model the first value that is not finite comes from."""
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmconvnextv2.ops.compile import uncompiled

_MAX_NAMES = 3


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Floating-point tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)


def any_not_finite(tensors: Iterable[Tensor]) -> Tensor:
    """Whether any value is infinite or NaN, without waiting for a device.

    Returns:
        Tensor: A bool, on the device of the first tensor.
    """
    tensors = [x.detach() for x in tensors if x.numel()]
    if not tensors:
        return torch.tensor(False)
    # The largest magnitudes: they neither overflow nor lose a NaN.
    largest = torch._foreach_norm(tensors, float('inf'))
    device = tensors[0].device
    return ~torch.stack([x.float().to(device)
                         for x in largest]).isfinite().all()


def _names(named: Iterable) -> List[str]:
    return [
        name for name, tensor in named
        if tensor is not None and any_not_finite(tensors_in(tensor))
    ]


def _listed(names: List[str]) -> str:
    more = len(names) - _MAX_NAMES
    return ', '.join(names[:_MAX_NAMES]) + (f' and {more} more'
                                            if more > 0 else '')


class Draws:
    """State of PyTorch's generators, to draw the same again."""

    def __init__(self, device: torch.device) -> None:
        self.cpu = torch.get_rng_state()
        self.device = device
        self.cuda = (torch.cuda.get_rng_state(device)
                     if device.type == 'cuda' else None)

    def restore(self) -> None:
        """Go back to this state."""
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda, self.device)


def locate(model: BaseModel, inputs: Dict[str, Any],
           context: Callable[[nn.Module], Any]) -> str:
    """Run a step again and find where the first bad value appears.

    Leaves gradients behind; changes no parameter.

    Args:
        model (BaseModel): The model, with the parameters of the bad step.
        inputs (dict): Keyword arguments of its forward pass.
        context (Callable): Context of the forward pass, given the model.

    Returns:
        str: A clause that names the place.
    """
    names = _names(model.named_parameters()) + _names(model.named_buffers())
    if names:
        return f'in the model before this step: {_listed(names)}'
    if any(bool(any_not_finite([x])) for x in tensors_in(inputs)):
        return 'in the images or annotations of the batch'
    model.zero_grad()
    found: List[str] = []
    with context(model):
        losses = _forward(model, inputs, found)
    if found:
        return f'in the forward pass, first in the output of {found[0]}'
    names = _names(losses.items())
    if names:
        return f'in the loss itself: {_listed(names)}'
    model.parse_losses(losses)[0].backward()
    # From the loss to the input: the last ones come first.
    names = _names((name, x.grad) for name, x in model.named_parameters())
    if names:
        return ('in the backward pass, first in the gradient of '
                f'{_listed(names[::-1])}')
    return 'in something that did not happen when the step was run again'


def _forward(model: nn.Module, inputs: Dict[str, Any],
             found: List[str]) -> Dict[str, Any]:

    def watch(name: str, module: nn.Module) -> Any:

        def check(module: nn.Module, args: Any, output: Any) -> None:
            if not found and any(
                    bool(any_not_finite([x])) for x in tensors_in(output)):
                found.append(f'{name} ({type(module).__name__})')

        return module.register_forward_hook(check)

    handles = [
        watch(name, module) for name, module in model.named_modules() if name
    ]
    try:
        with uncompiled():
            return model(**inputs)
    finally:
        for handle in handles:
            handle.remove()


def file_names(data_batch: Optional[dict]) -> List[str]:
    """Names of the images in a batch, as far as it has them."""
    samples = data_batch.get('data_samples') if isinstance(
        data_batch, dict) else None
    names = []
    for sample in samples or []:
        get = getattr(sample, 'get', None)
        name = get('img_path') if get else None
        if name is not None:
            names.append(str(name))
    return names
