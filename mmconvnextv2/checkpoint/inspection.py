"""What network a state dict is of, and whether it is whole."""
import re
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from mmconvnextv2.models.backbones.arch import ARCHS, resolve_arch
from .errors import CheckpointError, compare, sample

_BLOCK = re.compile(r'stages\.(\d+)\.(\d+)\.')


class Network(NamedTuple):
    """The arguments of a backbone, and what goes with it.

    Attributes:
        depths (tuple[int]): Blocks of each stage.
        channels (tuple[int]): Channels of each stage.
        in_channels (int): Channels of the image.
        patch_size (int): Stride of the stem.
        has_grn (bool): Whether blocks have GRN.
        has_scale (bool): Whether blocks have LayerScale.
        norms (tuple[int]): Stages with an output norm.
        num_classes (int, optional): Classes of a classifier's head.
        has_decoder (bool): Whether FCMAE's decoder is there.
    """

    depths: Tuple[int, ...]
    channels: Tuple[int, ...]
    in_channels: int
    patch_size: int
    has_grn: bool
    has_scale: bool
    norms: Tuple[int, ...]
    num_classes: Optional[int]
    has_decoder: bool

    @property
    def name(self) -> str:
        """Its name in ``ARCHS``, or 'own'."""
        own = (self.depths, self.channels)
        return next((x for x in ARCHS if resolve_arch(x) == own), 'own')

    def describe(self) -> str:
        """The network in a line."""
        version = 'ConvNeXt V2' if self.has_grn else 'ConvNeXt'
        text = (f'{version} {self.name} (depths {list(self.depths)}, channels '
                f'{list(self.channels)}), {self.in_channels} input channels')
        if self.num_classes is not None:
            text += f', {self.num_classes} classes'
        return text + (", FCMAE's decoder" if self.has_decoder else '')


def backbone_of(state: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """The backbone in a state dict of ours, names without ``backbone.``."""
    return {
        name[len('backbone.'):]: value
        for name, value in state.items() if name.startswith('backbone.')
    }


def inspect(state: Mapping[str, Tensor]) -> Network:
    """Read the architecture off a state dict.

    Args:
        state (Mapping[str, Tensor]): Our names and layouts.

    Raises:
        CheckpointError: If it lacks what the architecture is read off.
    """
    own = backbone_of(state)
    blocks = [(int(m[1]), int(m[2])) for m in map(_BLOCK.match, own) if m]
    stages = range(1 + max((stage for stage, _ in blocks), default=-1))
    try:
        stem = own['downsample_layers.0.0.weight']
        channels = tuple(
            own[f'stages.{i}.0.norm.weight'].numel() for i in stages)
        in_channels, patch_size = stem.shape[1:3]
    except (KeyError, ValueError) as error:
        raise CheckpointError(
            f'the backbone is not whole: {error} is missing or of a wrong '
            f'size; found {sample(own)}') from error
    head = state.get('head.fc.weight')
    return Network(
        tuple(1 + max(b for s, b in blocks if s == i) for i in stages),
        channels, in_channels, patch_size,
        any('.grn.' in name for name in own),
        'stages.0.0.gamma' in own,
        tuple(i for i in stages if f'norm{i}.weight' in own),
        None if head is None else len(head), 'neck.mask_token' in state)


def check(state: Mapping[str, Tensor]) -> Network:
    """Check that the backbone in a state dict is whole, and FCMAE's decoder.

    Args:
        state (Mapping[str, Tensor]): Our names and layouts.

    Returns:
        Network: What it is.

    Raises:
        CheckpointError: If something is missing, unknown or of a wrong size.
    """
    network = inspect(state)
    with torch.device('meta'):
        expected = _expected(network, state)
    parts = {
        name: value
        for name, value in state.items() if name.startswith('backbone.') or
        (network.has_decoder and name.startswith('neck.'))
    }
    found = compare(expected, parts)
    if any(found):
        raise CheckpointError(f'it is not a whole {network.describe()}:' +
                              found.describe())
    return network


def _expected(network: Network, state: Mapping[str,
                                               Tensor]) -> Dict[str, Tensor]:
    """The state dict that such a network has."""
    # The models use this package to load weights.
    from mmconvnextv2.models import ConvNeXtV2, FCMAEDecoder
    backbone = ConvNeXtV2(
        dict(depths=network.depths, channels=network.channels),
        in_channels=network.in_channels,
        stem_patch_size=network.patch_size,
        use_grn=network.has_grn,
        layer_scale_init_value=float(network.has_scale),
        out_indices=network.norms or -1,
        final_norm=bool(network.norms))
    parts = {'backbone.': backbone}
    if network.has_decoder:
        blocks = [
            int(name.split('.')[2]) for name in state
            if name.startswith('neck.decoder.')
        ]
        parts['neck.'] = FCMAEDecoder(
            network.channels[-1],
            state['neck.mask_token'].numel(),
            depth=1 + max(blocks, default=-1),
            patch_size=backbone.stride,
            out_channels=network.in_channels)
    return {
        prefix + name: value
        for prefix, module in parts.items()
        for name, value in module.state_dict().items()
    }
