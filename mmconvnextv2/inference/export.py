"""Export of a backbone or a classifier to ONNX and to ``torch.export``."""
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from mmconvnextv2.analysis.models import normalization_of
from mmconvnextv2.config.walk import type_name
from mmconvnextv2.models import ConvNeXtV2
from .weights import load_whole

FORMATS = ('onnx', 'torch_export')
# The most that protobuf can hold in one file, with some room left.
_ONE_FILE = 2**31 - 2**24  # bytes
_METADATA = 'mmconvnextv2.json'


class Export:
    """Export the classifier of a config, or else the backbone.

    A classifier returns scores before the softmax, a backbone its feature
    maps. Both take normalised images.

    Args:
        cfg (Config): A config of a model with a ``ConvNeXtV2``.
        checkpoint (str, optional): Path or URL of the weights. Defaults to
            None, random ones.
        kind (str): One of ``FORMATS``. Defaults to 'onnx'.
        shape (tuple[int, int]): Height and width of the images, in pixels.
            Defaults to (224, 224).
        is_dynamic (bool): Whether batch, height and width may vary. Defaults
            to False: the batch is 1, the size ``shape``.
        opset (int, optional): Version of the operators of ONNX. Defaults to
            None, PyTorch's choice.

    Attributes:
        model (nn.Module): In evaluation mode, on the CPU.
        outputs (tuple[str]): Names of the outputs.
        metadata (dict): ``part``, ``least_size`` (of a side, in pixels),
            ``outputs`` and ``preprocessing``: the order of channels, mean and
            standard deviation.

    Raises:
        ValueError: If the backbone is not ``ConvNeXtV2``, ``shape`` is too
            small, or the checkpoint does not fit.
    """

    def __init__(self, cfg: Config, checkpoint: Optional[str] = None,
                 kind: str = 'onnx', shape: Tuple[int, int] = (224, 224),
                 is_dynamic: bool = False,
                 opset: Optional[int] = None) -> None:
        self.kind, self.is_dynamic, self.opset = kind, is_dynamic, opset
        is_classifier = type_name(cfg.model) == 'ImageClassifier'
        self.model, backbone = _build(cfg, is_classifier)
        # A side that varies in tracing leaves the last map 2 sites at least:
        # with 1, memory formats are ambiguous.
        self._least_traced = backbone.stride * (2 if is_dynamic else 1)
        if min(shape) < self._least_traced:
            raise ValueError(f'shape must be at least {self._least_traced} in '
                             f'both directions, got {tuple(shape)}')
        if checkpoint is not None:
            load_whole(self.model, checkpoint)
        channels = backbone.downsample_layers[0][0].in_channels
        self._images = torch.randn(2 if is_dynamic else 1, channels, *shape)
        self.outputs = ('scores', ) if is_classifier else tuple(
            f'stage{i}' for i in backbone.out_indices)
        self.metadata = dict(
            part='classifier' if is_classifier else 'backbone',
            least_size=backbone.stride * (1 if kind == 'onnx' else 2),
            outputs=self.outputs,
            preprocessing=_preprocessing(cfg))

    @torch.no_grad()
    def write(self, path: Path) -> None:
        """Write the file.

        ONNX weights of 2 GiB and more go to a second file, whose name ends
        with '.data'.
        """
        dim, least, shapes = torch.export.Dim, self._least_traced, None
        if self.is_dynamic:
            height, width = dim('height', min=least), dim('width', min=least)
            shapes = ({0: dim('batch'), 2: height, 3: width}, )
        if self.kind == 'onnx':
            self._write_onnx(path, shapes)
            return
        program = torch.export.export(
            self.model, (self._images, ), dynamic_shapes=shapes, strict=False)
        metadata = {_METADATA: json.dumps(self.metadata)}
        torch.export.save(program, str(path), extra_files=metadata)

    def _write_onnx(self, path: Path, shapes: Optional[tuple]) -> None:
        program = torch.onnx.export(
            self.model, (self._images, ),
            input_names=['images'],
            output_names=list(self.outputs),
            opset_version=self.opset,
            dynamic_shapes=shapes,
            dynamo=True,
            verbose=False)
        for key, value in self.metadata.items():
            program.model.metadata_props[key] = json.dumps(value)
        size = sum(x.numel() * x.element_size()
                   for x in self.model.state_dict().values())
        program.save(str(path), external_data=size > _ONE_FILE)

    def compare(self, path: Path) -> Dict[Tuple[int, ...], float]:
        """Run a written file and the model on the same random images.

        Returns:
            dict: For each input shape, the largest absolute difference of an
            output, divided by the largest absolute value of that output where
            that is more than 1; infinite if shapes differ, NaN if a value is.

        Raises:
            ModuleNotFoundError: If an ONNX file meets no onnxruntime.
        """
        run = _open_onnx(path) if self.kind == 'onnx' else (
            torch.export.load(str(path)).module())
        shapes = [tuple(self._images.shape)]
        if self.is_dynamic:
            least, channels = self.metadata['least_size'], shapes[0][1]
            shapes += [(1, channels, least, least),
                       (1, channels, least, 2 * least + 1),
                       (3, channels, 3 * least - 1, 2 * least + 5)]
        return {x: _largest_difference(run, self.model, x) for x in shapes}


def _build(cfg: Config, whole: bool) -> Tuple[nn.Module, ConvNeXtV2]:
    """Build the model to export, with random weights, and its backbone."""
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    model = MODELS.build(cfg.model if whole else cfg.model.backbone)
    backbone = model.backbone if whole else model
    if not isinstance(backbone, ConvNeXtV2):
        raise ValueError('the backbone must be ConvNeXtV2, got '
                         f'{type(backbone).__name__}')
    return model.eval().requires_grad_(False), backbone


def _preprocessing(cfg: Config) -> Dict[str, Any]:
    given = normalization_of(cfg)
    return dict(channels='RGB' if given['bgr_to_rgb'] else 'BGR',
                mean=list(given['mean'] or []), std=list(given['std'] or []))


def _open_onnx(path: Path) -> Callable[[Tensor], List[Tensor]]:
    import onnxruntime
    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider'])
    return lambda images: list(
        map(torch.from_numpy, session.run(None, dict(images=images.numpy()))))


@torch.no_grad()
def _largest_difference(run: Callable, model: nn.Module,
                        shape: Tuple[int, ...]) -> float:
    generator = torch.Generator().manual_seed(sum(shape))
    images = torch.randn(shape, generator=generator)
    found, expected = ([x] if isinstance(x, Tensor) else list(x)
                       for x in (run(images), model(images)))
    if [x.shape for x in found] != [x.shape for x in expected]:
        return float('inf')
    # Unlike Python's, the maximum of PyTorch keeps NaN.
    return torch.stack([(a - b).abs().max() / b.abs().max().clamp(min=1)
                        for a, b in zip(found, expected)]).max().item()
