"""Choose among the state dicts that a file holds."""
from typing import Any, Dict, Mapping, Optional

from torch import Tensor

from mmconvnextv2.text import first_of
from .errors import CheckpointError, check_numbers

_ENTRIES = ('state_dict', 'model')


def pick_weights(content: Any,
                 entry: Optional[str] = None) -> Dict[str, Tensor]:
    """Find the state dict in the content of a file.

    Args:
        content (Any): The content.
        entry (str, optional): Key of the state dict, such as 'model_ema'. By
            default 'state_dict' or 'model', or else the whole.

    Returns:
        dict: The weights. Those that MMEngine averages lose ``module.`` before
        their names, and the count of their updates.

    Raises:
        CheckpointError: If there is none, or it is not of plain numbers.
    """
    if not isinstance(content, Mapping):
        raise CheckpointError('a checkpoint must be a dict of tensors, found '
                              f'{type(content).__name__}')
    entries = (entry, ) if entry else _ENTRIES
    found = [x for x in entries if isinstance(content.get(x), Mapping)]
    if entry and not found:
        raise CheckpointError(f'there is no entry {entry!r} of weights, found '
                              f'{first_of(content)}')
    weights = content[found[0]] if found else content
    if not any(isinstance(x, Tensor) for x in weights.values()):
        raise CheckpointError(
            f'there are no tensors in {found[0] if found else "the file"}, '
            'found ' + first_of(f'{key} ({type(value).__name__})'
                                for key, value in weights.items()))
    check_numbers(weights)
    if not _is_average(weights):
        return dict(weights)
    return {name.removeprefix('module.'): value
            for name, value in weights.items() if name != 'steps'}


def describe_choice(content: Mapping, entry: Optional[str] = None) -> str:
    """Say which state dict ``pick_weights`` takes, if the file has others.

    Returns:
        str: A clause, or '' if there is no choice.
    """
    found = {
        key: str(key) for key, value in content.items()
        if isinstance(value, Mapping)
        and any(isinstance(x, Tensor) for x in value.values())
    }
    taken = entry or next((x for x in _ENTRIES if x in found), None)
    if taken not in found or len(found) == 1:
        return ''
    if 'state_dict' in found and _is_average(content.get('ema_state_dict')):
        # MMEngine's EMAHook exchanges the two when it saves.
        found.update(state_dict='state_dict (averaged by EMAHook)',
                     ema_state_dict='ema_state_dict (as trained)')
    return (f'{found.pop(taken)} is taken of several state dicts; entry takes '
            f'another by its name: {", ".join(found.values())}')


def _is_average(weights: Any) -> bool:
    """Recognise the state dict of MMEngine's averaged models."""
    return isinstance(weights, Mapping) and 'steps' in weights and all(
        str(x).startswith('module.') for x in weights if x != 'steps')
