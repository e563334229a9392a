"""Layouts: how the sites of a map lie in memory, and which of them count.

Only the depthwise convolution, which needs the neighbours of a site, and GRN,
which needs the sites of an image, ask the layout. So the same parameters
encode a whole image or only what is visible of it, as submanifold sparse
convolutions would (ConvNeXt V2, Section 3.1).

A mask ``is_masked`` is (N, h, w), bool, True = masked, on the grid of the last
stage, where a site is one patch. In an earlier stage a patch has p x p sites,
and ``stride`` x ``stride`` pixels in the image; each such p is a ``side``.
"""
from typing import Optional, Sequence, Tuple

import torch
from torch import Tensor

from mmconvnextv2.ops.compile import is_exporting, not_compiled
from mmconvnextv2.ops.dispatch import wants_triton
from mmconvnextv2.ops.packed_depthwise import RunsOfGrid


class DenseGrid:
    """All sites of the map: (N, H, W, C)."""

    def pack(self, images: Tensor) -> Tensor:
        """Take what the stem sees of images (N, C, H, W)."""
        return images

    def runs(self, x: Tensor) -> Optional[RunsOfGrid]:
        """Find where rows of (N, H, W, C) lie; None if ``x`` is the grid."""
        return None

    def visible(self, x: Tensor) -> Optional[Tensor]:
        """Mark by 1 which sites (N, H, W, 1) count; None if all do."""
        return None

    def only_visible(self, x: Tensor) -> Tensor:
        """Put zeros where sites (N, H, W, C) do not count."""
        visible = self.visible(x)
        return x if visible is None else x * visible

    def unpack(self, x: Tensor) -> Tensor:
        """Turn features (N, C, H, W) into the map, zero where masked."""
        return x


DENSE_GRID = DenseGrid()


