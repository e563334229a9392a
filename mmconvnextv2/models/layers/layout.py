"""Layouts: how the sites of a map lie in memory, and which of them count.

All layers but two act on one site at a time. The depthwise convolution needs
the neighbours of a site and GRN the sites of an image: these two, and nothing
else, ask the layout. So the same parameters encode a whole image or only what
is visible of it, as submanifold sparse convolutions would (ConvNeXt V2,
Section 3.1).

A mask ``is_masked`` is (N, h, w), bool, True = masked, on the grid of the last
stage, where a site is one patch. In an earlier stage a patch has p x p sites,
and ``stride`` x ``stride`` pixels in the image; each such p is a ``side``.
"""
from typing import Dict, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from mmconvnextv2.ops import RunsOfGrid, depthwise, packed_depthwise
from mmconvnextv2.ops.dispatch import fuses, fuses_by_triton
from mmconvnextv2.ops.triton.switch import wants_triton
from .norm import LayerNorm


class DenseGrid:
    """All sites of the map: (N, H, W, C)."""

    def pack(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to what the stem is to see of them."""
        return images

    def depthwise(self, conv: nn.Conv2d, x: Tensor) -> Tensor:
        """Apply a depthwise convolution among the visible sites."""
        # The permuted views have the strides of the channels-last memory
        # format, which convolutions keep: nothing is copied.
        x = x.permute(0, 3, 1, 2)
        y = depthwise(x, conv.weight, conv.bias) if fuses(x, conv) else conv(x)
        return y.permute(0, 2, 3, 1)

    def depthwise_norm(self, conv: nn.Conv2d, norm: LayerNorm,
                       x: Tensor) -> Tensor:
        """Apply ``depthwise``, and LayerNorm to each site."""
        if not fuses_by_triton(x, conv, norm):
            return norm(self.depthwise(conv, x))
        # Here, for Triton need not be there.
        from mmconvnextv2.ops.triton.depthwise_norm import depthwise_norm
        sites, runs = self._neighbours(x)
        y = depthwise_norm(sites, conv.weight, conv.bias, norm.weight,
                           norm.bias, norm.eps, runs)
        return y.view(x.shape)

    def _neighbours(self, x: Tensor) -> Tuple[Tensor, Optional[RunsOfGrid]]:
        """What a convolution is to see: a whole map, or runs and their places.
        """
        return x, None

    def visible(self, x: Tensor) -> Optional[Tensor]:
        """Which sites count: ones and zeros, or None if all do.

        Args:
            x (Tensor): (N, H, W, C), sites as the layout has them.

        Returns:
            Tensor | None: (N, H, W, 1), of the type of ``x``.
        """
        return None

    def only_visible(self, x: Tensor) -> Tensor:
        """Put zeros where sites must not count in the image's statistics."""
        visible = self.visible(x)
        return x if visible is None else x * visible

    def unpack(self, x: Tensor) -> Tensor:
        """Turn the features into a map (N, C, H, W), zero where masked."""
        return x.permute(0, 3, 1, 2)


DENSE_GRID = DenseGrid()


class MaskedGrid(DenseGrid):
    """All sites of the map (N, H, W, C), masked where it matters.

    Masked sites hold finite values that depend on no masked pixel and that
    nobody reads: they are zeroed before every operation that looks at more
    than one site. Costs as much as the dense map, whatever the mask.

    Args:
        is_masked (Tensor): (N, h, w), bool, True = masked.
        sides (Sequence[int]): Sites per side of a patch, for each map to come.
        device (torch.device): Where the maps are.
    """

    def __init__(self, is_masked: Tensor, sides: Sequence[int],
                 device: torch.device) -> None:
        self.height = is_masked.shape[1]
        is_visible = ~is_masked.to(device)[..., None]
        self._is_visible: Dict[int, Tensor] = {
            p: is_visible.repeat_interleave(p, 1).repeat_interleave(p, 2)
            for p in sides
        }

    def _visible_like(self, x: Tensor) -> Tensor:
        return self._is_visible[x.shape[1] // self.height]

    def pack(self, images: Tensor) -> Tensor:
        """Blacken the masked pixels of images (N, C, H, W)."""
        images = images.permute(0, 2, 3, 1)
        # Not a product, which would let NaN and infinity through.
        seen = torch.where(self._visible_like(images), images, 0.)
        return seen.permute(0, 3, 1, 2)

    def depthwise(self, conv: nn.Conv2d, x: Tensor) -> Tensor:
        return super().depthwise(conv, self.only_visible(x))

    def _neighbours(self, x: Tensor) -> Tuple[Tensor, None]:
        return self.only_visible(x), None

    def visible(self, x: Tensor) -> Tensor:
        return self._visible_like(x).to(x.dtype)

    def unpack(self, x: Tensor) -> Tensor:
        return super().unpack(x * MaskedGrid.visible(self, x))


class LeakyGrid(MaskedGrid):
    """The paper's negative control: masked pixels are black, no more.

    Inside the encoder masked sites take part like any other, so information
    travels through them and the statistics see them. The output is zeroed at
    masked places, for the decoder to find its mask tokens there.
    """

    def depthwise(self, conv: nn.Conv2d, x: Tensor) -> Tensor:
        return DenseGrid.depthwise(self, conv, x)

    def _neighbours(self, x: Tensor) -> Tuple[Tensor, None]:
        return x, None

    def visible(self, x: Tensor) -> None:
        return None


class PackedPatches(DenseGrid):
    """Only the visible patches, one below the other: (N, V * p, p, C).

    V patches of p x p sites each, a view of (N, V, p, p, C): to the stem and
    to the downsampling layers, whose windows do not straddle patches, it is an
    image like any other. The depthwise convolution alone sees the whole grid,
    with zeros at masked sites.

    V is the largest count in the batch. An image with fewer visible patches is
    filled up with masked ones, blackened, which take part in nothing: no
    neighbour and no statistic sees them. So they cost time and memory, and
    images with equal counts cost least.

    Args:
        is_masked (Tensor): (N, h, w), bool, True = masked. If it is on the
            host, no device is waited for.
        sides (Sequence[int]): Sites per side of a patch, for each map to come.
        device (torch.device): Where the maps are.
    """

    def __init__(self, is_masked: Tensor, sides: Sequence[int],
                 device: torch.device) -> None:
        self.grid = is_masked.shape
        counts = (~is_masked).flatten(1).sum(1)
        most, least = int(counts.max()), int(counts.min())
        # Stable, so visible patches come first and in reading order.
        patches = is_masked.flatten(1).byte().argsort(dim=1, stable=True)
        patches = patches[:, :most]
        n, h, w = self.grid
        self._runs = {
            p: RunsOfGrid(
                self._rows_of(patches, p).to(device, non_blocking=True),
                (n, h * p, w * p), p)
            for p in set(sides)
        }
        for runs in self._runs.values():
            if wants_triton(runs.rows):
                # Made here, not at the first use, for torch.compile's sake: it
                # would compile for runs without and with them.
                runs.tables()
        self._is_visible: Optional[Tensor] = None
        if least < most:
            filled = torch.arange(most, device=counts.device) < counts[:, None]
            self._is_visible = filled[:, :, None, None].to(device)

    def _rows_of(self, patches: Tensor, p: int) -> Tensor:
        """Where the rows of sites of patches (N, V) start in a whole map.

        The unit is a run of p sites, of which a row of the map has w.
        """
        n, h, w = self.grid
        image = torch.arange(n, device=patches.device)[:, None]
        first = (image * h + patches // w) * p * w + patches % w
        step = torch.arange(p, device=patches.device) * w
        return (first[..., None] + step).flatten()

    def pack(self, images: Tensor) -> Tensor:
        """Stack the visible patches of images: (N, C, V * stride, stride)."""
        n, _, _, width = images.shape
        p = width // self.grid[2]
        x = self._runs[p].gather(images)
        x = x.view(n, -1, p, x.shape[-1])
        if self._is_visible is not None:
            # Not a product, which would let NaN and infinity through.
            x = torch.where(self.visible(x) > 0, x, 0.)
        return x.permute(0, 3, 1, 2)

    def _neighbours(self, x: Tensor) -> Tuple[Tensor, RunsOfGrid]:
        """The runs (R, p, C) of (N, V * p, p, C), and where they lie."""
        return self.only_visible(x).flatten(0, 1), self._runs[x.shape[2]]

    def depthwise(self, conv: nn.Conv2d, x: Tensor) -> Tensor:
        runs, where = self._neighbours(x)
        runs = packed_depthwise(runs, conv.weight, conv.bias, where)
        return runs.view(x.shape)

    def visible(self, x: Tensor) -> Optional[Tensor]:
        if self._is_visible is None:
            return None
        rows = self._is_visible.to(x.dtype).repeat_interleave(x.shape[2], 1)
        return rows.expand(-1, -1, x.shape[2], 1)

    def unpack(self, x: Tensor) -> Tensor:
        runs, where = self._neighbours(x)
        return where.scatter(runs)
