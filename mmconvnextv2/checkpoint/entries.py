"""Choose among the state dicts that a file holds."""
import re
from typing import Any, Dict, Mapping, Optional

from torch import Tensor

from mmconvnextv2.text import first_of
from .errors import CheckpointError, check_numbers

_ENTRIES = ('state_dict', 'model')
# Entry with the weights as trained, beside which state_dict is an average: its
# maker. Others' ema_state_dict is the average.
_AS_TRAINED = {'ema_state_dict': 'EMAHook',  # of MMEngine
               'current_model_state': 'WeightAveraging'}  # of Lightning
# What torch.compile, FSDP and activation checkpointing put within names, and
# what parallel models do.
_WRAPPERS = re.compile(r'(_orig_mod|_fsdp_wrapped_module|'
                       r'_checkpoint_wrapped_module|(?<=\.)module)\.')


def pick_weights(content: Any,
                 entry: Optional[str] = None) -> Dict[str, Tensor]:
    """Find the state dict in the content of a file.

    Args:
        content (Any): The content.
        entry (str, optional): Key of the state dict, such as 'model_ema'. By
            default 'state_dict' or 'model', or else the whole, or the only
            state dict.

    Returns:
        dict: The weights, without what wrappers of modules put within their
        names. Those that MMEngine averages lose ``module.`` before their
        names, and the count of their updates.

    Raises:
        CheckpointError: If there is none, or several of other names, or it is
            not of plain numbers.
    """
    if not isinstance(content, Mapping):
        raise CheckpointError('a checkpoint must be a dict of tensors, found '
                              f'{type(content).__name__}')
    taken = _taken(content, entry)
    weights = content if taken is None else content[taken]
    if not _has_tensors(weights):
        raise CheckpointError(
            f'there are no tensors in {taken or "the file"}, '
            'found ' + first_of(f'{key} ({type(value).__name__})'
                                for key, value in weights.items()))
    check_numbers(weights)
    average, state = _is_average(weights), {}
    for key, value in weights.items():
        name = _WRAPPERS.sub('', key.removeprefix('module.' * average))
        if name in state:
            raise CheckpointError(f'{key} and another tensor are both {name}')
        if not (average and name == 'steps'):
            state[name] = value
    return state


def describe_choice(content: Mapping, entry: Optional[str] = None) -> str:
    """Say which state dict ``pick_weights`` takes, if the file has others.

    Returns:
        str: A clause, or '' if there is no choice.
    """
    taken = _taken(content, entry)
    found = {key: str(key) for key, value in content.items()
             if _has_tensors(value)}
    if taken not in found:
        return ''
    if len(found) == 1:
        return '' if entry or taken in _ENTRIES else \
            f'{taken} is taken, the only state dict'
    for other, maker in _AS_TRAINED.items():
        # EMAHook exchanges the two when it saves.
        if 'state_dict' in found and other in found and (
                maker != 'EMAHook' or _is_average(content[other])):
            found.update({'state_dict': f'state_dict (averaged by {maker})',
                          other: f'{other} (as trained)'})
    return (f'{found.pop(taken)} is taken of several state dicts; entry takes '
            f'another by its name: {", ".join(found.values())}')


def _taken(content: Mapping, entry: Optional[str]) -> Optional[str]:
    """Choose the key of a state dict; None for the whole content."""
    found = [x for x in ([entry] if entry else _ENTRIES)
             if isinstance(content.get(x), Mapping)]
    if entry and not found:
        raise CheckpointError(f'there is no entry {entry!r} of weights, found '
                              f'{first_of(content)}')
    if not found and not _has_tensors(content):
        found = [x for x in content if _has_tensors(content[x])]
        if len(found) > 1:
            raise CheckpointError('there are several state dicts, entry takes '
                                  f'one by its name: {first_of(found)}')
    return found[0] if found else None


def _has_tensors(content: Any) -> bool:
    return isinstance(content, Mapping) and any(
        isinstance(x, Tensor) for x in content.values())


def _is_average(weights: Any) -> bool:
    """Recognise the state dict of MMEngine's averaged models."""
    return isinstance(weights, Mapping) and 'steps' in weights and all(
        str(x).startswith('module.') for x in weights if x != 'steps')
