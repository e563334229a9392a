"""Read the network off a state dict, and check that it is whole."""
import re
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from mmconvnextv2.models import ConvNeXtV2, FCMAEDecoder
from mmconvnextv2.models.backbones.arch import ARCHS, resolve_arch
from mmconvnextv2.text import first_of
from .errors import CheckpointError, compare

_BACKBONE = 'backbone.'
_BLOCK = re.compile(r'stages\.(\d+)\.(\d+)\.')


class Network(NamedTuple):
    """Hold the arguments of a backbone, and what goes with it.

    Attributes:
        depths (tuple[int]): Blocks of each stage.
        channels (tuple[int]): Channels of each stage.
        in_channels (int): Channels of the image.
        patch_size (int): Stride of the stem in pixels.
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
        """Name in ``ARCHS``, or 'own' if it is none of these."""
        own = (self.depths, self.channels)
        return next((x for x in ARCHS if resolve_arch(x) == own), 'own')

    def describe(self) -> str:
        """Describe the network in a line."""
        version = 'ConvNeXt V2' if self.has_grn else 'ConvNeXt'
        text = (f'{version} {self.name} (depths {list(self.depths)}, channels '
                f'{list(self.channels)}), {self.in_channels} input channels')
        if self.num_classes is not None:
            text += f', {self.num_classes} classes'
        return text + (", FCMAE's decoder" if self.has_decoder else '')


def backbone_of(state: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """Take the backbone out of a state dict, without ``backbone.``."""
    return {
        name.removeprefix(_BACKBONE): value
        for name, value in state.items() if name.startswith(_BACKBONE)
    }


def inspect(state: Mapping[str, Tensor]) -> Network:
    """Read the architecture off a state dict.

    Args:
        state (Mapping[str, Tensor]): Names and layouts of this package.

    Raises:
        CheckpointError: If names or sizes that tell the architecture are
            missing.
    """
    own = backbone_of(state)
    depths: Dict[int, int] = {}
    for match in filter(None, map(_BLOCK.match, own)):
        stage, block = int(match[1]), int(match[2])
        depths[stage] = max(depths.get(stage, 0), block + 1)
    stages = range(len(depths))
    try:
        stem = own['downsample_layers.0.0.weight']
        in_channels, patch_size = stem.shape[1:3]
        channels = tuple(
            own[f'stages.{i}.0.norm.weight'].numel() for i in stages)
    except (KeyError, ValueError) as error:
        raise CheckpointError(
            f'the backbone is not whole: {error} is missing or of a wrong '
            f'size; found {first_of(own)}') from error
    head = state.get('head.fc.weight')
    return Network(
        depths=tuple(depths.get(i, 0) for i in stages),
        channels=channels,
        in_channels=in_channels,
        patch_size=patch_size,
        has_grn=any('.grn.' in name for name in own),
        has_scale='stages.0.0.gamma' in own,
        norms=tuple(i for i in stages if f'norm{i}.weight' in own),
        num_classes=None if head is None else len(head),
        has_decoder='neck.mask_token' in state)


def check(state: Mapping[str, Tensor]) -> Network:
    """Check that the backbone in a state dict is whole, and FCMAE's decoder.

    Args:
        state (Mapping[str, Tensor]): Names and layouts of this package.

    Returns:
        Network: Its architecture.

    Raises:
        CheckpointError: If something is missing, unknown or of a wrong size.
    """
    network = inspect(state)
    parts = (_BACKBONE, 'neck.') if network.has_decoder else _BACKBONE
    with torch.device('meta'):
        expected = _expected(network, state)
    found = compare(
        expected, {x: y for x, y in state.items() if x.startswith(parts)})
    if any(found):
        raise CheckpointError(f'it is not a whole {network.describe()}:' +
                              found.describe())
    return network


def _expected(network: Network,
              state: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """Get the state dict that such a network has."""
    backbone = ConvNeXtV2(
        dict(depths=network.depths, channels=network.channels),
        in_channels=network.in_channels,
        stem_patch_size=network.patch_size,
        use_grn=network.has_grn,
        layer_scale_init_value=float(network.has_scale),
        out_indices=network.norms or -1,
        final_norm=bool(network.norms))
    model = torch.nn.ModuleDict(dict(backbone=backbone))
    if network.has_decoder:
        blocks = {
            x.split('.')[2] for x in state if x.startswith('neck.decoder.')
        }
        model['neck'] = FCMAEDecoder(
            network.channels[-1],
            state['neck.mask_token'].numel(),
            depth=len(blocks),
            patch_size=backbone.stride,
            out_channels=network.in_channels)
    return model.state_dict()
