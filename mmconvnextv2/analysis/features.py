"""Features inside the blocks of a backbone, seen by forward hooks."""
from contextlib import ExitStack
from functools import partial
from typing import Callable, Dict, Iterable, Optional, Sequence, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from mmconvnextv2.models.layers.block import ConvNeXtV2Block
from .images import Batch

# The expanded features of a block's MLP after GELU; the same as they enter
# the second linear layer, after GRN if there is one; the block's output.
BEFORE_GRN, AFTER_GRN, OUTPUT = 'before_grn', 'after_grn', 'output'
FEATURES = (BEFORE_GRN, AFTER_GRN, OUTPUT)
See = TypeVar('See', bound=Callable[[str, str, Tensor, Tensor], None])


def blocks(backbone: nn.Module) -> Dict[str, nn.Module]:
    """Return the blocks of a backbone by name, such as 'stages.2.0'.

    Those of mmpretrain's ViTs count too.
    """
    return {
        name: module
        for name, module in backbone.named_modules()
        if isinstance(module, ConvNeXtV2Block) or any(
            cls.__name__ == 'TransformerEncoderLayer'
            for cls in type(module).__mro__)
    }


@torch.no_grad()
def observe(backbone: nn.Module, stream: Iterable[Batch],
            features: Sequence[str], see: See) -> See:
    """Encode images and show the features of the blocks to a function.

    Args:
        backbone (nn.Module): Is in evaluation mode meanwhile.
        stream (Iterable[Batch]): Preprocessed images.
        features (Sequence[str]): Features to show, some of ``FEATURES``.
        see (callable): Takes the name of the block, which features these are,
            (N, H, W, C), a ViT's (N, L, C), and the labels (N, ).

    Returns:
        callable: ``see``.

    Raises:
        ValueError: If features are not known.
    """
    unknown = sorted(set(features) - set(FEATURES))
    if unknown:
        raise ValueError(
            f'features must be some of {FEATURES}, got also {unknown}')
    labels: Optional[Tensor] = None

    def see_batch(name: str, kind: str, x: Tensor) -> None:
        see(name, kind, x, labels)

    with ExitStack() as stack:
        stack.callback(backbone.train, backbone.training)
        backbone.eval()
        for name, block in blocks(backbone).items():
            for kind in features:
                hook = _attach(block, kind, partial(see_batch, name, kind))
                stack.callback(hook.remove)
        for batch in stream:
            labels = batch.labels
            backbone(batch.inputs)
    return see


def _attach(block: nn.Module, kind: str,
            see: Callable[[Tensor], None]) -> RemovableHandle:
    is_vit = not isinstance(block, ConvNeXtV2Block)
    if kind == AFTER_GRN:
        # Not GRN's output: the first ConvNeXt has none, as ViT.
        second = block.ffn.layers[1] if is_vit else block.pointwise_conv2
        return second.register_forward_pre_hook(
            lambda module, inputs: see(inputs[0]))
    if kind == BEFORE_GRN:
        act = block.ffn.layers[0][1] if is_vit else block.act
        return act.register_forward_hook(
            lambda module, inputs, output: see(output))
    return block.register_forward_hook(
        lambda module, inputs, output: see(
            output if is_vit else output.movedim(1, -1)))
