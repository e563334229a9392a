"""The encoders that benchmarks/fcmae.py compares, ours and public ones.

Each takes images and a mask, (N, 7, 7) at 224 px, True = masked, and returns
the last stage's map. None of the peers' code is part of this repository.
"""
import importlib.util
import sys
import types
from pathlib import Path
from typing import Callable, Dict, Optional

import torch
from devices import by_triton
from torch import Tensor, nn

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.layers.block import ConvNeXtV2Block

Encode = Callable[[Tensor, Tensor], Tensor]


class Contender:
    """A model and how it is called.

    Args:
        model (nn.Module): The encoder.
        encode (callable): Takes images and mask, returns a map.
    """

    def __init__(self, model: nn.Module, encode: Encode) -> None:
        self.model = model
        self.encode = encode


def ours(arch: str, masked_impl: Optional[str]) -> Contender:
    """Our backbone: 'packed', 'dense', or None for whole images."""
    model = ConvNeXtV2(
        arch, final_norm=False, masked_impl=masked_impl or 'packed')
    if masked_impl is None:
        return Contender(model, lambda x, is_masked: model(x)[-1])
    return Contender(model, lambda x, is_masked: model(x, is_masked)[-1])


def by_kernels(contender: Contender) -> Contender:
    """The same by this package's Triton kernels."""
    return Contender(contender.model, by_triton(contender.encode))


def compiled(contender: Contender) -> Contender:
    """The same, its blocks by torch.compile."""
    for module in contender.model.modules():
        if isinstance(module, ConvNeXtV2Block):
            module.compile(dynamic=False)
    return contender


def sparse_convnext(arch: str) -> Contender:
    """mmpretrain's SparseConvNeXt, SparK's encoder, with GRN."""
    from mmpretrain.models import SparseConvNeXt
    from mmpretrain.models.utils.sparse_modules import SparseHelper
    model = SparseConvNeXt(
        arch=_sizes(arch),
        use_grn=True,
        layer_scale_init_value=0.,
        out_indices=[3],
        gap_before_output=False)

    def encode(x: Tensor, is_masked: Tensor) -> Tensor:
        SparseHelper._cur_active = ~is_masked[:, None].to(x.device)
        scale = x.shape[-1] // is_masked.shape[-1]
        seen = SparseHelper._cur_active.repeat_interleave(
            scale, 2).repeat_interleave(scale, 3)
        return model(x * seen)[-1]

    return Contender(model, encode)


def bsp36(arch: str, checkout: Path) -> Contender:
    """Encoder of github.com/BSP36/fcmae, from a checkout of it."""
    sys.path.insert(0, str(checkout))
    from modules.convnextv2 import ConvNeXtV2Sparse
    sizes = _sizes(arch)
    model = ConvNeXtV2Sparse(
        in_chans=3,
        stem_stride=4,
        depths=sizes['depths'],
        dims=sizes['channels'])

    def encode(x: Tensor, is_masked: Tensor) -> Tensor:
        scale = x.shape[-1] // is_masked.shape[-1]
        return model(
            x, is_masked[:, None].repeat_interleave(
                scale, 2).repeat_interleave(scale, 3))

    return Contender(model, encode)


def viscy(arch: str, checkout: Path) -> Contender:
    """Encoder of github.com/mehta-lab/VisCy, which draws its own masks.

    It keeps one patch more than the others, 20 of 49.
    """
    for name in ('viscy_models', 'viscy_models.components',
                 'viscy_models.components.blocks',
                 'viscy_models.components.heads'):
        module = sys.modules.setdefault(name, types.ModuleType(name))
        # What the decoder needs and the encoder does not.
        module.__getattr__ = lambda _: None
    path = next(checkout.rglob('viscy_models/unet/fcmae.py'))
    spec = importlib.util.spec_from_file_location('viscy_fcmae', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sizes = _sizes(arch)
    model = module.MaskedMultiscaleEncoder(
        3,
        stage_blocks=sizes['depths'],
        dims=sizes['channels'],
        stem_kernel_size=(1, 4, 4),
        in_stack_depth=1)
    # Its second stem, for volumes, which images do not pass through.
    model.stem.conv3d = None
    return Contender(model, lambda x, is_masked: model(
        x[:, :, None], is_masked.float().mean().item())[0][-1])


def _sizes(arch: str) -> Dict[str, list]:
    with torch.device('meta'):
        model = ConvNeXtV2(arch)
    return dict(depths=list(model.depths), channels=list(model.channels))
