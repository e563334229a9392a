"""The shapes data set, generated: images small enough to train on a CPU.

From the shell: ``python -m mmconvnextv2.datasets.shapes [ROOT]``.
"""
import argparse
import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

from .shapes_backgrounds import find_photographs
from .shapes_layouts import FIRST_IDS, SPLITS, write_split

METADATA = 'shapes.json'
# Raised whenever the same arguments give other files.
_VERSION = 4


def make_shapes(root: Union[str, Path],
                num_train: int = 400,
                num_val: int = 100,
                seed: int = 0,
                overwrite: bool = False,
                progress: bool = False) -> Path:
    """Write the shapes data set, unless it is there.

    Images of 128 to 192 px a side with 1 to 5 textured objects, whose boxes
    have 10 to 45 % of the image's shorter side before they hide one another,
    and as many images of one object each for classification:

    .. code-block:: text

        root/{train,val}2017/, root/annotations/instances_{train,val}2017.json
        root/ade/{images,annotations}/{training,validation}/
        root/imagenet/{train,val}/{circle,cross,square,star,triangle}/

    The set appears under ``root`` whole or not at all, even if several
    processes write it at once. The same arguments give the same files, byte
    for byte, wherever the same photographs are found (see
    ``shapes_backgrounds``). Needs pycocotools.

    Args:
        root (str | Path): Folder to write to.
        num_train (int): Number of training images. Defaults to 400.
        num_val (int): Number of validation images. Defaults to 100.
        seed (int): Seed of everything random. Defaults to 0.
        overwrite (bool): Whether to replace a shapes data set that was made
            with other arguments or is damaged. Any other folder stays.
            Defaults to False.
        progress (bool): Whether to show a progress bar. Defaults to False.

    Returns:
        Path: ``root``.

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


def _write(root: Path, arguments: Dict[str, int], progress: bool) -> None:
    """Write a data set and, when all else is there, its metadata."""
    from rich.progress import Progress
    root.mkdir()
    with Progress(disable=not progress) as bar:
        total = 2 * (arguments['num_train'] + arguments['num_val'])
        task = bar.add_task('Drawing the shapes data set', total=total)
        for split in SPLITS:
            write_split(root, split, arguments[f'num_{split}'],
                        arguments['seed'], lambda: bar.advance(task))
    metadata = dict(
        version=_VERSION,
        arguments=arguments,
        num_files=_count_files(root),
        photographs=[path.name for path in find_photographs()])
    (root / METADATA).write_text(json.dumps(metadata, indent=2) + '\n')


def _install(staging: Path, target: Path, arguments: Dict[str, int],
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


def _count_files(root: Path) -> int:
    """Count the files of a data set, its metadata aside."""
    return sum(len(set(files) - {METADATA}) for _, _, files in os.walk(root))


def _read_metadata(root: Path) -> Dict[str, Any]:
    """Read the metadata of a shapes data set; {} if the folder is none."""
    try:
        metadata = json.loads((root / METADATA).read_text())
    except (OSError, ValueError):
        return {}
    return metadata if 'arguments' in metadata else {}


def _check(root: Path, arguments: Dict[str, int]) -> None:
    """Raise unless ``root`` is a whole data set of these arguments."""
    metadata = _read_metadata(root)
    if not metadata:
        raise FileExistsError(
            f'{root} exists and is not a shapes data set (it has no '
            f'{METADATA}), which even overwrite=True does not replace: choose '
            'another folder or remove this one yourself')
    remedy = 'pass overwrite=True (--overwrite) or another folder'
    found, version = metadata['arguments'], metadata.get('version')
    if found != arguments or version != _VERSION:
        raise FileExistsError(
            f'{root} holds a shapes data set of version {version} made with '
            f'{found}, not of version {_VERSION} with {arguments}: {remedy}')
    count = _count_files(root)
    if count < metadata['num_files']:
        raise FileExistsError(
            f'{root} holds a damaged shapes data set, {count} files where '
            f'{metadata["num_files"]} were written: {remedy}')


def main(argv: Optional[List[str]] = None) -> None:
    """Write the data set from the shell."""
    parser = argparse.ArgumentParser(description='Write the shapes data set.')
    parser.add_argument('root', nargs='?', default='data/shapes')
    parser.add_argument('--num-train', type=int, default=400)
    parser.add_argument('--num-val', type=int, default=100)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--overwrite', action='store_true')
    try:
        root = make_shapes(progress=True, **vars(parser.parse_args(argv)))
    except (ValueError, FileExistsError) as error:
        parser.error(str(error))
    print(f'The shapes data set is in {root}')


if __name__ == '__main__':
    main()
