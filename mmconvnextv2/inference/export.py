"""Export of models to ONNX, to OpenVINO and to ``torch.export``."""
import contextlib
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor

from mmconvnextv2.checkpoint.pretrained import load_whole
from mmconvnextv2.config.walk import normalization_of, part_at, type_name
from mmconvnextv2.models import ConvNeXtV2
from . import export_files
from .classes import find_classes
from .export_graphs import Graph, ReconstructionGraph, SegmentorGraph
from .predict import recognise_task

_PARTS = dict(classification='classifier', detection='detector',
              segmentation='segmentor', reconstruction='reconstructor')


class Export:
    """Export the model of a config, or its backbone alone.

    A classifier returns scores before the softmax, a backbone its feature
    maps, a segmentor classes and scores of pixels, a detector boxes, FCMAE
    images. All take normalised images, and FCMAE a mask.

    Args:
        cfg (Config): A config of a model with a ``ConvNeXtV2``.
        checkpoint (str, optional): Path or URL of the weights. Defaults to
            None, random ones.
        kind (str): One of ``export_files.FORMATS``. Defaults to 'onnx'.
        shape (tuple[int, int]): Height and width of the images, in pixels.
            Defaults to (224, 224).
        is_dynamic (bool): Whether batch, height and width may vary. Defaults
            to False: the batch is 1, the size ``shape``. A detector takes one
            image at a time.
        opset (int, optional): Version of the operators of ONNX. Defaults to
            None, PyTorch's choice.
        is_whole (bool): Whether to export the whole model. Defaults to True.

    Attributes:
        graph (Graph): What is exported, on the CPU.
        metadata (dict): ``part``, ``least_size`` (of a side, in pixels),
            ``inputs``, ``outputs``, ``preprocessing`` (the order of channels,
            mean, standard deviation, and the steps before them), ``classes``
            (their names) and ``settings`` (thresholds and the like).

    Raises:
        ValueError: If the backbone is not ``ConvNeXtV2``, ``shape`` does not
            suit the model, the model is of a kind that is not exported, or
            the checkpoint does not fit.
    """

    def __init__(self, cfg: Config, checkpoint: Optional[str] = None,
                 kind: str = 'onnx', shape: Tuple[int, int] = (224, 224),
                 is_dynamic: bool = False, opset: Optional[int] = None,
                 is_whole: bool = True) -> None:
        self.kind, self.is_dynamic, self.opset = kind, is_dynamic, opset
        part = _PARTS[recognise_task(cfg)] if is_whole else 'backbone'
        self.graph, backbone = _build(cfg, part)
        patch = self.graph.patch
        # A side that varies in tracing leaves the last map 2 sites at least:
        # with 1, memory formats are ambiguous.
        self._least_traced = 2 * max(
            backbone.stride, self.graph.stride) if is_dynamic else (
                backbone.stride)
        if min(shape) < self._least_traced or any(x % patch for x in shape):
            multiple = f', a multiple of {patch}' if patch > 1 else ''
            raise ValueError(f'shape must be at least {self._least_traced}'
                             f'{multiple} in both directions, got '
                             f'{tuple(shape)}')
        meta = {}
        if checkpoint is not None:
            meta = load_whole(self.graph.model, checkpoint)
        batch = self.graph.batch or (2 if is_dynamic else 1)
        self._shape = batch, backbone.in_channels, *shape
        self.metadata = dict(
            part=part,
            least_size=max(2 * patch, backbone.stride
                           * (2 if kind == 'torch_export' else 1)),
            inputs=self.graph.inputs,
            outputs=self.graph.outputs,
            preprocessing=_preprocessing(cfg),
            classes=find_classes(cfg, meta).get('classes', ()),
            settings=self.graph.settings)

    @torch.no_grad()
    def write(self, path: Path) -> None:
        """Write the file; see ``export_files.write``.

        Raises:
            ValueError: If an exporter cannot; names the model and its parts.
        """
        with self._explained('reading the model by torch.export'):
            program = torch.export.export(
                self.graph, self.graph.example(self._shape), strict=False,
                dynamic_shapes=self.graph.dims(self._least_traced)
                if self.is_dynamic else None)
        with self._explained(f'writing {self.kind}'):
            export_files.write(program, path, self.kind, self.metadata,
                                 self.opset)

    @contextlib.contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        """Say what failed; exporters raise errors of many types."""
        try:
            yield
        except Exception as error:
            model, cause = self.graph.model, error
            while cause.__cause__:
                cause = cause.__cause__
            parts = ', '.join(f'{name} ({type(part).__name__})'
                              for name, part in model.named_children())
            raise ValueError(
                f'{action} failed, of {type(model).__name__} with {parts}; '
                '--backbone exports the backbone alone. It says: '
                f'{str(cause).strip().splitlines()[0]}') from error

    @torch.no_grad()
    def compare(self, path: Path) -> Dict[Tuple[int, ...], float]:
        """Run a written file and the model on the same random images.

        Returns:
            dict: For each input shape, ``difference`` of the graph.

        Raises:
            ModuleNotFoundError: If an ONNX file meets no onnxruntime.
            ValueError: If the file does not run.
        """
        with self._explained('running the file'):
            run = export_files.OPEN[self.kind](path)
        shapes = [self._shape]
        if self.is_dynamic:
            least, channels = self.metadata['least_size'], self._shape[1]
            sizes = ((1, least, least), (1, least, 2 * least + 1),
                     (self.graph.batch or 3, 3 * least - 1, 2 * least + 5))
            shapes += [(batch, channels,
                        *(x - x % self.graph.patch for x in size))
                       for batch, *size in sizes]
        return {x: self._difference(run, x) for x in shapes}

    def _difference(self, run: Callable, shape: Tuple[int, ...]) -> float:
        inputs = self.graph.example(shape, sum(shape))
        with self._explained(f'running the file on images {shape}'):
            found = run(*inputs)
        found = [found] if isinstance(found, Tensor) else list(found)
        return self.graph.difference(found, self.graph.reference(*inputs))


def _build(cfg: Config, part: str) -> Tuple[Graph, ConvNeXtV2]:
    """Build the part to export, with random weights, and its backbone."""
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    is_backbone = part == 'backbone'
    given = part_at(cfg, 'model', *['backbone'] * is_backbone)
    if not given:
        raise ValueError('the config has no model.backbone')
    model = MODELS.build(given)
    backbone = model if is_backbone else model.backbone
    if not isinstance(backbone, ConvNeXtV2):
        raise ValueError('the backbone must be ConvNeXtV2, got '
                         f'{type(backbone).__name__}')
    model.eval().requires_grad_(False)
    if is_backbone:
        return Graph(model, [f'stage{i}' for i in model.out_indices]), backbone
    if part == 'detector':
        from .export_detector import DetectorGraph
        return DetectorGraph(model), backbone
    graph = dict(classifier=Graph, segmentor=SegmentorGraph,
                 reconstructor=ReconstructionGraph)[part]
    return graph(model), backbone


def _preprocessing(cfg: Config) -> Dict[str, Any]:
    given = normalization_of(cfg)
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    steps = [{**step, 'type': type_name(step)}
             for step in dataset.get('pipeline', ())]
    return dict(channels='RGB' if given['bgr_to_rgb'] else 'BGR',
                mean=list(given['mean'] or []), std=list(given['std'] or []),
                steps=[x for x in steps
                       if not x['type'].startswith(('Load', 'Pack'))])
