"""The shapes data set, generated: images small enough to train on a CPU.

From the shell: ``python -m mmconvnextv2.datasets.shapes [ROOT]``.
"""
import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

from .shapes_backgrounds import find_photographs
from .shapes_layouts import FIRST_IDS, SPLITS, write_split
from .shapes_scene import CLASSES, PALETTE, SEG_CLASSES, SEG_PALETTE

__all__ = ['CLASSES', 'PALETTE', 'SEG_CLASSES', 'SEG_PALETTE', 'make_shapes']
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

    The set appears under ``root`` whole or not at all: it is written beside it
    and renamed. Processes that do so at once all end with the same set. The
    same arguments give the same files, byte for byte, wherever the same
    photographs are found (see ``shapes_backgrounds``); pycocotools is needed.

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
    limit = FIRST_IDS['val']
    if not 0 < num_train < limit or not 0 < num_val < limit or seed < 0:
        raise ValueError(
            f'make_shapes: num_train and num_val must be 1 to {limit - 1} and '
            f'seed at least 0, got num_train={num_train}, num_val={num_val}, '
            f'seed={seed}')
    arguments = dict(num_train=num_train, num_val=num_val, seed=seed)
    # A link to another disk stays a link.
    target = Path(root).resolve()
    if _is_taken(target, overwrite) and not overwrite:
        _check(target, arguments)
        return Path(root)
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(
        tempfile.mkdtemp(prefix=f'.{target.name}-', dir=target.parent))
    try:
        _write(staging / 'new', arguments, progress)
        _install(staging, target, arguments, overwrite)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Path(root)


def _write(root: Path, arguments: Dict[str, int], progress: bool) -> None:
    """Write a data set and, when all else is there, its metadata."""
    from rich.progress import Progress
    counts = dict(train=arguments['num_train'], val=arguments['num_val'])
    root.mkdir()
    with Progress(disable=not progress) as bar:
        task = bar.add_task(
            'Drawing the shapes data set', total=2 * sum(counts.values()))
        for split in SPLITS:
            write_split(root, split, counts[split], arguments['seed'],
                        lambda: bar.advance(task))
    metadata = dict(
        version=_VERSION,
        arguments=arguments,
        num_files=_count_files(root),
        photographs=[path.name for path in find_photographs()])
    (root / METADATA).write_text(json.dumps(metadata, indent=2) + '\n')


def _install(staging: Path, target: Path, arguments: Dict[str, int],
             overwrite: bool) -> None:
    """Rename the finished set, unless another process was faster."""
    try:
        if overwrite and target.exists():
            os.rename(target, staging / 'old')
    except FileNotFoundError:
        pass  # Another process has just moved it away.
    try:
        # Replaces nothing but an empty folder.
        os.rename(staging / 'new', target)
    except OSError:
        if not target.is_dir():
            raise
        _check(target, arguments)


def _count_files(root: Path) -> int:
    """Number of files of a data set, its metadata aside."""
    return sum(len(files) for _, _, files in os.walk(root)) - int(
        (root / METADATA).exists())


def _read_metadata(root: Path) -> Optional[Dict[str, Any]]:
    """Metadata of a shapes data set; None if the folder is none."""
    try:
        metadata = json.loads((root / METADATA).read_text())
    except (OSError, ValueError):
        return None
    return metadata if 'arguments' in metadata else None


def _is_taken(root: Path, overwrite: bool) -> bool:
    """Whether something lies at ``root``; an error if it must not go."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    if _read_metadata(root) is None:
        also = ', and overwrite=True replaces no such folder'
        raise FileExistsError(
            f'{root} exists and is not a shapes data set (it has no '
            f'{METADATA}){also if overwrite else ""}: choose another folder '
            'or remove this one yourself')
    return True


def _check(root: Path, arguments: Dict[str, int]) -> None:
    """Raise unless ``root`` is a whole data set of these arguments."""
    metadata = _read_metadata(root) or {}
    remedy = 'pass overwrite=True (--overwrite) or another folder'
    found = metadata.get('arguments')
    if found != arguments or metadata.get('version') != _VERSION:
        raise FileExistsError(
            f'{root} holds a shapes data set of version '
            f'{metadata.get("version")} made with {found}, not of version '
            f'{_VERSION} with {arguments}: {remedy}')
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
