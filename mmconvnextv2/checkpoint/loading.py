"""MMEngine's loading of whole checkpoints, without running what they hold.

As released, MMEngine runs it: onedl-mmengine 0.10.12 goes on with
``weights_only=False`` when the safe way is refused, both stacks read URLs like
that, and both execute the text ``meta['config']`` on resuming. mmengine 0.10.7
refuses its own files instead, where torch is 2.6 or newer.

Nothing of this changes when the package is imported, since a project that
merely uses a backbone of ours decides itself what it trusts; the one exception
is :func:`mmconvnextv2.compat.load_own_checkpoints`, without which the classic
stack cannot load at all. The tools of this package put
:func:`load_from_path_or_url` in the place of MMEngine's loaders while they
run, by the registry that MMEngine has for that, and take it out afterwards.
Another project's tool may do so too::

    with safe_loading():
        runner.train()

Before torch 2.6 no stand-ins can be allowed, and ``weights_only=True`` itself
can be made to run code (CVE-2025-32434): there MMEngine's loaders stay.
"""
import contextlib
import os.path as osp
from typing import Any, Dict, Iterator, Mapping

import torch
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.utils import digit_version

from .errors import CheckpointError, sample
from .inert import load_inert
from .reading import explained_file, import_safetensors

# Needs a package that was never published.
_PAVI = 'pavi://'
_MMCLS = 'mmcls://'


def load_from_path_or_url(filename: str, map_location: Any = None) -> Any:
    """Load a whole checkpoint, with all that it takes to resume.

    Registered as a loader of MMEngine's, which shows the end of the name in
    the log. ``meta['config']``, the config of a run of mmcv's, is left out:
    ``Runner.resume`` would execute it to compare the number of GPUs.

    Args:
        filename (str): Path or URL, or a name of MMEngine's lists such as
            'torchvision://resnet50'.
        map_location (Any): As in ``torch.load``. Defaults to None.

    Returns:
        dict: What the file holds.

    Raises:
        FileNotFoundError: If there is no such file.
        URLError: If it cannot be downloaded.
        CheckpointError: If it cannot be read, or not without running code.
    """
    url = _resolved(filename)
    with explained_file(url) as path:
        if path.endswith('.safetensors'):
            # Its function takes no callable.
            return import_safetensors().load_file(path)
        content = load_inert(lambda: torch.load(
            path, map_location=map_location, weights_only=True))
    if not isinstance(content, Mapping):
        raise CheckpointError(f'{filename}: a checkpoint must be a dict, '
                              f'found {type(content).__name__}')
    if isinstance(content.get('meta'), dict):
        content['meta'].pop('config', None)
    if filename.startswith(_MMCLS):
        return mmengine_checkpoint._process_mmcls_checkpoint(content)
    return content


def _resolved(filename: str) -> str:
    """The path or URL behind a name of MMEngine's lists."""
    scheme, separator, name = filename.partition('://')
    known: Dict[str, str]
    if scheme in ('torchvision', 'modelzoo') and separator:
        known = mmengine_checkpoint.get_torchvision_models()
    elif scheme in ('openmmlab', 'open-mmlab') and separator:
        known = mmengine_checkpoint.get_external_models()
        renamed = mmengine_checkpoint.get_deprecated_model_names()
        name = renamed.get(name, name)
    elif scheme == 'mmcls' and separator:
        known = mmengine_checkpoint.get_mmcls_models()
    else:
        return filename
    if name not in known:
        raise CheckpointError(f'{filename}: there are no weights of that name '
                              f'in the list of {scheme}, found '
                              f'{sample(sorted(known))}')
    found = known[name]
    if '://' in found:
        return found
    return osp.join(mmengine_checkpoint._get_mmengine_home(), found)


@contextlib.contextmanager
def safe_loading() -> Iterator[None]:
    """Let MMEngine load by :func:`load_from_path_or_url` within the block.

    Loaders that a project has registered itself stay.
    """
    if digit_version(torch.__version__) < digit_version('2.6'):
        yield
        return
    replaced = {
        prefix: loader
        for prefix, loader in CheckpointLoader._schemes.items()
        if loader.__module__ == mmengine_checkpoint.__name__
        and prefix != _PAVI
    }
    CheckpointLoader.register_scheme(
        list(replaced), load_from_path_or_url, force=True)
    try:
        yield
    finally:
        for prefix, loader in replaced.items():
            CheckpointLoader.register_scheme(prefix, loader, force=True)
