"""GRN, a variant of it or a rival in its place, from a ``grn_cfg``."""
from typing import Dict, Optional, Type

from torch import nn

from .grn import GRN
from .grn_rivals import BN, CBAM, LN, LRN, SE
from .grn_variant import GRNVariant

# By the ``type`` of a ``grn_cfg``; without one it is GRNVariant's.
GRN_TYPES: Dict[str, Type[nn.Module]] = dict(
    GRN=GRN, LRN=LRN, BN=BN, LN=LN, SE=SE, CBAM=CBAM)


def build_grn(num_channels: int, grn_cfg: Optional[dict]) -> nn.Module:
    """Build GRN, a variant of it, or what else a ``grn_cfg`` names."""
    if not grn_cfg:
        return GRN(num_channels)
    arguments = dict(grn_cfg)
    kind = arguments.pop('type', None)
    return (GRN_TYPES[kind] if kind else GRNVariant)(num_channels, **arguments)
