"""Find the config of any OpenMMLab package, and the name to inherit from."""
import contextlib
import difflib
import importlib.util
import os
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from mmconvnextv2.errors import CommandError

PACKAGES = ('mmdet', 'mmseg', 'mmpretrain', 'mmrotate', 'mmpose', 'mmyolo',
            'mmdet3d')


class Source(NamedTuple):
    """A config file, and what ``_base_`` says to inherit from it."""

    file: Path
    base: str


def folder_of(package: str) -> Path | None:
    """Return the folder of a package's configs, if it is installed."""
    spec = importlib.util.find_spec(package)
    places = spec and spec.submodule_search_locations
    folder = places and Path(places[0]) / '.mim' / 'configs'
    return folder if folder and folder.is_dir() else None


def find_source(name: str, out: Path) -> Source:
    """Find a config.

    Args:
        name (str): Path; 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py', as
            in ``_base_``; or the bare name of a config of a package.
        out (Path): Folder of the config that is to inherit from it.

    Raises:
        CommandError: If there is none, or there are several of the name.
    """
    package, mark, inner = name.partition('::')
    if mark:
        folder = folder_of(package) if package in PACKAGES else None
        if folder is None or not (folder / inner).is_file():
            raise CommandError(
                f'there is no config {name!r}'
                f'{f" in {folder}" if folder else f": {package} has none"}')
        return _source(folder / inner, out)
    if Path(name).is_file():
        return _source(Path(name), out)
    wanted, known = Path(name).stem, []
    for package in PACKAGES:
        if folder := folder_of(package):
            known += folder.rglob('[!_]*.py')
    known = [x for x in known if '_base_' not in x.parts]
    found = [x for x in known if x.stem == wanted]
    if len(found) == 1:
        return _source(found[0], out)
    if found:
        raise CommandError(f'several packages have a config {wanted}: '
                           f'{", ".join(map(str, found))}. Give the path.')
    similar = difflib.get_close_matches(wanted, [x.stem for x in known])
    raise CommandError(
        f'there is no config file {name!r}, neither seen from {os.getcwd()} '
        'nor in the installed packages. Similar names there: '
        f'{", ".join(similar) or "none"}.')


def _source(file: Path, out: Path) -> Source:
    if 'read_base' in file.read_text(encoding='utf-8'):
        raise CommandError(
            f'{file} is of the new style (read_base), from which only configs '
            'of that style can inherit. Take its twin of the old style: most '
            "packages have one of the same name in '.mim/configs'.")
    absolute = Path(os.path.abspath(file))
    for package in PACKAGES:
        folder = folder_of(package)
        if folder and absolute.is_relative_to(folder):
            base = f'{package}::{absolute.relative_to(folder).as_posix()}'
            # MMEngine cannot find every package's by name: not mmseg's
            # among the maintained packages.
            with contextlib.suppress(Exception):
                Config._get_cfg_path(base, '')
                return Source(file, base)
            return Source(file, str(absolute))
    return Source(file, os.path.relpath(absolute, out))
