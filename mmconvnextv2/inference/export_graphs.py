"""What is exported for each task: modules from images to named tensors."""
from typing import Any, Dict, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.export import Dim

from mmconvnextv2.ops.compile import is_exporting


class Graph(nn.Module):
    """A model, or a part of it, whose outputs are tensors.

    As it is, it returns what the module itself does: the scores of a
    classifier, before the softmax, or the maps of a backbone.

    Args:
        model (nn.Module): In evaluation mode.

    Attributes:
        inputs, outputs (tuple[str]): Their names.
        batch (int, optional): The only number of images; None if any will do.
        tolerance (float): The most that ``difference`` may be.
        settings (dict): What a program needs to read the outputs.
        stride (int): That of its smallest map, if it has some of its own.
        patch (int): Sides of images are multiples of it, in pixels.
    """

    inputs = ('images', )
    batch: Optional[int] = None
    stride = patch = 1
    tolerance = 1e-4

    def __init__(self, model: nn.Module,
                 outputs: Sequence[str] = ('scores', )) -> None:
        super().__init__()
        self.model, self.outputs = model, tuple(outputs)
        self.settings: Dict[str, Any] = {}

    def example(self, shape: Sequence[int], seed: int = 0) -> Sequence[Tensor]:
        """Draw inputs, of which images have this shape."""
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(tuple(shape), generator=generator),

    def dims(self, least: int) -> Sequence[Dict[int, Any]]:
        """Name the dimensions of each input that vary.

        Sides of images have ``least`` pixels or more.
        """
        batch = {} if self.batch else {0: Dim('batch')}
        return {**batch, 2: Dim('height', min=least),
                3: Dim('width', min=least)},

    def forward(self, images: Tensor) -> Any:
        """Compute the outputs, as they are exported."""
        return self.model(images)

    def reference(self, *inputs: Tensor) -> Sequence[Tensor]:
        """Compute what the outputs should be."""
        found = self(*inputs)
        return [found] if isinstance(found, Tensor) else list(found)

    def difference(self, found: Sequence[Tensor],
                   expected: Sequence[Tensor]) -> float:
        """Compare the outputs of a file with those of ``reference``.

        Returns:
            float: The largest absolute difference of an output, divided by
            the largest absolute value of that output where that is more than
            1; infinite if shapes differ, NaN if a value is.
        """
        if [x.shape for x in found] != [x.shape for x in expected]:
            return float('inf')
        # Unlike Python's, the maximum of PyTorch keeps NaN.
        return torch.stack([
            (a.float() - b.float()).abs().max()
            / b.float().abs().max().clamp(min=1)
            for a, b in zip(found, expected)]).max().item()


class SegmentorGraph(Graph):
    """A segmentor of mmseg: the class of each pixel, and the scores.

    For a model that slides a window it takes one window; ``settings`` has its
    size and stride.

    Raises:
        ValueError: If images are padded in testing.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model, ('label_map', 'scores'))
        if padding := getattr(model.data_preprocessor, 'test_cfg', None):
            raise ValueError('data_preprocessor.test_cfg pads images, which '
                             f'is not exported: {dict(padding)}')
        exact_pools(model)
        self.settings = dict(
            align_corners=model.align_corners,
            binary_threshold=model.decode_head.threshold,
            **{k: model.test_cfg[k] for k in ('mode', 'crop_size', 'stride')
               if k in model.test_cfg})

    def forward(self, images: Tensor) -> Tuple[Tensor, Tensor]:
        """Return classes (N, H, W) and scores (N, classes, H, W)."""
        scores = self.model.encode_decode(
            images, [dict(img_shape=images.shape[2:])])
        return self._label(scores), scores

    def _label(self, scores: Tensor) -> Tensor:
        if scores.shape[1] > 1:
            return scores.argmax(1)
        return (scores[:, 0].sigmoid() > self.model.decode_head.threshold
                ).long()

    def difference(self, found: Sequence[Tensor],
                   expected: Sequence[Tensor]) -> float:
        """Compare the scores; classes must be those of the file's scores."""
        if not torch.equal(found[0], self._label(found[1])):
            return float('inf')
        return super().difference(found[1:], expected[1:])


class ReconstructionGraph(Graph):
    """FCMAE: images (N, C, H, W) as guessed from what is visible of them.

    It takes the mask, too, of patches (N, h, w), True = masked, and returns
    it for pixels, (N, 1, H, W). Each patch gets its own mean and variance.
    """

    inputs = ('images', 'is_masked')

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model, ('reconstruction', 'is_masked_pixel'))
        self.patch = model.backbone.stride
        self.settings = dict(
            patch_size=self.patch, mask_ratio=model.mask_ratio)

    def example(self, shape: Sequence[int], seed: int = 0) -> Sequence[Tensor]:
        images, = super().example(shape, seed)
        return images, self.model.draw_mask(
            images, torch.Generator().manual_seed(seed))

    def dims(self, least: int) -> Sequence[Dict[int, Any]]:
        batch = Dim('batch')
        rows, columns = (Dim(x, min=least // self.patch)
                         for x in ('rows', 'columns'))
        return ({0: batch, 2: self.patch * rows, 3: self.patch * columns},
                {0: batch, 1: rows, 2: columns})

    def forward(self, images: Tensor,
                is_masked: Tensor) -> Tuple[Tensor, Tensor]:
        """Reconstruct images."""
        pred, _ = self.model.reconstruct(images, is_masked)
        hidden = is_masked[:, None].repeat_interleave(self.patch, 2)
        return (self.model.head.to_images(pred, images),
                hidden.repeat_interleave(self.patch, 3))


class ExactPool(nn.AdaptiveAvgPool2d):
    """Adaptive average pooling that every runtime computes right.

    Exporters write it only where its output divides the map; in an export it
    is two products with matrices of averages, for maps of any size.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Average the maps (N, C, H, W) over ``output_size`` bins."""
        size = self.output_size
        rows, columns = size if isinstance(size, tuple) else (size, size)
        if not is_exporting() or rows == columns == 1:
            return super().forward(x)
        return _averages(rows, x.shape[2], x) @ x @ _averages(
            columns, x.shape[3], x).T


def _averages(bins: int, length: int, x: Tensor) -> Tensor:
    """Make the matrix (bins, length) whose rows average a bin each."""
    starts = torch.arange(bins, device=x.device)[:, None] * length
    ends = (starts + length + bins - 1) // bins
    starts = starts // bins
    places = torch.arange(length, device=x.device)
    inside = (places >= starts) & (places < ends)
    return inside.to(x.dtype) / (ends - starts)


def exact_pools(model: nn.Module) -> None:
    """Let the adaptive average pools of a model be ``ExactPool``."""
    for module in model.modules():
        if type(module) is nn.AdaptiveAvgPool2d:
            module.__class__ = ExactPool
