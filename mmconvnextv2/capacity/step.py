"""A training step of a recipe's model, computed without values.

On PyTorch's meta device tensors have shapes and no memory, so that the largest
model takes seconds on any machine. What runs there is what runs on a GPU: the
operators of ``mmconvnextv2.ops`` that keep less are for the CPU, and
``models/layers/fusing.py`` leaves them out on every other device.
"""
import contextlib
import gc
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn

from mmconvnextv2.config.find import find_config
from .autocast import CudaAutocast
from .live_bytes import LiveBytes

SIZES = ('atto', 'femto', 'pico', 'nano', 'tiny', 'base', 'large', 'huge')
MODES = ('dense', 'checkpointed', 'fcmae')
PRECISIONS: Dict[str, Optional[torch.dtype]] = dict(
    float32=None, bf16=torch.bfloat16, fp16=torch.float16)
_NAMES = dict(
    dense='convnextv2_{}_ft_in1k',
    checkpointed='convnextv2_{}_ft_in1k',
    fcmae='fcmae_convnextv2_{}_in1k')


class Trace(NamedTuple):
    """Bytes in a step beside parameters, gradients and optimizer state.

    Attributes:
        kept (int): Alive between forward and backward pass: what is saved for
            the latter, the images, and what layouts hold.
        moments (list[int]): Alive after each allocation.
    """

    kept: int
    moments: List[int]


def model_config(size: str, mode: str) -> dict:
    """The model of the recipe for a size.

    Args:
        size (str): One of ``SIZES``.
        mode (str): One of ``MODES``: the ImageNet classifier as it is
            fine-tuned, the same with ``with_cp=True``, or FCMAE.

    Raises:
        ValueError: If one is unknown.
    """
    for name, value, known in (('size', size, SIZES), ('mode', mode, MODES)):
        if value not in known:
            raise ValueError(f'{name} must be one of {list(known)}, got '
                             f'{value!r}')
    cfg = Config.fromfile(find_config(_NAMES[mode].format(size[0])))
    if mode == 'checkpointed':
        cfg.model.backbone.with_cp = True
    return cfg.model


def build(cfg: dict) -> nn.Module:
    """Build a model on the meta device, in training mode.

    Raises:
        ImportError: If mmpretrain, which wires the models, is missing.
    """
    try:
        import mmpretrain.models  # noqa: F401
    except ImportError as error:
        raise ImportError('the models of the capacity table are wired by '
                          f'mmpretrain, which fails to import: {error}'
                          ) from error
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('WARNING')
    try:
        with DefaultScope.overwrite_default_scope('mmpretrain'), \
                torch.device('meta'):
            return MODELS.build(cfg).train()
    finally:
        logger.setLevel(level)


def trace_step(model: nn.Module,
               batch: int,
               side: int,
               precision: str = 'float32') -> Trace:
    """Forward and backward pass of a batch.

    Gradients are there from the start, as where they are accumulated.

    Args:
        model (nn.Module): From ``build``. On another device the step is
            really done, without autocast.
        batch (int): Number of images.
        side (int): Their height and width, in pixels.
        precision (str): A key of ``PRECISIONS``; other than float32 under
            autocast, with parameters in float32.

    Returns:
        Trace: Bytes over the step.
    """
    parameters = list(model.parameters())
    for p in parameters:
        p.grad = torch.empty_like(p)
    known = [*parameters, *(p.grad for p in parameters), *model.buffers()]
    device = parameters[0].device
    live = LiveBytes(device.type, known)
    dtype = PRECISIONS[precision]
    with _no_collection(), live, _autocast(dtype) as autocast:
        # Held to the end, as MMEngine's train_step holds its data.
        images = torch.empty(batch, 3, side, side, device=device)
        loss = loss_of(model, images)
        if autocast is not None:
            autocast.leave()
        kept = live.now
        _backward(loss)
    return Trace(kept, live.moments)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Let memory go when the last reference goes, and never by chance."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def _autocast(dtype: Optional[torch.dtype]
              ) -> Iterator[Optional[CudaAutocast]]:
    if dtype is None:
        yield None
        return
    with CudaAutocast(dtype) as mode:
        yield mode


def loss_of(model: nn.Module, images: Tensor) -> Tensor:
    """The loss of images (N, 3, H, W) in pre-training or classification."""
    if not hasattr(model.head, 'fc'):
        return model.loss(images)['loss']
    from mmpretrain.structures import DataSample
    # As mixup gives them: a score for each class. One allocation, as the
    # number of them must not depend on that of images.
    scores = images.new_zeros(len(images), model.head.fc.out_features)
    samples = [DataSample().set_gt_score(row) for row in scores]
    return model.loss(images, samples)['loss']


def _backward(loss: Tensor) -> None:
    # Not loss.backward(), which function modes take for a function of theirs
    # and so are off inside: recomputation would not be under autocast.
    torch.autograd.Variable._execution_engine.run_backward(
        (loss, ), (torch.ones_like(loss), ), False, False, (),
        allow_unreachable=True, accumulate_grad=True)


def half_copy_numel(model: nn.Module) -> int:
    """Weights that autocast keeps a copy of: convolutions, linear layers."""
    return sum(p.numel() for m in model.modules()
               if isinstance(m, (nn.Conv2d, nn.Linear))
               for p in m.parameters(recurse=False))


def numels(model: nn.Module) -> Tuple[int, int]:
    """Parameters, and those of them that autocast copies."""
    return (sum(p.numel() for p in model.parameters()),
            half_copy_numel(model))
