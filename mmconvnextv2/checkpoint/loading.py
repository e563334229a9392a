"""Let MMEngine load whole checkpoints without running what they hold.

As released, MMEngine runs it: onedl-mmengine 0.10.12 goes on with
``weights_only=False`` when the safe way is refused, both stacks read URLs like
that, and both execute the text ``meta['config']`` on resuming. mmengine 0.10.7
refuses its own files instead, where torch is 2.6 or newer.

The tools of this package replace MMEngine's loaders while they run, by the
registry that MMEngine has for that. A project's own tool may do so as well::

    with safe_loading():
        runner.train()

Merely importing the package changes nothing of this, since a project that
uses the backbone decides itself what it trusts; the one exception is
:func:`load_own_checkpoints`.
"""
import contextlib
import os.path as osp
from typing import Any, Iterator, Mapping
from unittest import mock

import torch
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.utils import digit_version

from mmconvnextv2.files import is_whole, latest_whole_checkpoint
from . import stand_ins
from .errors import CheckpointError
from .io import read_checkpoint

_REPLACED = ('load_from_local', 'load_from_http', 'load_from_ceph')


def load_from_path_or_url(filename: str,
                          map_location: Any = None,
                          **_: Any) -> Any:
    """Load a whole checkpoint, with all that it takes to resume.

    It takes the place of MMEngine's loaders, which show the end of their name
    in the log. ``meta['config']``, the config of a run of mmcv, is left out:
    ``Runner.resume`` would execute it to compare the number of GPUs.

    Args:
        filename (str): Path or URL.
        map_location (Any): As in ``torch.load``. Defaults to None.

    Returns:
        dict: The content of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it cannot be downloaded or read, or not without
            running code.
    """
    try:
        content = read_checkpoint(filename, map_location, mmap=False)
    except CheckpointError as error:
        whole = osp.isfile(filename) and not is_whole(filename) and \
            latest_whole_checkpoint(osp.dirname(filename) or '.')
        if not whole:
            raise
        raise CheckpointError(f'{error}\nThe newest whole checkpoint beside '
                              f'it is {whole}') from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f'{filename}: a checkpoint must be a dict, '
                              f'found {type(content).__name__}')
    if isinstance(content.get('meta'), dict):
        content['meta'].pop('config', None)
    return content


def load_own_checkpoints() -> bool:
    """Let MMEngine read the checkpoints that it writes.

    Defect: mmengine 0.10.7 and older call ``torch.load`` with its defaults,
    and since torch 2.6 the default refuses all but tensors, so resuming and
    testing fail on MMEngine's own files, which hold its log as well.
    Importing this package replaces the reader of local files, and only where
    nothing could be loaded before. onedl-mmengine 0.10.12 needs no bridge.

    Returns:
        bool: Whether the reader was replaced.
    """
    if (hasattr(mmengine_checkpoint, 'get_torch_safe_globals')
            or digit_version(torch.__version__) < digit_version('2.6')):
        return False
    CheckpointLoader.register_scheme('', load_from_path_or_url, force=True)
    return True


@contextlib.contextmanager
def safe_loading() -> Iterator[None]:
    """Let MMEngine load by :func:`load_from_path_or_url` within the block.

    Loaders that a project has registered itself stay. Before torch 2.6, where
    ``weights_only=True`` can be made to run code (CVE-2025-32434) and refuses
    MMEngine's own files, all loaders stay.
    """
    if not stand_ins.are_possible():
        yield
        return
    replaced = {
        prefix: loader
        for prefix, loader in CheckpointLoader._schemes.items()
        if loader.__module__ == mmengine_checkpoint.__name__
        and loader.__name__ in _REPLACED
    }
    CheckpointLoader.register_scheme(
        list(replaced), load_from_path_or_url, force=True)
    try:
        # By this name the loaders of torchvision:// and other lists call it.
        with mock.patch.object(mmengine_checkpoint, 'load_from_http',
                               load_from_path_or_url):
            yield
    finally:
        for prefix, loader in replaced.items():
            CheckpointLoader.register_scheme(prefix, loader, force=True)


@contextlib.contextmanager
def explained_checkpoints(cfg: Mapping) -> Iterator[None]:
    """Load checkpoints safely, and explain what torch says of an optimizer.

    Args:
        cfg (Mapping): The config of the run.

    Raises:
        CheckpointError: For a checkpoint that cannot be used.
    """
    try:
        with safe_loading():
            yield
    except ValueError as error:
        if 'loaded state dict' not in str(error):
            raise
        file = cfg.get('load_from')
        raise CheckpointError(
            f"the optimizer's state in {file} is of another optimizer than "
            f'the config has: {error}. Resume with the config that it was '
            'trained with, or begin a run with its weights: --cfg-options '
            f'load_from={file} without --resume') from error
