"""Read a config file; say where it is wrong if it cannot be read."""
import os.path as osp
import traceback
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Union

from mmengine.config import Config

from .mistakes import joined, runner_keys, shortened, similar

# Functions of MMEngine that are at one file of the chain of bases.
_AT_A_FILE = ('_file2dict', '_is_lazy_import', '_parse_lazy_import')


class ConfigFileError(ValueError):
    """A config file, or a setting that replaces its values, is wrong."""


def read_config(path: Union[str, Path],
                options: Optional[Mapping[str, Any]] = None,
                say: Callable[[str], None] = print) -> Config:
    """Read a config file and replace some of its values.

    Args:
        path (str | Path): The file.
        options (Mapping[str, Any], optional): Values by dotted key.
        say (Callable): Told of options that MMEngine will not read. Defaults
            to print.

    Raises:
        ConfigFileError: If that fails; names the file and line, or the key of
            the option.
    """
    try:
        cfg = Config.fromfile(str(path))
    except Exception as error:
        raise ConfigFileError(_explain_file(error, str(path))) from error
    for key, value in (options or {}).items():
        _require_known(cfg, key, say)
        _merge(cfg, key, value)
    return cfg


def _require_known(cfg: Config, key: str, say: Callable[[str],
                                                        None]) -> None:
    known = {*cfg, *runner_keys()}
    top = key.split('.')[0]
    if top in known:
        return
    text = (f'--cfg-options {key}: the config has no key {top!r}, and '
            'MMEngine reads none of that name.')
    guess = similar(top, known)
    if guess:
        raise ConfigFileError(text + guess)
    # A user's own code may read it.
    say(f'Warning: {text}')


def _merge(cfg: Config, key: str, value: Any) -> None:
    try:
        cfg.merge_from_dict({key: value})
    except Exception as error:
        raise ConfigFileError(
            f'--cfg-options {key}: {_why_not_merged(cfg, key, error)}'
        ) from error


def _why_not_merged(cfg: Config, key: str, error: Exception) -> str:
    """Find the part of a dotted key where the way ends."""
    node: Any = dict(cfg.items())
    path = ''
    for name in key.split('.'):
        if isinstance(node, (list, tuple)):
            if not (name.isdigit() and int(name) < len(node)):
                return (f'{path} is a list, so an index from 0 to '
                        f'{len(node) - 1} was expected, got {name!r}')
            node, path = node[int(name)], joined(path, int(name))
        elif isinstance(node, Mapping):
            node, path = node.get(name, {}), joined(path, name)
        else:
            return (f'{path} is {shortened(repr(node))}, not a dict with a '
                    f'key {name!r}; replace it as a whole')
    return shortened(str(error))


def _explain_file(error: Exception, path: str) -> str:
    files = _files_on_the_way(error) or [osp.abspath(path)]
    if isinstance(error, FileNotFoundError) and len(files) > 1:
        return _no_base(files[-1], files[-2])
    if isinstance(error, ImportError):
        reason = error.__cause__ or error
        if 'custom modules' in str(error):
            return (f'{path}: custom_imports: {reason}. Check the names in '
                    'custom_imports.imports; PYTHONPATH must hold the folder '
                    'of your own modules.')
    where = _line(error, files[-1])
    reason = getattr(error, 'msg', None) if isinstance(
        error, SyntaxError) else None
    text = shortened(str(reason or error))
    if isinstance(error, KeyError):
        text = shortened(str(error.args[0])) if ' ' in str(
            error.args[0]) else f'there is no {error.args[0]!r}'
    return f'{where}: the config cannot be read: {text}'


def _no_base(missing: str, config: str) -> str:
    folder = osp.dirname(missing)
    names = [x.name for x in Path(folder).glob('*.py')]
    return (f'{config}: _base_: there is no file {missing}.'
            f'{similar(osp.basename(missing), names)}')


def _files_on_the_way(error: BaseException) -> List[str]:
    """Config files from the leaf to the base where the error came up."""
    files: List[str] = []
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name = frame.f_locals.get('filename')
        if frame.f_code.co_name in _AT_A_FILE and isinstance(name, str):
            name = osp.abspath(name)
            if not files or files[-1] != name:
                files.append(name)
    return files


def _line(error: BaseException, file: str) -> str:
    """The file, and the line in it if that is known."""
    number = error.lineno if isinstance(error, SyntaxError) else None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if osp.abspath(frame.f_code.co_filename) == file:
            number = line
    return f'{file}, line {number}' if number else file
