"""Read checkpoints without running what they hold."""
import contextlib
import os
import os.path as osp
import re
import zipfile
from pickle import UnpicklingError
from typing import Any, Dict, Iterator, Mapping, Optional
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, get_rank
from mmengine.fileio import get_local_path
from mmengine.utils import digit_version
from torch import Tensor

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
        CheckpointError: If it cannot be read, or not without running code.
    """
    with _local(checkpoint) as path:
        if not osp.isfile(path):
            raise FileNotFoundError(f'there is no file {path!r} (seen from '
                                    f'{os.getcwd()})')
        try:
            if path.endswith('.safetensors'):
                return import_safetensors().load_file(path, map_location)
            return _load(path, map_location)
        except UnpicklingError as error:
            refused = re.search(r'GLOBAL (\S+)', str(error))
            reason = f'it asks for {refused[1]}, which is not loaded: it ' \
                'could run code' if refused else str(error).split('\n')[0]
            raise CheckpointError(f'{checkpoint}: {reason}') from error
        except Exception as error:
            # Any type, even of the safetensors package, for a damaged file.
            raise CheckpointError(
                f'{checkpoint} is damaged, cut off or no checkpoint '
                f'({osp.getsize(path)} bytes): '
                f'{str(error) or type(error).__name__}') from error


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
        yield _download(checkpoint)
    elif '://' in checkpoint:
        with get_local_path(checkpoint) as path:
            yield str(path)
    else:
        yield osp.expanduser(checkpoint)


def _download(url: str) -> str:
    """Download a file once, to where torch and MMEngine look for it."""
    path = urlparse(url).path
    # A file of Hugging Face's hub has the same name in every repository.
    name = path.strip('/').replace(
        '/', '_') if '/resolve/' in path else osp.basename(path)
    folder = osp.join(torch.hub.get_dir(), 'checkpoints')
    target = osp.join(folder, name)
    if get_rank() == 0 and not osp.exists(target):
        os.makedirs(folder, exist_ok=True)
        torch.hub.download_url_to_file(url, target, progress=os.isatty(0))
    barrier()
    if not osp.exists(target):  # Another machine's disk.
        os.makedirs(folder, exist_ok=True)
        torch.hub.download_url_to_file(url, target, progress=False)
    return target


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
