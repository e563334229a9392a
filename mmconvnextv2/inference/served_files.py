"""Run exported files and compare them with the model."""
from pathlib import Path
from typing import List, Tuple, Union

import torch
from torch import Tensor

from .serving import Job


class TorchExportFile:
    """Runs a file of ``torch.export``.

    Args:
        path (Path): The file.
    """

    strides = 2  # of the least side that a file for variable sizes takes

    def __init__(self, path: Path) -> None:
        self._run = torch.export.load(str(path)).module()

    def __call__(self, images: Tensor) -> List[Tensor]:
        """Outputs for (N, C, H, W)."""
        return _as_list(self._run(images))


class ONNXFile:
    """Runs an ONNX file by onnxruntime, on the CPU.

    Args:
        path (Path): The file.

    Raises:
        ModuleNotFoundError: If onnxruntime is not installed.
    """

    strides = 1

    def __init__(self, path: Path) -> None:
        import onnxruntime
        self._session = onnxruntime.InferenceSession(
            str(path), providers=['CPUExecutionProvider'])

    def __call__(self, images: Tensor) -> List[Tensor]:
        """Outputs for (N, C, H, W)."""
        outputs = self._session.run(None, dict(images=images.numpy()))
        return [torch.from_numpy(x) for x in outputs]


def shapes_to_try(job: Job, images: Tensor, strides: int,
                  is_dynamic: bool) -> List[Tuple[int, ...]]:
    """Shapes of inputs that a written file has to cope with."""
    shapes = [tuple(images.shape)]
    if is_dynamic:
        least, channels = strides * job.stride, job.channels
        shapes += [(1, channels, least, least),
                   (1, channels, least, 2 * least + 1),
                   (3, channels, 3 * least - 1, 2 * least + 5)]
    return shapes


def largest_difference(job: Job, run: Union[TorchExportFile, ONNXFile],
                       shape: Tuple[int, ...]) -> float:
    """Compare a written file with the model.

    Returns:
        float: The largest absolute difference of an output, over that
        output's largest absolute value where that is more than 1. Infinite if
        the shapes differ.
    """
    images = torch.randn(
        shape, generator=torch.Generator().manual_seed(sum(shape)))
    with torch.no_grad():
        expected = _as_list(job.model(images))
        found = run(images)
    if [x.shape for x in found] != [x.shape for x in expected]:
        return float('inf')
    return max(
        float((a - b).abs().max() / b.abs().max().clamp(min=1))
        for a, b in zip(found, expected))


def _as_list(outputs: Union[Tensor, Tuple[Tensor, ...]]) -> List[Tensor]:
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)
