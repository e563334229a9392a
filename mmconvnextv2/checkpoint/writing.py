"""Write checkpoints whole or not at all."""
import os.path as osp
from pathlib import Path
from typing import Any, Mapping

import torch
from torch import Tensor

from mmconvnextv2.files import written_whole
from .errors import CheckpointError
from .reading import import_safetensors

SUFFIXES = ('.pth', '.pt', '.bin', '.safetensors')


def write_checkpoint(content: Mapping[str, Any],
                     target: str,
                     force: bool = False) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        content (Mapping[str, Any]): Tensors by name, or for torch's format
            also a dict that holds such a one.
        target (str): Path of the file. The suffix .safetensors asks for that
            format.
        force (bool): Whether to replace an existing file. Defaults to False.

    Raises:
        CheckpointError: If the suffix is unknown.
        FileExistsError: If the file exists.
        FileNotFoundError: If its folder does not exist.
    """
    path = Path(target).expanduser()
    check_target(target, force)
    content = _own_memory(content)
    with written_whole(path) as part:
        if path.suffix == '.safetensors':
            import_safetensors().save_file(
                content, str(part), metadata=dict(format='pt'))
        else:
            torch.save(content, part)
        check_target(target, force)


def check_target(target: str, force: bool = False) -> None:
    """Check that a file may be written; see ``write_checkpoint``."""
    path = Path(target).expanduser()
    if path.suffix not in SUFFIXES:
        raise CheckpointError(f'the name of a checkpoint must end in one of '
                              f'{", ".join(SUFFIXES)}, got {target!r}')
    if not path.parent.is_dir():
        raise FileNotFoundError(f'there is no folder {str(path.parent)!r}')
    if path.is_dir() or (not force and osp.lexists(path)):
        raise FileExistsError(f'{target} exists')


def _own_memory(content: Any) -> Any:
    """Copy tensors: a view would be stored with all that it is a view of."""
    if isinstance(content, Tensor):
        return content.detach().clone(memory_format=torch.contiguous_format)
    if isinstance(content, Mapping):
        return {key: _own_memory(value) for key, value in content.items()}
    return content
