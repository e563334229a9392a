"""Let MMEngine load whole checkpoints without running what they hold.

As released, MMEngine runs it: onedl-mmengine 0.10.12 goes on with
``weights_only=False`` when the safe way is refused, both stacks read URLs like
that, and both execute the text ``meta['config']`` on resuming. mmengine 0.10.7
refuses its own files instead, where torch is 2.6 or newer.
"""
import contextlib
import os.path as osp
from functools import partial, update_wrapper
from typing import Any, Iterator, Mapping, Optional

from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from mmconvnextv2.files import is_whole, latest_whole_checkpoint
from . import stand_ins
from .entries import pick_weights
from .errors import CheckpointError, about
from .io import read_checkpoint

_UNSAFE = (mmengine_checkpoint.load_from_local,
           mmengine_checkpoint.load_from_http,
           mmengine_checkpoint.load_from_ceph,
           mmengine_checkpoint.load_from_openmmlab)


def load_from_path_or_url(filename: str,
                          map_location: Any = None,
                          entry: Optional[str] = None,
                          **_: Any) -> Mapping:
    """Load a whole checkpoint, as MMEngine's loaders do.

    With ``entry``, the weights of that name are its ``state_dict``, and it
    holds no others.

    MMEngine shows the end of this name in the log. ``meta['config']``, the
    config of a run of mmcv, is left out: ``Runner.resume`` would execute it
    to compare the number of GPUs. See ``read_checkpoint`` for the errors.
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
    if entry:
        with about(filename):
            content = dict(state_dict=pick_weights(content, entry),
                           meta=content.get('meta', {}))
    return content


def _load_from_list(filename: str, map_location: Any = None,
                    **kwargs: Any) -> Mapping:
    """Load ``open-mmlab://NAME``, whose file may lie in MMENGINE_HOME."""
    name = filename.partition('://')[2]
    name = mmengine_checkpoint.get_deprecated_model_names().get(name, name)
    known = mmengine_checkpoint.get_external_models()
    if name not in known:
        raise CheckpointError(f'{filename}: MMEngine knows no such name, nor '
                              'has MMENGINE_HOME/open_mmlab.json it')
    address = known[name] if '://' in known[name] else osp.join(
        mmengine_checkpoint._get_mmengine_home(), known[name])
    return load_from_path_or_url(address, map_location, **kwargs)


def load_own_checkpoints() -> None:
    """Let MMEngine read the checkpoints that it writes.

    Defect: mmengine 0.10.7 and older call ``torch.load`` with its defaults,
    and since torch 2.6 the default refuses all but tensors, so resuming and
    testing fail on MMEngine's own files, which hold its log as well.
    Importing this package replaces the reader of local files, and only where
    nothing could be loaded before. onedl-mmengine 0.10.12 needs no bridge.
    """
    if stand_ins.are_possible() and not hasattr(mmengine_checkpoint,
                                                'get_torch_safe_globals'):
        CheckpointLoader.register_scheme(
            '', load_from_path_or_url, force=True)


@contextlib.contextmanager
def safe_loading(entry: Optional[str] = None) -> Iterator[None]:
    """Let MMEngine load by ``load_from_path_or_url`` within the block.

    The tools of this package do so while they run. Merely importing it changes
    nothing, since a project that uses the backbone decides itself what it
    trusts. Loaders that a project has registered stay. So do all before torch
    2.6, where ``weights_only=True`` refuses MMEngine's own files.

    Args:
        entry (str, optional): Key of the state dict to take from files that
            hold several; needs torch 2.6. Defaults to None.

    Raises:
        CheckpointError: If a checkpoint cannot be used.

    Examples:
        >>> with safe_loading():
        >>>     runner.train()
    """
    if entry and not stand_ins.are_possible():
        raise CheckpointError('choosing an entry needs torch 2.6 or newer')
    replaced = {
        prefix: loader
        for prefix, loader in CheckpointLoader._schemes.items()
        if loader in (*_UNSAFE, load_from_path_or_url)
        and stand_ins.are_possible()
    }
    for prefix, loader in replaced.items():
        is_list = loader is mmengine_checkpoint.load_from_openmmlab
        ours = _load_from_list if is_list else load_from_path_or_url
        # MMEngine asks for its name.
        CheckpointLoader.register_scheme(
            prefix, update_wrapper(partial(ours, entry=entry), ours),
            force=True)
    # The loaders of torchvision:// and other lists call it by this name.
    by_name = mmengine_checkpoint.load_from_http
    if replaced:
        mmengine_checkpoint.load_from_http = partial(
            load_from_path_or_url, entry=entry)
    try:
        yield
    except ValueError as error:
        if 'loaded state dict' not in str(error):
            raise
        raise CheckpointError(
            "the optimizer's state in the checkpoint is of another optimizer "
            f'than the config has: {error}. Resume with the config that it '
            'was trained with, or begin a run with its weights: --cfg-options '
            'load_from=FILE without --resume') from error
    finally:
        mmengine_checkpoint.load_from_http = by_name
        for prefix, loader in replaced.items():
            CheckpointLoader.register_scheme(prefix, loader, force=True)
