"""What a backbone or neck gives, found by running it on blank images."""
import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import torch
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn

from mmconvnextv2.config.walk import type_name
from mmconvnextv2.errors import CommandError
from mmconvnextv2.text import first_of

# Height, width in pixels: what persons are cut out to for re-identification,
# and what networks of a fixed size take.
_IMAGES = [(256, 128), (224, 224), (256, 256), (384, 384), (512, 512),
           (32, 32)]
# Sizes that whole models are tried with.
_TRIED = [(256, 128), (512, 512)]
# Devices to build on and to run on. 'meta' computes shapes alone, which takes
# neither memory nor time, but not all operators can be asked so.
_WAYS = (('meta', 'meta'), ('cpu', 'meta'), ('cpu', 'cpu'))
_T = TypeVar('_T')


class Outputs(NamedTuple):
    """Shapes of outputs, such as (N, C, H, W) or (N, C), and of the image."""

    shapes: list[tuple[int, ...]]
    image: tuple[int, ...]

    @property
    def channels(self) -> list[int]:
        """Channels of each output."""
        return [shape[1] for shape in self.shapes]

    @property
    def strides(self) -> list[int]:
        """Pixels per site, 0 for a vector."""
        return [round(self.image[2] / shape[2]) if len(shape) == 4 else 0
                for shape in self.shapes]

    @property
    def are_maps(self) -> bool:
        """Whether all are maps."""
        return all(len(shape) == 4 for shape in self.shapes)

    def only(self, levels: list[int]) -> 'Outputs':
        """Leave the others out."""
        return Outputs([self.shapes[i] for i in levels], self.image)


def run_backbone(cfg: Mapping, scope: str) -> Outputs:
    """Run a backbone on the first size of image that it takes.

    Raises:
        CommandError: If it takes none of them, or gives other outputs in
            training than in prediction, or other things than tensors.
    """
    own = cfg.get('img_size')
    own = (own, own) if isinstance(own, int) else own
    error = None
    for size in ([tuple(own)] if own else []) + _IMAGES:
        image = (2, cfg.get('in_channels', 3), *size)

        def use(part: nn.Module, image: tuple = image) -> list:
            outputs = []
            for mode in (True, False):
                part.train(mode)  # Many backbones return nothing here.
                outputs.append(_shapes(part, part(torch.zeros(image))))
            return outputs

        try:
            with torch.no_grad():
                training, prediction = _built(cfg, scope, use)
        except CommandError as reason:
            if isinstance(reason.__cause__, (TypeError, type(None))):
                raise  # Of its arguments or outputs, whatever the image.
            error = error or reason
            continue
        if training != prediction:
            raise CommandError(
                f'{type_name(cfg)} gives other outputs in training than in '
                'prediction: it is more than a backbone')
        return Outputs(prediction, image)
    raise error


def run_neck(cfg: Mapping, scope: str,
             given: Outputs) -> tuple[Outputs, list[int]]:
    """Run a neck on outputs of a backbone or of another neck.

    Returns what it gives, and which of the outputs given it reads.
    """

    def use(part: nn.Module) -> tuple[Outputs, list[int]]:
        part.train()
        for factor in (1, 4):  # Some kernels are larger than a small map.
            number, channels, *sides = given.image
            image = (number, channels, *(x * factor for x in sides))
            inputs = tuple(
                torch.zeros(*x[:2], *(side * factor for side in x[2:]),
                            requires_grad=True) for x in given.shapes)
            try:
                outputs = part(inputs)
                break
            except RuntimeError as error:
                failure = error
        else:
            raise failure
        total = sum(x.sum() for x in listed(outputs))
        gradients = torch.autograd.grad(total, inputs, allow_unused=True)
        return Outputs(_shapes(part, outputs), image), [
            i for i, x in enumerate(gradients) if x is not None]

    return _built(cfg, scope, use)


def run_model(cfg: Mapping, scope: str) -> None:
    """Build a config's model and run what needs no annotations of it.

    Segmentors and classifiers run whole; of detectors, backbone and neck.

    Raises:
        CommandError: If that fails.
    """
    model = dict(cfg['model'])
    if cfg.get('data_preprocessor'):  # As mmpretrain's runs do.
        model.setdefault('data_preprocessor', cfg['data_preprocessor'])
    own = (model.get('data_preprocessor') or {}).get('size')

    def use(built: nn.Module) -> None:
        built.eval()
        sizes = [own] if own and scope == 'mmseg' else _TRIED
        if not torch.empty(0).is_meta:
            sizes = _TRIED[:1]
        for size in sizes:
            try:
                return _run_whole(built, scope, size)
            except RuntimeError as error:  # Too small for its kernels.
                failure = error
        raise failure

    with torch.no_grad():
        _built(model, scope, use)


def _run_whole(model: nn.Module, scope: str, size: tuple[int, int]) -> None:
    backbone = getattr(model, 'backbone', None)
    image = torch.zeros(2, getattr(backbone, 'in_channels', 3), *size)
    if scope == 'mmpretrain':
        model(image, mode='tensor')
    elif scope == 'mmseg':
        meta = dict(img_shape=size, ori_shape=size, pad_shape=size)
        model.encode_decode(image, [meta] * 2)
        others = getattr(model, 'auxiliary_head', None) or []
        many = isinstance(others, nn.ModuleList)
        for head in others if many or not others else [others]:
            head(model.extract_feat(image))
    else:
        getattr(model, 'detector', model).extract_feat(image)


def _built(cfg: Mapping, scope: str, use: Callable[[nn.Module], _T]) -> _T:
    """Build a part and use it, on the first devices where that works."""
    for built_on, device in _WAYS:
        try:
            with DefaultScope.overwrite_default_scope(scope):
                with torch.device(built_on):
                    part = MODELS.build(copy.deepcopy(cfg))
                with torch.device(device):
                    return use(part if built_on == device else part.to(device))
        except CommandError:
            raise
        except Exception as error:
            failure = error
    lines = str(failure).strip().splitlines() or ['']
    raise CommandError(
        f'{type_name(cfg)} cannot be built, or run on images or maps alone: '
        f'{type(failure).__name__}: {lines[0][:200]}') from failure


def listed(given: Any) -> list:
    """Make a list of one or several."""
    return list(given) if isinstance(given, (tuple, list)) else [given]


def _shapes(part: nn.Module, outputs: Any) -> list[tuple[int, ...]]:
    given = listed(outputs)
    if not given or not all(
            isinstance(x, Tensor) and x.ndim > 1 for x in given):
        found = first_of(f'{type(x).__name__} {tuple(x.shape)}' if isinstance(
            x, Tensor) else type(x).__name__ for x in given)
        raise CommandError(
            f'{type(part).__name__} gives {found}; ConvNeXt V2 gives maps, or '
            'one vector an image')
    return [tuple(x.shape) for x in given]
