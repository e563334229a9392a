"""What a user is told of a checkpoint that cannot be used by a run."""
import contextlib
import os.path as osp
from typing import Iterator, Mapping
from urllib.error import URLError

from mmconvnextv2.config.preflight import remote_weights
from mmconvnextv2.errors import CommandError
from mmconvnextv2.files import is_whole, latest_whole_checkpoint
from .errors import CheckpointError
from .loading import safe_loading


@contextlib.contextmanager
def explained_checkpoints(cfg: Mapping) -> Iterator[None]:
    """Load checkpoints safely; tell the user what is wrong with one.

    Args:
        cfg (Mapping): The config of the run.

    Raises:
        CommandError: For a checkpoint that cannot be downloaded or read, or
            not without running code, or that does not fit.
    """
    try:
        with safe_loading():
            yield
    except CheckpointError as error:
        raise CommandError(f'{error}{_whole_beside(cfg)}') from error
    except URLError as error:
        raise CommandError(_not_downloaded(cfg, error)) from error
    except ValueError as error:
        # What torch says of an optimizer's state.
        if 'loaded state dict' not in str(error):
            raise
        file = cfg.get('load_from')
        raise CommandError(
            f"the optimizer's state in {file} is of another optimizer than "
            f'the config has: {error}. Resume with the config that it was '
            'trained with, or begin a run with its weights: --cfg-options '
            f'load_from={file} without --resume') from error


def _not_downloaded(cfg: Mapping, error: URLError) -> str:
    """What failed and the way out; raises what is not of weights."""
    weights = {
        key: url for key, url in remote_weights(cfg).items()
        if error.filename in (None, url)
    }
    urls = list(weights.values()) or [error.filename]
    if urls == [None]:
        raise error
    options = ' '.join(f'{key}=FILE' for key in weights if key != 'load_from')
    way = f': --cfg-options {options}' if options else ' instead'
    return (f'the weights could not be downloaded ({error.reason}):' +
            ''.join(f'\n  {url}' for url in urls) +
            f'\nGet the file on another machine and name it{way}')


def _whole_beside(cfg: Mapping) -> str:
    """Advice on where else to resume, if a damaged file was named."""
    path = cfg.get('load_from')
    if not cfg.get('resume') or not osp.isfile(path) or is_whole(path):
        return ''
    whole = latest_whole_checkpoint(osp.dirname(path) or '.')
    return f'\nThe newest whole checkpoint beside it is {whole}' if whole \
        else ''
