"""Load the weights of a whole model, safely and completely."""
import contextlib
from typing import Any, Dict, Mapping

from torch import Tensor, nn

from mmconvnextv2.checkpoint import (
    CheckpointError,
    about,
    backbone_of,
    compare,
    pick_weights,
    read_checkpoint,
    to_ours,
)


def load_whole(model: nn.Module, checkpoint: str) -> Dict[str, Any]:
    """Load all weights of a model.

    Unlike MMEngine's inferencers it runs no code that the file may contain,
    takes the formats of other code bases, and refuses a file that lacks a
    weight.

    Args:
        model (nn.Module): A model of OpenMMLab.
        checkpoint (str): Path or URL.

    Returns:
        dict: ``meta`` of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file cannot be read or lacks a weight.
    """
    content = read_checkpoint(checkpoint)
    with about(checkpoint):
        weights = pick_weights(content)
        if compare(model.state_dict(), weights).missing:
            # What is not a ConvNeXt stays as it is.
            with contextlib.suppress(CheckpointError):
                weights = to_ours(weights).state
        _load_all(model, weights, 'model')
    meta = content.get('meta')
    return dict(meta) if isinstance(meta, Mapping) else {}


def load_backbone(backbone: nn.Module, checkpoint: str) -> None:
    """Load all of a ``ConvNeXtV2`` from the checkpoint of any model on it.

    See ``load_whole`` for the errors.
    """
    content = read_checkpoint(checkpoint)
    with about(checkpoint):
        weights = backbone_of(to_ours(pick_weights(content)).state)
        _load_all(backbone, weights, 'backbone')


def _load_all(model: nn.Module, weights: Mapping[str, Tensor],
              part: str) -> None:
    found = compare(model.state_dict(), weights)
    if found.missing or found.mismatched:  # More than needed does no harm.
        raise CheckpointError(f'it does not hold the whole {part} of the '
                              f'config:{found.describe()}')
    model.load_state_dict(weights, strict=False)
