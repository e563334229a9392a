"""Random archs, images and masks for property-based tests (hypothesis)."""
from typing import Dict, List, Tuple

import torch
from hypothesis import strategies as st
from timm_reference import randomise
from torch import Tensor

from mmconvnextv2 import ConvNeXtV2

SEEDS = st.integers(0, 2**16)
V1 = dict(use_grn=False, layer_scale_init_value=0.5)


def noise(*shape: int, seed: int, dtype: torch.dtype = torch.float64):
    """Normal noise of a seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


@st.composite
def archs(draw, max_stages: int = 4, max_depth: int = 2, widths=(3, 9)):
    """Depths and channels of one stage or more.

    A LayerNorm of one or two channels returns signs, and gradients of which
    rounding is all that is left: no values to compare.
    """
    depths = draw(
        st.lists(st.integers(1, max_depth), min_size=1, max_size=max_stages))
    return dict(depths=depths, channels=[
        draw(st.integers(*widths)) for _ in depths])


@st.composite
def arguments(draw, **limits) -> dict:
    """Arguments of a backbone whose outputs are maps."""
    arch = draw(archs(**limits))
    stages = range(len(arch['depths']))
    return dict(
        arch=arch,
        in_channels=draw(st.integers(1, 4)),
        stem_patch_size=draw(st.integers(1, 4)),
        out_indices=draw(
            st.lists(st.sampled_from(stages), min_size=1, unique=True)),
        drop_path_rate=draw(st.sampled_from([0., 0.5])),
        frozen_stages=draw(st.integers(-1, len(stages))),
        final_norm=draw(st.booleans()),
        gap_before_final_norm=False,
        with_cp=draw(st.booleans()),
        **draw(st.sampled_from([dict(), dict(), V1])))


def build(cfg: dict, dtype: torch.dtype = torch.float64, **changes):
    """A backbone in training whose parameters all matter."""
    return randomise(ConvNeXtV2(**{**cfg, **changes}), 1).to(dtype).train()


def stride_of(cfg: dict) -> int:
    """Pixels per site of the last stage."""
    return cfg['stem_patch_size'] * 2**(len(cfg['arch']['depths']) - 1)


@st.composite
def sizes(draw, cfg: dict, most: int = 3) -> Tuple[int, int]:
    """Height and width of at least one site, mostly with pixels left over."""
    stride = stride_of(cfg)
    return tuple(draw(st.integers(stride, most * stride)) for _ in range(2))


@st.composite
def masks(draw, most: int = 3, side: int = 4) -> Tensor:
    """Masks (N, h, w), True = masked, with one visible patch or more.

    Images have counts of their own, from one visible patch to all.
    """
    h, w = draw(st.integers(1, side)), draw(st.integers(1, side))
    rows: List[Tensor] = []
    for _ in range(draw(st.integers(1, most))):
        visible = draw(st.integers(1, h * w))
        order = noise(h * w, seed=draw(SEEDS)).argsort()
        rows.append(order >= visible)
    return torch.stack(rows).view(-1, h, w)


def spread(is_masked: Tensor, side: int) -> Tensor:
    """The mask (N, h, w) for each pixel: (N, 1, h * side, w * side)."""
    return is_masked.repeat_interleave(side, 1).repeat_interleave(
        side, 2)[:, None]


def results(model: ConvNeXtV2, images: Tensor, *mask: Tensor,
            seed: int = 0) -> Dict[str, Tensor]:
    """Outputs, and the gradients of images and parameters, by name.

    What is differentiated is a random sum of the outputs. Drop path draws the
    same each time.
    """
    images = images.detach().requires_grad_()
    torch.manual_seed(seed)
    outs = model(images, *mask)
    found = {f'output {i}': out for i, out in enumerate(outs)}
    total = sum((out * noise(*out.shape, seed=9, dtype=out.dtype)).sum()
                for out in outs)
    leaves = dict(images=images, **dict(model.named_parameters()))
    leaves = {k: x for k, x in leaves.items() if x.requires_grad}
    grads = torch.autograd.grad(total, leaves.values(), allow_unused=True)
    for name, grad in zip(leaves, grads):
        found[name] = torch.zeros_like(leaves[name]) if grad is None else grad
    return {name: x.detach() for name, x in found.items()}


def largest_difference(found: Dict[str, Tensor],
                       expected: Dict[str, Tensor]) -> float:
    """Largest difference of outputs or gradients, relative to their norm.

    Tensors that are next to nothing count relative to a thousandth of the
    largest one: they are sums in which all but rounding cancels out.
    """
    assert found.keys() == expected.keys()
    norms = {name: float(x.norm()) for name, x in expected.items()}
    floor = max(1e-3 * max(norms.values()), 1e-300)
    return max(
        float((found[name] - x).norm()) / max(norms[name], floor)
        for name, x in expected.items())
