"""Read checkpoints without running what they hold."""
import contextlib
import os
import os.path as osp
import re
import zipfile
from pickle import UnpicklingError
from typing import Any, Dict, Iterator, Mapping, Optional

import torch
from mmengine.fileio import BaseStorageBackend, get_file_backend
from mmengine.utils import digit_version
from torch import Tensor

from .diagnosis import find_damage
from .downloading import download_once
from .errors import CheckpointError, sample

# Where checkpoints keep the weights.
_ENTRIES = ('state_dict', 'model')
# What training scripts store beside the weights. None of it is needed, so
# none of it is built: not even getattr, which MMEngine's own files name.
_IGNORED = ('argparse.Namespace', 'builtins.getattr', 'pathlib.PosixPath',
            'mmengine.logging.history_buffer.HistoryBuffer',
            'mmengine.config.config.ConfigDict', 'numpy.dtype',
            'numpy.ndarray',
            *(f'numpy.{core}.multiarray.{name}' for core in ('core', '_core')
              for name in ('scalar', '_reconstruct')),
            *(f'numpy.dtypes.{kind}DType'
              for kind in ('Float64', 'Float32', 'Int64', 'UInt32', 'Bool')))


class _Ignored:
    """Stands for an object of a checkpoint that is not needed."""

    def __new__(cls, *args: Any) -> '_Ignored':
        return super().__new__(cls)

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def read_checkpoint(checkpoint: str, map_location: str = 'cpu') -> Any:
    """Read a checkpoint without running code that it may contain.

    Args:
        checkpoint (str): A path, or a URL, which is downloaded once. The
            suffix .safetensors tells that format.
        map_location (str): Device of the tensors. Defaults to 'cpu'.

    Returns:
        Any: What the file holds; in place of objects that training scripts
        put beside the weights, placeholders.

    Raises:
        FileNotFoundError: If there is no such file.
        URLError: If it cannot be downloaded.
        CheckpointError: If it cannot be read, or not without running code.
    """
    with explained_file(checkpoint) as path:
        if path.endswith('.safetensors'):
            return import_safetensors().load_file(path, map_location)
        return _load(path, map_location)


@contextlib.contextmanager
def explained_file(checkpoint: str) -> Iterator[str]:
    """Get a file's local copy; explain what goes wrong while it is read.

    Args:
        checkpoint (str): A path or URL.

    Yields:
        str: The path of the local copy.

    Raises:
        FileNotFoundError: If there is no such file.
        URLError: If it cannot be downloaded.
        CheckpointError: If it cannot be read, or not without running code.
    """
    with _local(checkpoint) as path:
        if not osp.isfile(path):
            raise FileNotFoundError(f'there is no file {path!r} (seen from '
                                    f'{os.getcwd()})')
        try:
            yield path
        except CheckpointError:
            raise
        except Exception as error:
            # Any type, even of the safetensors package, for a damaged file.
            reason = _refusal(error, path) or _damage(error, path)
            again = '' if '://' not in checkpoint else (
                f'\nThe file is {path}; without it, it is downloaded again.')
            raise CheckpointError(f'{checkpoint}{reason}{again}') from error


def _refusal(error: Exception, path: str) -> Optional[str]:
    """What the file asks for that is not loaded, and what to do."""
    if not isinstance(error, UnpicklingError):
        return None
    asked = re.search(r'GLOBAL (\S+)', str(error))
    if asked is None:
        if find_damage(path):
            return None
        # torch puts pages of advice around its reason.
        told = re.search(r'WeightsUnpickler error:\s*(.+)', str(error))
        if told is None:  # load_inert's own words
            return f': {error}'
        if 'call reduce for unrecognized' in told[1]:
            return (': it wants a function called that no checkpoint needs; '
                    'it may be crafted to run code. Do not use it.')
        return f': it cannot be read without running code ({told[1]})'
    text = (f': it asks for {asked[1]}, which is not loaded: it could run '
            'code.')
    if 'is blocked' in str(error):  # os, sys and the like
        return f'{text} No checkpoint needs that: do not use it.'
    return (f'{text} If you trust who made the file, either allow it, by '
            f'torch.serialization.add_safe_globals([{asked[1]}]) in a module '
            "that the config's custom_imports names, or keep nothing but the "
            'weights: python -c "import torch; torch.save(dict(state_dict='
            f"torch.load({path!r}, weights_only=False)['state_dict']), "
            "'weights.pth')\"")


def _damage(error: Exception, path: str) -> str:
    reason = find_damage(path) or str(error) or type(error).__name__
    return (f' is damaged, cut off or no checkpoint ({osp.getsize(path)} '
            f'bytes): {reason}')


def _load(path: str, map_location: str) -> Any:
    if digit_version(torch.__version__) < digit_version('2.6'):
        # It can allow no stand-ins: only tensors and plain types.
        return torch.load(path, map_location=map_location, weights_only=True)
    ignored = [(_Ignored, name) for name in _IGNORED]
    with torch.serialization.safe_globals(ignored):
        # Mapped into memory, optimizer states are never read.
        return torch.load(
            path,
            map_location=map_location,
            weights_only=True,
            mmap=zipfile.is_zipfile(path) and map_location == 'cpu')


def import_safetensors() -> Any:
    """The module ``safetensors.torch``.

    Raises:
        CheckpointError: If it is not installed.
    """
    try:
        import safetensors.torch
    except ImportError as error:
        raise CheckpointError(
            'this format needs the package safetensors: pip install '
            'safetensors') from error
    return safetensors.torch


@contextlib.contextmanager
def _local(checkpoint: str) -> Iterator[str]:
    """A local file with the contents of a path or URL."""
    if checkpoint.startswith(('http://', 'https://')):
        yield download_once(checkpoint)
    elif '://' in checkpoint:
        with _backend(checkpoint).get_local_path(checkpoint) as path:
            yield str(path)
    else:
        yield osp.expanduser(checkpoint)


def _backend(checkpoint: str) -> BaseStorageBackend:
    """MMEngine's file backend for an address."""
    try:
        return get_file_backend(checkpoint)
    except KeyError as error:
        raise CheckpointError(
            f'{checkpoint}: MMEngine has no file backend for {error}. Give a '
            'path, or a URL of http or https') from error
    except ImportError as error:
        raise CheckpointError(f'{checkpoint}: {error}') from error


def pick_weights(content: Any,
                 entry: Optional[str] = None) -> Dict[str, Tensor]:
    """Find the state dict in what a file holds.

    Args:
        content (Any): What the file holds.
        entry (str, optional): The key of the state dict, such as 'model_ema'.
            By default 'state_dict' or 'model', or else the whole.

    Raises:
        CheckpointError: If there is none.
    """
    if not isinstance(content, Mapping):
        raise CheckpointError('a checkpoint must be a dict of tensors, found '
                              f'{type(content).__name__}')
    if entry is None:
        entry = next((x for x in _ENTRIES
                      if isinstance(content.get(x), Mapping)), None)
    elif entry not in content:
        raise CheckpointError(
            f'there is no entry {entry!r}, found {sample(content)}')
    weights = content if entry is None else content[entry]
    if not isinstance(weights, Mapping) or not any(
            isinstance(x, Tensor) for x in weights.values()):
        raise CheckpointError(
            f'there are no tensors in {entry or "the file"}, found ' +
            sample([f'{key} ({type(value).__name__})' for key, value in
                    (weights if isinstance(weights, Mapping) else content
                     ).items()]))
    return dict(weights)
