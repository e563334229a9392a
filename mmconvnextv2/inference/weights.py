"""Load the weights of a whole model, safely and completely."""
import contextlib
from typing import Any, Dict, Mapping

from torch import Tensor, nn

from mmconvnextv2.checkpoint import (
    CheckpointError,
    backbone_of,
    compare,
    pick_weights,
    read_checkpoint,
    to_ours,
)
from mmconvnextv2.checkpoint.errors import Differences, sample


def load_whole(model: nn.Module, checkpoint: str) -> Dict[str, Any]:
    """Load all weights of a model.

    Unlike MMEngine's inferencers it runs no code that the file may contain,
    takes the formats of other code bases, and refuses a file that lacks a
    weight.

    Args:
        model (nn.Module): A model of OpenMMLab.
        checkpoint (str): Path or URL.

    Returns:
        dict: What the file says of itself, its ``meta``.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file cannot be read or does not hold the whole
            model.
    """
    content = read_checkpoint(checkpoint)
    expected = model.state_dict()
    try:
        state = _fitting(pick_weights(content), expected)
    except CheckpointError as error:
        raise CheckpointError(f'{checkpoint}: {error}') from error
    model.load_state_dict(state, strict=False)
    meta = content.get('meta')
    return dict(meta) if isinstance(meta, Mapping) else {}


def load_backbone(backbone: nn.Module, checkpoint: str) -> None:
    """Load all weights of a backbone from the checkpoint of any model on it.

    Args:
        backbone (nn.Module): ``ConvNeXtV2``.
        checkpoint (str): Path or URL.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file cannot be read or does not hold the whole
            backbone.
    """
    content = read_checkpoint(checkpoint)
    try:
        state = backbone_of(to_ours(pick_weights(content)).state)
        _refuse_differences(compare(backbone.state_dict(), state), 'backbone')
    except CheckpointError as error:
        raise CheckpointError(f'{checkpoint}: {error}') from error
    backbone.load_state_dict(state, strict=False)


def _fitting(weights: Mapping[str, Tensor],
             expected: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The weights, translated if they are another code base's."""
    found = compare(expected, weights)
    if found.missing:
        # What is not a ConvNeXt stays as it is.
        with contextlib.suppress(CheckpointError):
            weights = to_ours(weights).state
        found = compare(expected, weights)
    _refuse_differences(found, 'model')
    return weights


def _refuse_differences(found: Differences, part: str) -> None:
    """Refuse weights that lack something; too many are no harm."""
    if not found.missing and not found.mismatched:
        return
    kinds = (('missing', found.missing), ('of another size', found.mismatched),
             ('unexpected', found.unexpected))
    raise CheckpointError(
        f'it does not hold the whole {part} of the config:' +
        ''.join(f'\n  {kind} ({len(names)}): {sample(names)}'
                for kind, names in kinds if names))
