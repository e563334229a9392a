"""Loading for FCMAE, by stage, with mmpretrain's crop and with ours.

Reads JPEGs that it makes from photographs of scikit-image and scikit-learn,
of the size and weight of ImageNet's and larger, through the pipeline of a
config. One process and one thread: what a worker does.

    python benchmarks/loader.py [--config FILE] [--images FOLDER] [--repeats 9]
"""
import argparse
import logging
import math
import statistics
import tempfile
import time
import warnings
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import cv2
import numpy as np
import torch
from devices import machine
from loader_images import KINDS, write_images
from loader_limits import decoding, through_loader
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.registry import init_default_scope
from rich.console import Console
from rich.table import Table
from timing import alternate, ratio

import mmconvnextv2  # noqa: F401  before mmpretrain: its bridge to torchvision

_ROOT = Path(__file__).resolve().parents[1]
_CONFIG = _ROOT / 'configs' / 'fcmae_convnextv2_a_in1k.py'
# Images per second that all models of a machine take together.
_SPEEDS = (100, 500, 1000, 2000, 5000, 10000, 20000)
Seconds = Dict[str, List[float]]


def build(config: str, folder: Path, **crop: Any) -> Any:
    """The config's data set, on other images and with another crop."""
    from mmpretrain.datasets import CustomDataset
    steps = [dict(x) for x in Config.fromfile(config).train_pipeline]
    steps[1].update(crop)
    dataset = CustomDataset(
        data_root=str(folder), pipeline=steps, with_label=False)
    dataset.full_init()
    return dataset


def read_all(dataset: Any, stages: Seconds) -> None:
    """Load each image once; adds the seconds of each stage per image."""
    spent: Dict[str, float] = defaultdict(float)
    samples = []
    # The contenders of a round draw the same boxes.
    np.random.seed(len(stages.get('collate', ())))

    def timed(name: str, run: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = run()
        spent[name] += time.perf_counter() - start
        return result

    for i in range(len(dataset)):
        sample = timed('entry', partial(dataset.get_data_info, i))
        for step in dataset.pipeline.transforms:
            name = type(step).__name__
            sample = timed(name, partial(step, sample))
        samples.append(sample)
    timed('collate', lambda: default_collate(samples))
    for name, seconds in spent.items():
        stages[name].append(seconds / len(dataset))


def compare(title: str, contenders: Dict[str, Any], repeats: int,
            console: Console) -> List[float]:
    """Time the data sets in turn; returns the last one's images/s."""
    stages: Dict[str, Seconds] = {x: defaultdict(list) for x in contenders}
    totals = alternate(
        {
            name: partial(read_all, dataset, stages[name])
            for name, dataset in contenders.items()
        }, repeats)
    count = len(next(iter(contenders.values())))
    table = Table('ms per image', *contenders, title=title)
    for stage in next(iter(stages.values())):
        table.add_row(stage, *[
            f'{1000 * statistics.median(x[stage][-repeats:]):.2f}'
            for x in stages.values()
        ])
    first = next(iter(totals.values()))
    rates = [count / statistics.median(x) for x in totals.values()]
    table.add_row('images/s and core', *[f'{x:.0f}' for x in rates])
    table.add_row('faster by',
                  *[f'{ratio(first, x):.2f}x' for x in totals.values()])
    console.print(table)
    return rates


def workers(rates: Dict[str, Sequence[float]], names: Sequence[str],
            console: Console) -> None:
    """Print how many workers keep models of several speeds busy."""
    columns = [f'{kind}, {name}' for kind in rates for name in names]
    table = Table(
        'model takes, images/s', *columns, title='Workers (cores) needed')
    for speed in _SPEEDS:
        table.add_row(
            str(speed), *[
                str(math.ceil(speed / rate)) for values in rates.values()
                for rate in values
            ])
    console.print(table)


def main() -> None:
    """Make images, time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--config', default=str(_CONFIG))
    parser.add_argument('--images', type=Path, help='time a folder of these')
    parser.add_argument('--repeats', type=int, default=9)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    init_default_scope('mmpretrain')
    crops = {
        'mmpretrain': dict(type='RandomResizedCrop', backend='pillow'),
        'mmconvnextv2': dict(type='mmconvnextv2.RandomResizedCrop')
    }
    console, rates = Console(), {}
    with tempfile.TemporaryDirectory() as temporary:
        folders = {args.images.name: args.images} if args.images else {
            kind: write_images(Path(temporary), kind)
            for kind in KINDS
        }
        datasets = {
            kind: {
                name: build(args.config, folder, **crop)
                for name, crop in crops.items()
            }
            for kind, folder in folders.items()
        }
        for kind, contenders in datasets.items():
            rates[kind] = compare(kind, contenders, args.repeats, console)
        decoding(folders, args.repeats, console)
        through_loader(next(iter(datasets.values())), 3, console)
    workers(rates, list(crops), console)
    console.print(f'Medians of {args.repeats} alternating rounds; '
                  + machine('cpu'))


if __name__ == '__main__':
    main()
