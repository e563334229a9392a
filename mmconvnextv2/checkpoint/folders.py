"""Weights that lie in several files, and files that hold them differently."""
import io
import json
import os
import os.path as osp
import pickle
import re
import zipfile
from inspect import signature
from pathlib import Path
from typing import Any, Callable, Dict, Mapping

import torch
from torch import Tensor

from mmconvnextv2.text import first_of
from .claims import refuse_greed
from .errors import CheckpointError

_METADATA = '.metadata'  # of torch.distributed.checkpoint
# What holds the weights in a folder, the best first: of Hugging Face, of
# accelerate, of torch.distributed.checkpoint.
_MAIN = ('*.safetensors.index.json', '*.safetensors', '*.bin.index.json',
         'pytorch_model*.bin', _METADATA)
_SHARD = re.compile(r'.*-\d{5}-of-(?!00001\.)\d{5}\.(safetensors|bin)')
_KEEP = ': keep its weights by python -c "import torch; torch.save({}, ' \
    '\'weights.pth\')"'
# Record in a zip file: what such a file is, and how to get its weights.
_ARCHIVES = {
    'constants.pkl': ('a TorchScript model',
                      'torch.jit.load({!r}).state_dict()'),
    'archive_format': ('a program of torch.export',
                       'torch.export.load({!r}).state_dict'),
}
# All that metadata of torch.distributed.checkpoint consist of.
_PLAIN = {
    'torch': {'Size'},
    'torch.serialization': {'_get_layout'},
    'torch.distributed.checkpoint.filesystem': {'_StorageInfo'},
    'torch.distributed.checkpoint.metadata': {
        'BytesStorageMetadata', 'ChunkStorageMetadata', 'Metadata',
        'MetadataIndex', 'StorageMeta', 'TensorProperties',
        'TensorStorageMetadata', '_MEM_FORMAT_ENCODING'},
    'pathlib': {'PosixPath'},
    'pathlib._local': {'PosixPath'},
}


def main_file(path: str) -> str:
    """Find the file of a folder to read its weights by.

    Args:
        path (str): A folder of Hugging Face, accelerate or
            torch.distributed.checkpoint. Anything else is returned as it is.

    Raises:
        CheckpointError: If a folder has no weights, or several.
    """
    if not osp.isdir(path):
        return path
    for pattern in _MAIN:
        found = sorted(map(str, Path(path).glob(pattern)))
        if len(found) > 1:
            raise CheckpointError(f'the folder {path} holds several files of '
                                  f'weights, name one: {first_of(found)}')
        if found:
            return found[0]
    raise CheckpointError(
        f'the folder {path} holds no weights: there is no {", ".join(_MAIN)}, '
        f'found {first_of(sorted(os.listdir(path)))}')


def refuse_parts(path: str) -> None:
    """Refuse files that hold part of the weights, or hold them differently.

    Raises:
        CheckpointError: If it is such a file; says what to do.
    """
    if path.endswith('.distcp'):
        raise CheckpointError(f'{path} is a part of a torch.distributed.'
                              f'checkpoint: name its folder, with {_METADATA}')
    if _SHARD.fullmatch(path):
        raise CheckpointError(f'{path} is one of several shards: name their '
                              'index (.index.json) or their folder')
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        records = {x.partition('/')[2] for x in archive.namelist()}
    for record, (kind, command) in _ARCHIVES.items():
        if record in records:
            raise CheckpointError(f'{path} is {kind}'
                                  f'{_KEEP.format(command.format(path))}')


def read_shards(index: str, read: Callable[[str], Any]) -> Dict[str, Tensor]:
    """Read the files that an index names.

    Args:
        index (str): A file of Hugging Face, with a ``weight_map``.
        read (Callable): Function that reads a file beside it.

    Raises:
        CheckpointError: If it is no such index, or a file or tensor is
            missing.
    """
    with open(index, encoding='utf-8') as file:
        content = json.load(file)
    if not isinstance(content, dict) or not content.get('weight_map'):
        raise CheckpointError(f'{index} is no index of weights, which has a '
                              'weight_map: name the weights or their folder')
    names = content['weight_map']
    files = {x: osp.join(osp.dirname(index), osp.basename(x))
             for x in sorted(set(names.values()))}
    absent = [x for x, path in files.items() if not osp.isfile(path)]
    if absent:
        raise CheckpointError(
            f'{index} names {len(files)} files, of which {len(absent)} are '
            f'not beside it: {first_of(absent)}')
    state = {}
    for path in files.values():
        state.update(read(path))
    if missing := [x for x in names if x not in state]:
        raise CheckpointError(f'{index} names weights that its files lack: '
                              f'{first_of(missing)}')
    return state


class _Metadata(pickle.Unpickler):
    """Read metadata without running what a crafted file may contain."""

    def find_class(self, module: str, name: str) -> Any:
        is_dtype = module == 'torch' and isinstance(
            getattr(torch, name, None), torch.dtype)
        if not is_dtype and name not in _PLAIN.get(module, ()):
            raise CheckpointError(f'its {_METADATA} asks for {module}.{name}, '
                                  'which is not loaded: it could run code')
        return super().find_class(module, name)


def _nested(state: Mapping[str, Tensor], paths: Mapping) -> Dict[str, Any]:
    """Put tensors below the entries that they were saved in."""
    content: Dict[str, Any] = {}
    for name, value in state.items():
        entry, *rest = paths.get(name, (name, ))
        if rest:
            content.setdefault(entry, {})['.'.join(map(str, rest))] = value
        else:
            content[name] = value
    return content


def read_distributed(folder: str) -> Dict[str, Any]:
    """Read the tensors of a torch.distributed.checkpoint, in one process.

    Returns:
        dict: Tensors in the entries that they were saved in, without those of
        an optimizer.

    Raises:
        CheckpointError: If the metadata ask for other objects, or for more
            than the files hold.
    """
    from torch.distributed import checkpoint
    if 'no_dist' not in signature(checkpoint.load).parameters:
        raise CheckpointError(f'to read {folder} needs a newer PyTorch')
    content = Path(folder, _METADATA).read_bytes()
    refuse_greed(content)
    metadata = _Metadata(io.BytesIO(content)).load()
    kind = checkpoint.metadata.TensorStorageMetadata
    wanted = {name: x for name, x in metadata.state_dict_metadata.items()
              if isinstance(x, kind) and not name.startswith('optim')}
    with torch.device('meta'):
        state = {name: torch.empty(x.size, dtype=x.properties.dtype)
                 for name, x in wanted.items()}
    held = sum(x.stat().st_size for x in Path(folder).glob('*.distcp'))
    asked = sum(x.nbytes for x in state.values())
    if asked > held:
        raise CheckpointError(f'{folder} lacks parts: its {_METADATA} names '
                              f'{asked:,} bytes of tensors, its files have '
                              f'{held:,}')

    class Reader(checkpoint.FileSystemReader):

        def read_metadata(self, *args: Any, **kwargs: Any) -> Any:
            return metadata

    state = {name: torch.empty_like(x, device='cpu')
             for name, x in state.items()}
    checkpoint.load(state, storage_reader=Reader(folder), no_dist=True)
    return _nested(state, metadata.planner_data or {})
