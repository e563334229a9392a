"""What bounds loading: the decoder, and the way out of the workers."""
import statistics
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any, Dict, List

import cv2
import numpy as np
from mmengine.dataset import default_collate
from rich.console import Console
from rich.table import Table
from timing import alternate
from torch.utils.data import ConcatDataset, DataLoader


def decoding(folders: Dict[str, Path], repeats: int,
             console: Console) -> None:
    """Print what decoding costs at reduced sizes.

    At 1/8 the decompression of the bit stream is nearly all that is left: no
    decoder that crops can do without that of the lines above and in the crop.
    """
    scales = {
        '1': cv2.IMREAD_COLOR,
        '1/2': cv2.IMREAD_REDUCED_COLOR_2,
        '1/4': cv2.IMREAD_REDUCED_COLOR_4,
        '1/8': cv2.IMREAD_REDUCED_COLOR_8
    }
    table = Table('ms per image', *scales, title='Decoding, by scale')
    for kind, folder in folders.items():
        files = [
            np.fromfile(x, np.uint8) for x in folder.iterdir() if x.is_file()
        ]

        def run(flag: int, files: List[np.ndarray] = files) -> None:
            for file in files:
                cv2.imdecode(file, flag)

        seconds = alternate(
            {name: partial(run, flag)
             for name, flag in scales.items()}, repeats)
        table.add_row(kind, *[
            f'{1000 * statistics.median(x) / len(files):.2f}'
            for x in seconds.values()
        ])
    console.print(table)


def through_loader(contenders: Dict[str, Any], repeats: int,
                   console: Console) -> None:
    """Print images/s of PyTorch's data loader, workers and transport."""
    table = Table(
        'workers', *contenders, title='Images/s of a DataLoader')
    for num_workers in (1, 2):
        loaders = {
            name: DataLoader(
                ConcatDataset([dataset] * 32),
                batch_size=64,
                num_workers=num_workers,
                persistent_workers=True,
                collate_fn=default_collate)
            for name, dataset in contenders.items()
        }
        seconds = alternate(
            {name: partial(deque, x, 0)
             for name, x in loaders.items()}, repeats, 1)
        table.add_row(
            str(num_workers), *[
                f'{len(loaders[name].dataset) / statistics.median(x):.0f}'
                for name, x in seconds.items()
            ])
    console.print(table)
