"""Gradients of an update that is not complete when a checkpoint is saved."""
from typing import Any, Dict, List, Mapping

import torch
from mmengine.dist import all_reduce
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn

from mmconvnextv2.engine.sharding import share


def pending_gradients(runner: Runner) -> Dict[str, Any]:
    """Copy the gradients that wait for more iterations, if there are any.

    All processes have to call. Where each has its part until the update, the
    mean is taken, so that the update's mean stays the same. ``of`` is the
    number of iterations of an update, ``grads`` have the parameters' names.
    """
    wrapper = runner.optim_wrapper
    if not _accumulates(wrapper) or wrapper.should_update():
        return {}
    params = _parameters(runner)
    has_grad = torch.tensor([int(x.grad is not None) for x in params.values()])
    all_reduce(has_grad, 'max')
    grads = {}
    for (name, param), is_there in zip(params.items(), has_grad.tolist()):
        if is_there:
            grad = param.grad
            grad = torch.zeros_like(param) if grad is None else grad.clone()
            if not hasattr(grad, 'full_tensor'):  # Shards are means already.
                all_reduce(grad, 'mean')
            grads[name] = grad.detach()
    return dict(of=wrapper._accumulative_counts, grads=grads)


def restore_gradients(runner: Runner, pending: Mapping[str, Any]) -> List[str]:
    """Go on with what ``pending_gradients`` has returned.

    Returns the names of the parameters; none if an update is of another number
    of iterations now, or nothing waits for one.
    """
    wrapper = runner.optim_wrapper
    if not _accumulates(wrapper) or wrapper.should_update() \
            or pending['of'] != wrapper._accumulative_counts:
        return []
    params = _parameters(runner)
    grads = {name: grad for name, grad in pending['grads'].items()
             if name in params and params[name].shape == grad.shape}
    for name, grad in grads.items():
        param = params[name]
        param.grad = share(grad.to(param.device, param.dtype), param)
    return list(grads)


def _accumulates(wrapper: Any) -> bool:
    return (isinstance(wrapper, OptimWrapper)
            and getattr(wrapper, '_accumulative_counts', 1) > 1)


def _parameters(runner: Runner) -> Dict[str, nn.Parameter]:
    model = runner.model
    model = model.module if is_model_wrapper(model) else model
    return {k: x for k, x in model.named_parameters() if x.requires_grad}
