"""Load the weights of a whole model, safely and completely."""
import contextlib
import logging
from typing import Any, Dict, Mapping, Optional

from mmengine.logging import print_log
from torch import nn

from mmconvnextv2.checkpoint import (
    CheckpointError,
    about,
    backbone_of,
    compare,
    describe_choice,
    pick_weights,
    read_checkpoint,
    to_ours,
)
from mmconvnextv2.models import ConvNeXtV2


def load_whole(model: nn.Module, checkpoint: str,
               entry: Optional[str] = None) -> Dict[str, Any]:
    """Load all weights of a model.

    Unlike MMEngine's inferencers it runs no code that the file may contain,
    takes the formats of other code bases, and refuses a file that lacks a
    weight.

    Args:
        model (nn.Module): A model of OpenMMLab, or a ``ConvNeXtV2``, which
            takes its weights from the checkpoint of any model on it.
        checkpoint (str): Path or URL.
        entry (str, optional): Key of the state dict in a file that holds
            several; see ``pick_weights``. Defaults to None.

    Returns:
        dict: ``meta`` of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file cannot be read or lacks a weight.
    """
    content = read_checkpoint(checkpoint)
    with about(checkpoint):
        weights, part = pick_weights(content, entry), 'model'
        mapped = None
        if choice := describe_choice(content, entry):
            print_log(f'{checkpoint}: {choice}', 'current', logging.WARNING)
        if isinstance(model, ConvNeXtV2):
            mapped = to_ours(weights)
            weights, part = backbone_of(mapped.state), 'backbone'
        elif compare(model.state_dict(), weights).missing:
            # What is not a ConvNeXt stays as it is.
            with contextlib.suppress(CheckpointError):
                mapped = to_ours(weights)
                weights = mapped.state
        if mapped:
            mapped.require_same(model)
        found = compare(model.state_dict(), weights)
        if found.missing or found.mismatched:  # More does no harm.
            raise CheckpointError(f'it does not hold the whole {part} of the '
                                  f'config:{found.describe()}')
    model.load_state_dict(weights, strict=False)
    meta = content.get('meta')
    return dict(meta) if isinstance(meta, Mapping) else {}