class MaskedGrid(DenseGrid):
    """All sites of the map (N, H, W, C), masked where it matters.

    Masked sites hold finite values that depend on no masked pixel: they are
    zeroed before every operation that reads more than one site. Costs as much
    as the dense map, whatever the mask.
    """

    def __init__(self, is_masked: Tensor, sides: Sequence[int],
                 device: torch.device) -> None:
        self.height = is_masked.shape[1]
        # One mask for each stage, made once: every block asks for it twice.
        is_visible = ~is_masked.to(device)[..., None]
        self._is_visible = {
            p: is_visible.repeat_interleave(p, 1).repeat_interleave(p, 2)
            for p in sides}

    def _visible_like(self, x: Tensor) -> Tensor:
        return self._is_visible[int(x.shape[1] // self.height)]

    def pack(self, images: Tensor) -> Tensor:
        """Blacken the masked pixels of images (N, C, H, W)."""
        images = images.permute(0, 2, 3, 1)
        # Not a product, which would let NaN and infinity through.
        seen = torch.where(self._visible_like(images), images, 0.)
        return seen.permute(0, 3, 1, 2)

    def visible(self, x: Tensor) -> Optional[Tensor]:
        return self._visible_like(x).to(x.dtype)

    def unpack(self, x: Tensor) -> Tensor:
        seen = self._visible_like(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return x * seen.to(x.dtype)


class LeakyGrid(MaskedGrid):
    """The paper's negative control: masked pixels are black, no more.

    Inside the encoder masked sites take part like any other. The output is
    zeroed at masked places, where the decoder has its mask tokens.
    """

    def visible(self, x: Tensor) -> None:
        return None


class PackedPatches(DenseGrid):
    """Only the visible patches, one below the other: (N, V * p, p, C).

    V patches of p x p sites each. To the stem and to the downsampling layers,
    whose windows do not straddle patches, it is an image like any other. The
    depthwise convolution alone sees the whole grid, zero at masked sites.

    V is the largest count in the batch. An image with fewer visible patches is
    filled up with masked ones, blackened, which no neighbour and no statistic
    sees: they only cost time and memory.
    """

    def __init__(self, is_masked: Tensor, sides: Sequence[int],
                 device: torch.device) -> None:
        self.grid = is_masked.shape
        counts = (~is_masked).flatten(1).sum(1)
        most, least = int(counts.max()), int(counts.min())
        # Visible patches first and, as it is stable, in reading order; then
        # the image's own masked ones, so places in the grid stay distinct.
        patches = is_masked.flatten(1).byte().argsort(dim=1, stable=True)
        patches = patches[:, :most]
        n, h, w = self.grid
        self._runs = {p: RunsOfGrid(
            _rows_of(patches, (n, h, w), p).to(device, non_blocking=True),
            (n, h * p, w * p), p) for p in sides}
        for runs in self._runs.values():
            if wants_triton(runs.rows):
                runs.tables()  # or torch.compile would compile again with them
        self._is_visible: Optional[Tensor] = None
        if least < most:
            filled = torch.arange(most, device=counts.device) < counts[:, None]
            self._is_visible = filled[:, :, None, None].to(device)

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

    def runs(self, x: Tensor) -> RunsOfGrid:
        # A packed map is as wide as one patch.
        return self._runs[x.shape[2]]

    def visible(self, x: Tensor) -> Optional[Tensor]:
        if self._is_visible is None:
            return None
        # Rows are repeated in memory, columns are a view.
        rows = self._is_visible.to(x.dtype).repeat_interleave(x.shape[2], 1)
        return rows.expand(-1, -1, x.shape[2], 1)

    def unpack(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        # Filled-up patches lie at masked places, which must be zero.
        return self.runs(x).scatter(self.only_visible(x).flatten(0, 1))


def _rows_of(patches: Tensor, grid: Tuple[int, int, int], p: int) -> Tensor:
    """Number the rows of p sites of patches (N, V) in the grid of sites."""
    n, h, w = grid
    rows = torch.arange(n * h * p * w, device=patches.device)
    rows = rows.view(n, h, p, w).transpose(2, 3).flatten(1, 2)
    return rows.take_along_dim(patches[..., None], dim=1).flatten()


MASKED_LAYOUTS = dict(packed=PackedPatches, dense=MaskedGrid, leaky=LeakyGrid)


# It reads the mask: counts of visible patches become sizes of tensors.
@not_compiled
def build_layout(impl: str, images: Tensor, is_masked: Tensor, stride: int,
                 sides: Sequence[int]) -> DenseGrid:
    """Check a mask against its images and build a layout for it.

    ``impl`` is a key of ``MASKED_LAYOUTS``, ``sides`` are those of all maps to
    come. If the mask is on the host, the host waits for no device.

    Raises:
        TypeError: If the mask is not a tensor of type bool.
        ValueError: If the images are not made of whole patches, the mask does
            not have their shape, or an image has nothing visible.
    """
    if not isinstance(is_masked, Tensor) or is_masked.dtype != torch.bool:
        raise TypeError(
            'is_masked must be a tensor of type torch.bool, True = masked, '
            f'got {getattr(is_masked, "dtype", type(is_masked).__name__)}')
    n, _, height, width = images.shape
    if height % stride or width % stride:
        raise ValueError(
            'masked encoding needs images whose height and width are '
            f'multiples of {stride}, got {height} x {width}; crop or pad them')
    expected = (n, height // stride, width // stride)
    if tuple(is_masked.shape) != expected:
        raise ValueError(
            f'is_masked must have the shape {expected} (one entry per image '
            f'and {stride} x {stride} patch), got {tuple(is_masked.shape)}')
    if is_exporting():  # Masks are not read: sizes depend on them in 'packed'.
        impl = 'dense' if impl == 'packed' else impl
        return MASKED_LAYOUTS[impl](is_masked, (stride, *sides), images.device)
    empty = is_masked.flatten(1).all(1).nonzero().flatten().tolist()
    if empty:
        raise ValueError('is_masked leaves nothing visible in the images '
                         f'{empty} of the batch')
    return MASKED_LAYOUTS[impl](is_masked, (stride, *sides), images.device)
