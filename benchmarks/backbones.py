"""The dense backbones that benchmarks/backbone.py compares.

All compute the same function of the same weights: images (N, 3, H, W) to
LayerNorm of the last stage's mean, (N, C). None of the peers' code is part of
this repository.
"""
import copy
import importlib.util
import sys
import types
from pathlib import Path
from typing import Callable, Dict, Optional

import torch
from devices import by_triton
from torch import Tensor, nn

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.checkpoint import from_ours

OURS = 'mmconvnextv2'
Model = Callable[[Tensor], Tensor]


class Contender:
    """A model and how it is called.

    Args:
        model (nn.Module): The backbone.
        encode (callable, optional): (N, 3, H, W) to (N, C). Defaults to the
            model itself.
        channels_last (bool): Whether model and images are to be in
            channels-last memory. Defaults to False.
    """

    def __init__(self,
                 model: nn.Module,
                 encode: Optional[Model] = None,
                 channels_last: bool = False) -> None:
        self.memory_format = (
            torch.channels_last if channels_last else torch.contiguous_format)
        model.train()
        self.model = model.to(memory_format=self.memory_format)
        self._encode = encode or model

    def __call__(self, images: Tensor) -> Tensor:
        y = self._encode(images)
        return y[-1] if isinstance(y, tuple) else y

    def accepts(self, images: Tensor) -> Tensor:
        """The images in the memory format that the model wants."""
        return images.contiguous(memory_format=self.memory_format)


def ours(arch: str) -> ConvNeXtV2:
    """Our backbone, with GRN that does something."""
    model = ConvNeXtV2(arch)
    for name, parameter in model.named_parameters():
        if 'grn' in name:
            nn.init.normal_(parameter, std=0.1)
    return model


def contenders(model: ConvNeXtV2, arch: str,
               official: Optional[Path]) -> Dict[str, Contender]:
    """Ours and the peers, holding the weights of ``model``.

    Args:
        model (ConvNeXtV2): Ours.
        arch (str): Its name.
        official (Path, optional): Checkout of the papers' code.

    Returns:
        dict[str, Contender]: By name, ours first.
    """
    found = {
        OURS: Contender(model),
        'mmpretrain': _mmpretrain(model, arch),
        'mmpretrain, channels-last': _mmpretrain(model, arch, True),
        'timm, channels-last': _timm(model, arch),
        'Hugging Face': _hugging_face(model),
        'Hugging Face, channels-last': _hugging_face(model, True),
    }
    if official:
        found['official'] = _official(model, official)
        found['official, channels-last'] = _official(model, official, True)
    return found


def compiled(model: ConvNeXtV2, arch: str) -> Dict[str, Contender]:
    """Ours and timm's with every block compiled, by name.

    Blocks of a stage share what is compiled, for each size and type.
    """
    torch.compiler.reset()
    return {
        # First, for it raises PyTorch's limit of eight compilations: there are
        # four stages, with gradients and without, in two precisions, once
        # checked and once timed.
        f'{OURS}, torch.compile': _with_compiled_blocks(
            Contender(copy.deepcopy(model))),
        'timm, channels-last, torch.compile': _with_compiled_blocks(
            _timm(model, arch)),
    }


def triton(contender: Contender) -> Contender:
    """The same model by our Triton kernels."""
    return Contender(contender.model, by_triton(contender.model))


def _with_compiled_blocks(contender: Contender) -> Contender:
    for module in contender.model.modules():
        if type(module).__name__ in ('ConvNeXtV2Block', 'ConvNeXtBlock'):
            module.compile(dynamic=False)
    return contender


def _mmpretrain(model: ConvNeXtV2, arch: str,
                channels_last: bool = False) -> Contender:
    from mmpretrain.models import ConvNeXt
    theirs = ConvNeXt(arch, use_grn=True, layer_scale_init_value=0.)
    _load(theirs, model.state_dict())
    return Contender(theirs, channels_last=channels_last)


def _timm(model: ConvNeXtV2, arch: str) -> Contender:
    import timm
    theirs = timm.create_model(f'convnextv2_{arch}', num_classes=0)
    _load(theirs, _translated(model, 'timm'))
    return Contender(theirs, channels_last=True)


def _hugging_face(model: ConvNeXtV2,
                  channels_last: bool = False) -> Contender:
    from transformers import ConvNextV2Config, ConvNextV2Model
    theirs = ConvNextV2Model(
        ConvNextV2Config(depths=model.depths, hidden_sizes=model.channels))
    _load(theirs, _translated(model, 'huggingface'))
    return Contender(theirs, lambda x: theirs(x).pooler_output, channels_last)


def _official(model: ConvNeXtV2, checkout: Path,
              channels_last: bool = False) -> Contender:
    package = types.ModuleType('official_models')
    package.__path__ = [str(checkout / 'models')]
    sys.modules['official_models'] = package
    # Imported beside the layers that the dense model needs, not used by them.
    sparse = sys.modules.setdefault('MinkowskiEngine',
                                    types.ModuleType('MinkowskiEngine'))
    sparse.__getattr__ = lambda name: nn.Module
    spec = importlib.util.find_spec('official_models.convnextv2')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    theirs = module.ConvNeXtV2(depths=model.depths, dims=model.channels)
    _load(theirs, _translated(model, 'official'))
    return Contender(theirs, theirs.forward_features, channels_last)


def _translated(model: ConvNeXtV2, target: str) -> Dict[str, Tensor]:
    state = {f'backbone.{k}': v for k, v in model.state_dict().items()}
    return {
        name.partition('convnextv2.')[2] or name: value
        for name, value in from_ours(state, target).state.items()
    }


def _load(model: nn.Module, state: Dict[str, Tensor]) -> None:
    model.to(next(iter(state.values())).device)
    missing, unexpected = model.load_state_dict(state, strict=False)
    missing = [name for name in missing if not name.startswith('head.')]
    if missing or unexpected:
        raise RuntimeError(f'{type(model).__name__}: missing {missing}, '
                           f'unexpected {unexpected}')
