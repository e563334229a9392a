"""Export a backbone or a classifier to ONNX and to ``torch.export``."""
import json
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple, Union

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from mmconvnextv2.models import ConvNeXtV2
from .tasks import CLASSIFICATION, recognise_task
from .weights import load_backbone, load_whole

# What protobuf can hold in one file, less some room.
_ONE_FILE = 2**31 - 2**24  # bytes
_METADATA = 'mmconvnextv2.json'


class Served(nn.Module):
    """A model with nothing but images as its argument.

    Args:
        model (nn.Module): A backbone, or a classifier.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Union[Tensor, Tuple[Tensor, ...]]:
        """Feature maps, or scores before the softmax, of (N, C, H, W)."""
        return self.model(images)


class Job(NamedTuple):
    """What is exported.

    Attributes:
        model (Served): In evaluation mode, on the CPU.
        stride (int): Least height and width of an image, in pixels.
        channels (int): Channels of an image.
        outputs (tuple[str]): Names of the outputs.
        metadata (dict): What a user of the file has to know, for JSON.
    """

    model: Served
    stride: int
    channels: int
    outputs: Tuple[str, ...]
    metadata: Dict[str, Any]


def build_job(cfg: Config, checkpoint: Optional[str] = None) -> Job:
    """Build what a config has to export: its classifier, or its backbone.

    Args:
        cfg (Config): The config of a classifier, or of any model on
            ``ConvNeXtV2``, of which the backbone is taken.
        checkpoint (str, optional): Path or URL. By default weights stay
            random.

    Raises:
        ValueError: If there is no ``ConvNeXtV2``.
        FileNotFoundError: If there is no such checkpoint.
        CheckpointError: If it does not fit.
    """
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    is_classifier = _is_classifier(cfg)
    model = MODELS.build(cfg.model if is_classifier else cfg.model.backbone)
    backbone = model.backbone if is_classifier else model
    if not isinstance(backbone, ConvNeXtV2):
        raise ValueError('the backbone must be ConvNeXtV2, got '
                         f'{type(backbone).__name__}')
    if checkpoint is not None:
        (load_whole if is_classifier else load_backbone)(model, checkpoint)
    outputs = ('scores', ) if is_classifier else tuple(
        f'stage{i}' for i in backbone.out_indices)
    metadata = dict(
        part='classifier' if is_classifier else 'backbone',
        least_size=backbone.stride,
        outputs=outputs,
        preprocessing=_preprocessing(cfg))
    channels = backbone.downsample_layers[0][0].in_channels
    return Job(
        Served(model).eval().requires_grad_(False), backbone.stride, channels,
        outputs, metadata)


def _is_classifier(cfg: Config) -> bool:
    try:
        return recognise_task(cfg) == CLASSIFICATION
    except ValueError:  # Any other model has a backbone, too.
        return False


def _preprocessing(cfg: Config) -> Dict[str, Any]:
    """How images are prepared: channel order, then (x - mean) / std."""
    found = cfg.model.get('data_preprocessor') or cfg.get(
        'data_preprocessor') or {}
    is_rgb = found.get('to_rgb', found.get('bgr_to_rgb', False))
    return dict(
        channels='RGB' if is_rgb else 'BGR',
        mean=list(found.get('mean') or []),
        std=list(found.get('std') or []))


def to_torch_export(job: Job, images: Tensor, path: Path,
                    is_dynamic: bool) -> None:
    """Write a file of ``torch.export``, .pt2.

    Args:
        job (Job): What to export.
        images (Tensor): (N, C, H, W), the shape of the inputs; with
            ``is_dynamic`` an example, N and the last map's sides above 1.
        path (Path): Where to.
        is_dynamic (bool): Whether N, H and W may vary; H and W must be at
            least twice the stride then.
    """
    shapes = dict(images=_dimensions(job)) if is_dynamic else None
    with torch.no_grad():
        program = torch.export.export(
            job.model, (images, ), dynamic_shapes=shapes, strict=False)
    metadata = {**job.metadata, 'least_size': _least_traced(job)}
    torch.export.save(
        program, str(path), extra_files={_METADATA: json.dumps(metadata)})


def _least_traced(job: Job) -> int:
    """Least side, in pixels, that PyTorch can trace as a variable.

    The last map then has 2 sites: with one, memory formats are ambiguous.
    """
    return 2 * job.stride


def _dimensions(job: Job) -> Dict[int, Any]:
    dim = torch.export.Dim
    return {
        0: dim('batch'),
        2: dim('height', min=_least_traced(job)),
        3: dim('width', min=_least_traced(job))
    }


def to_onnx(job: Job, images: Tensor, path: Path, is_dynamic: bool,
            opset: Optional[int]) -> None:
    """Write an ONNX file; see ``to_torch_export``.

    With ``is_dynamic`` the file takes all images that the model takes.
    Weights of 2 GiB and more go to a second file, with '.data' at the end of
    its name.

    Args:
        opset (int, optional): Version of ONNX's operators. By default what
            PyTorch prefers.
    """
    shapes = dict(images=_dimensions(job)) if is_dynamic else None
    with torch.no_grad():
        program = torch.onnx.export(
            job.model, (images, ),
            input_names=['images'],
            output_names=list(job.outputs),
            opset_version=opset,
            dynamic_shapes=shapes,
            dynamo=True,
            verbose=False)
    for key, value in job.metadata.items():
        program.model.metadata_props[key] = json.dumps(value)
    size = sum(x.numel() * x.element_size()
               for x in job.model.state_dict().values())
    program.save(str(path), external_data=size > _ONE_FILE)
