"""Read checkpoints without running what they hold, and write them whole."""
import contextlib
import os
import os.path as osp
import re
import string
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, ContextManager, Mapping, Union

import torch
from mmengine.fileio import get_file_backend
from torch import Tensor

from mmconvnextv2.files import remove, written_whole
from .claims import refuse_claims
from .download import download_once
from .errors import CheckpointError
from .folders import main_file, read_distributed, read_shards, refuse_parts
from .stand_ins import load_data

_SUFFIXES = ('.pth', '.pt', '.bin', '.safetensors')
_URL = ('http://', 'https://')


def read_checkpoint(checkpoint: str,
                    map_location: Any = 'cpu',
                    mmap: bool = True) -> Any:
    """Read a checkpoint without running code that it may contain.

    Args:
        checkpoint (str): Path, or URL, which is downloaded once. The suffix
            .safetensors tells that format, .json an index of shards. A folder
            may be of Hugging Face, accelerate or torch.distributed.checkpoint.
        map_location (Any): As in ``torch.load``; for safetensors a device or
            its name. Defaults to 'cpu'.
        mmap (bool): Whether tensors may stay in the file until they are used,
            so that optimizer states are never read. Defaults to True.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it cannot be downloaded or read, or not without
            running code.
    """
    with _local(checkpoint) as local:
        path = main_file(str(local))
        if not osp.isfile(path):
            raise FileNotFoundError(f'there is no file {path!r} (seen from '
                                    f'{os.getcwd()})')
        try:
            if path.endswith('.json'):
                return read_shards(path, lambda x: _read(x, map_location))
            if osp.basename(path) == '.metadata':
                return read_distributed(osp.dirname(path))
            _refuse_damage(path)
            refuse_parts(path)
            return _read(path, map_location, mmap)
        except CheckpointError:
            raise
        except (MemoryError, torch.cuda.OutOfMemoryError):
            raise
        except UnpicklingError as error:
            text = f'{checkpoint}: {_refusal(str(error), path)}'
            is_damaged = 'GLOBAL' not in str(error)
            cause = error
        except Exception as error:  # safetensors has types of its own
            text = (f'{checkpoint} is damaged, cut off or no checkpoint '
                    f'({osp.getsize(path)} bytes): '
                    f'{str(error) or type(error).__name__}')
            is_damaged = getattr(error, 'errno', None) is None
            cause = error
    if checkpoint.startswith(_URL):
        text += _after_download(path, is_damaged)
    raise CheckpointError(text) from cause


def _read(path: str, map_location: Any, mmap: bool = True) -> Any:
    refuse_claims(path)
    if path.endswith('.safetensors'):
        content = _safetensors().load_file(path)
        return {name: x.to(map_location) for name, x in
                content.items()} if map_location else content
    mmap = mmap and map_location == 'cpu' and zipfile.is_zipfile(path)
    return load_data(path, map_location=map_location, mmap=mmap)


def _after_download(path: str, is_damaged: bool) -> str:
    """Remove a download that cannot be whole, and say where it lies or lay."""
    if is_damaged and not zipfile.is_zipfile(path):
        remove(path)
        return f'\nThe local copy {path} is removed.'
    return (f'\nThe local copy is {path}; without it, the file is downloaded '
            'again.')


def _local(checkpoint: str) -> ContextManager[Union[str, Path]]:
    """Get a local file with the contents of a path or URL."""
    if checkpoint.startswith(_URL):
        return contextlib.nullcontext(download_once(checkpoint))
    path = osp.expanduser(checkpoint)
    try:
        return get_file_backend(path).get_local_path(path)
    except (KeyError, ImportError) as error:
        raise CheckpointError(
            f'{checkpoint}: MMEngine has no file backend for it ({error}). '
            'Give a path, or a URL of http or https') from error


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError as error:
        raise CheckpointError(
            'this format needs the package safetensors: pip install '
            'safetensors') from error
    return safetensors.torch


def _refuse_damage(path: str) -> None:
    with open(path, 'rb') as file:
        head = file.read(256)
    if not head:
        raise ValueError('it is empty')
    if head.startswith(b'version https://git-lfs'):
        raise ValueError(
            'it is a pointer of Git LFS, "git lfs pull" gets the file')
    if head.startswith(b'PK\x03\x04') and not zipfile.is_zipfile(path):
        raise ValueError('it is cut off: the directory at its end is missing')
    if not head.strip(string.printable.encode()):
        start = ' '.join(head.decode().split())[:40]
        kind = 'a web page' if start.startswith('<') else 'text'
        raise ValueError(f'it is {kind}, which begins {start!r}')


def _refusal(error: str, path: str) -> str:
    asked = re.search(r'GLOBAL (\S+)', error)
    if not asked:
        # torch puts pages of advice around its reason.
        reason = re.search(r'WeightsUnpickler error:\s*(.+)', error)
        return f'it cannot be read without running code ({reason[1]})' \
            if reason else error
    text = f'it asks for {asked[1]}, which is not loaded: it could run code.'
    if 'is blocked' in error:  # os, sys and the like
        return f'{text} No checkpoint needs that: do not use it.'
    return (f'{text} If you trust who made the file, either allow it, by '
            f'torch.serialization.add_safe_globals([{asked[1]}]) in a module '
            "that the config's custom_imports names, or, also if the file is "
            'a whole model, keep nothing but the weights: python -c "import '
            f'torch; x = torch.load({path!r}, weights_only=False); x = x if '
            "isinstance(x, dict) else dict(model=x); x = x.get('state_dict', "
            "x.get('model', x)); x = x if isinstance(x, dict) else "
            "x.state_dict(); torch.save(dict(state_dict=x), 'weights.pth')\"")


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
    check_target(target, force)
    content = _own_memory(content)
    with written_whole(Path(target).expanduser()) as part:
        if part.suffix == '.safetensors':
            _safetensors().save_file(content, part, dict(format='pt'))
        else:
            torch.save(content, part)
        check_target(target, force)


def check_target(target: str, force: bool = False) -> None:
    """Check that a file may be written; see ``write_checkpoint``."""
    path = Path(target).expanduser()
    if path.suffix not in _SUFFIXES:
        raise CheckpointError(f'the name of a checkpoint must end in one of '
                              f'{", ".join(_SUFFIXES)}, got {target!r}')
    if not path.parent.is_dir():
        raise FileNotFoundError(f'there is no folder {str(path.parent)!r}')
    if path.is_dir():
        raise FileExistsError(f'{target} exists, and is a folder')
    if not force and osp.lexists(path):
        raise FileExistsError(f'{target} exists; only force replaces it')


def _own_memory(content: Any) -> Any:
    """Copy tensors: a view would be stored with all that it is a view of."""
    if isinstance(content, Tensor):
        return content.detach().clone(memory_format=torch.contiguous_format)
    if isinstance(content, Mapping):
        return {key: _own_memory(value) for key, value in content.items()}
    return content
