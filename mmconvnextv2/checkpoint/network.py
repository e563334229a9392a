"""Read the network off a state dict, and check that it is whole."""
import re
from collections import Counter
from typing import Any, Dict, Mapping, NamedTuple, Optional

import torch
from torch import Tensor

from mmconvnextv2.models import ConvNeXtV2, FCMAEDecoder
from mmconvnextv2.models.backbones.arch import ARCHS, resolve_arch
from mmconvnextv2.text import first_of
from .errors import CheckpointError, compare

_BACKBONE = 'backbone.'
_BLOCK = re.compile(r'stages\.(\d+)\.(\d+)\.')


class Network(NamedTuple):
    """Hold the arguments of the models that a state dict fits."""

    backbone: Dict[str, Any]  # of ConvNeXtV2
    decoder: Optional[Dict[str, Any]]  # of FCMAEDecoder
    num_classes: Optional[int]  # of a classifier's head

    @property
    def name(self) -> str:
        """Name in ``ARCHS``, or 'own' if it is none of these."""
        arch = resolve_arch(self.backbone['arch'])
        return next((x for x in ARCHS if resolve_arch(x) == arch), 'own')

    def describe(self) -> str:
        """Describe the network in a line."""
        arch = self.backbone['arch']
        version = 'ConvNeXt V2' if self.backbone['use_grn'] else 'ConvNeXt'
        text = (f"{version} {self.name} (depths {arch['depths']}, channels "
                f"{arch['channels']}), {self.backbone['in_channels']} input "
                'channels')
        if self.num_classes is not None:
            text += f', {self.num_classes} classes'
        return text + (", FCMAE's decoder" if self.decoder else '')


def backbone_of(state: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """Take the backbone out of a state dict, without ``backbone.``."""
    return {
        name.removeprefix(_BACKBONE): value
        for name, value in state.items() if name.startswith(_BACKBONE)
    }


def inspect(state: Mapping[str, Tensor]) -> Network:
    """Read the architecture off a state dict in this package's names.

    Raises:
        CheckpointError: If weights that tell the architecture are missing.
    """
    own = backbone_of(state)
    blocks = {match.groups() for match in map(_BLOCK.match, own) if match}
    counts = Counter(stage for stage, _ in blocks)
    stages = range(len(counts))
    try:
        stem = own['downsample_layers.0.0.weight']
        in_channels, patch_size = stem.shape[1:3]
        channels = [own[f'stages.{i}.0.norm.weight'].numel() for i in stages]
    except (KeyError, ValueError) as error:
        raise CheckpointError(
            f'the backbone is not whole: {error} is missing or of a wrong '
            f'size; found {first_of(own)}') from error
    norms = tuple(i for i in stages if f'norm{i}.weight' in own)
    backbone = dict(
        arch=dict(depths=[counts[str(i)] for i in stages], channels=channels),
        in_channels=in_channels,
        stem_patch_size=patch_size,
        stem_norm='downsample_layers.0.1.weight' in own,
        use_grn=any('.grn.' in name for name in own),
        layer_scale_init_value=float('stages.0.0.gamma' in own),
        out_indices=norms or -1,
        final_norm=bool(norms))
    decoder = None
    if 'neck.mask_token' in state:
        decoder = dict(
            in_channels=channels[-1],
            decoder_channels=state['neck.mask_token'].numel(),
            depth=len({x.split('.')[2] for x in state
                       if x.startswith('neck.decoder.')}),
            patch_size=patch_size * 2**(len(stages) - 1),
            out_channels=in_channels)
    head = state.get('head.fc.weight')
    return Network(backbone, decoder, None if head is None else len(head))


def check(state: Mapping[str, Tensor]) -> Network:
    """Check that the backbone in a state dict is whole, and FCMAE's decoder.

    Args:
        state (Mapping[str, Tensor]): Names and layouts of this package.

    Returns:
        Network: The network that the state dict is of.

    Raises:
        CheckpointError: If something is missing, unknown or of a wrong size.
    """
    network = inspect(state)
    with torch.device('meta'):
        parts = {_BACKBONE: ConvNeXtV2(**network.backbone)}
        if network.decoder:
            parts['neck.'] = FCMAEDecoder(**network.decoder)
    expected = {
        prefix + name: value
        for prefix, module in parts.items()
        for name, value in module.state_dict().items()
    }
    # A head of integers is no head.
    expected.update({name: value.float() for name, value in state.items()
                     if name.startswith('head.fc.')})
    found = compare(expected, {
        name: value for name, value in state.items()
        if name.startswith((*parts, 'head.fc.'))
    })
    if any(found):
        raise CheckpointError(f'it is not a whole {network.describe()}:' +
                              found.describe())
    return network
