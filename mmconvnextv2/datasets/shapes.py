"""The shapes data set, generated: images small enough to train on a CPU."""
import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .shapes_backgrounds import find_photographs
from .shapes_layouts import FIRST_IDS, SPLITS, write_split

METADATA = 'shapes.json'
# Raised whenever the same arguments give other files.
_VERSION = 4


def make_shapes(root: str | Path, num_train: int = 400, num_val: int = 100,
                seed: int = 0, overwrite: bool = False,
                progress: bool = False) -> Path:
    """Write the shapes data set, unless it is there.

    Images of 128 to 192 px a side with 1 to 5 textured objects, whose boxes
    have 10 to 45 % of the image's shorter side before they hide one another,
    and as many images of one object each for classification:

    .. code-block:: text

        root/{train,val}2017/, root/annotations/instances_{train,val}2017.json
        root/ade/{images,annotations}/{training,validation}/
        root/imagenet/{train,val}/{circle,cross,square,star,triangle}/

    The set appears whole or not at all, even if several processes write it at
    once. The same arguments and photographs (see ``shapes_backgrounds``) give
    the same files, byte for byte. Needs pycocotools.

    Args:
        root (str | Path): Folder to write to, which is returned.
        num_train (int): Number of training images.
        num_val (int): Number of validation images.
        seed (int): Seed of everything random.
        overwrite (bool): Whether to replace a shapes data set that was made
            with other arguments or is damaged. Any other folder stays.
        progress (bool): Whether to show a progress bar.

    Raises:
        ValueError: If a count is not positive or the seed is negative.
        FileExistsError: If ``root`` holds something else.
    """
    arguments = dict(num_train=num_train, num_val=num_val, seed=seed)
    limit = FIRST_IDS['val']
    if not 0 < num_train < limit or not 0 < num_val < limit or seed < 0:
        raise ValueError(
            f'make_shapes: num_train and num_val must be 1 to {limit - 1} and '
            f'seed at least 0, got {arguments}')
    # A link to another disk stays a link.
    target = Path(root).resolve()
    is_empty = target.is_dir() and not any(target.iterdir())
    if target.exists() and not is_empty and not (
            overwrite and _read_metadata(target)):
        _check(target, arguments)
        return Path(root)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
            prefix=f'.{target.name}-', dir=target.parent,
            ignore_cleanup_errors=True) as staging:
        _write(Path(staging, 'new'), arguments, progress)
        _install(Path(staging), target, arguments, overwrite)
    return Path(root)


def _write(root: Path, arguments: dict[str, int], progress: bool) -> None:
    """Write a data set and, when all else is there, its metadata."""
    from rich.progress import Progress
    root.mkdir()
    with Progress(disable=not progress) as bar:
        task = bar.add_task('Drawing the shapes data set', total=arguments[
            'num_train'] + arguments['num_val'])
        for split in SPLITS:
            write_split(root, split, arguments[f'num_{split}'],
                        arguments['seed'], lambda: bar.advance(task))
    metadata = dict(
        version=_VERSION, arguments=arguments, num_files=_number(root),
        photographs=[path.name for path in find_photographs()])
    (root / METADATA).write_text(json.dumps(metadata, indent=2) + '\n')


def _install(staging: Path, target: Path, arguments: dict[str, int],
             overwrite: bool) -> None:
    """Rename the finished set, unless another process was faster."""
    if overwrite and target.exists():
        # Another process may just have moved it away.
        with contextlib.suppress(FileNotFoundError):
            os.rename(target, staging / 'old')
    try:
        # Replaces nothing but an empty folder.
        os.rename(staging / 'new', target)
    except OSError:
        if not target.is_dir():
            raise
        _check(target, arguments)


def _number(root: Path) -> int:
    return sum(x.is_file() and x.name != METADATA for x in root.rglob('*'))


def _read_metadata(root: Path) -> dict[str, Any]:
    """Read the metadata of a shapes data set; {} if the folder is none."""
    try:
        metadata = json.loads((root / METADATA).read_text())
    except (OSError, ValueError):
        return {}
    return metadata if 'arguments' in metadata else {}


def _check(root: Path, arguments: dict[str, int]) -> None:
    """Raise unless ``root`` is a whole data set of these arguments."""
    metadata = _read_metadata(root)
    if not metadata:
        raise FileExistsError(
            f'{root} exists and is not a shapes data set (it has no '
            f'{METADATA}), which even overwrite=True does not replace: choose '
            'another folder or remove this one yourself')
    remedy = 'pass overwrite=True or another folder'
    found, version = metadata['arguments'], metadata.get('version')
    if found != arguments or version != _VERSION:
        raise FileExistsError(
            f'{root} holds a shapes data set of version {version} made with '
            f'{found}, not of version {_VERSION} with {arguments}: {remedy}')
    count = _number(root)
    if count < metadata['num_files']:
        raise FileExistsError(
            f'{root} holds a damaged shapes data set, {count} files where '
            f'{metadata["num_files"]} were written: {remedy}')
