"""Losses of short trainings on the shapes, in bfloat16 against float32.

Trains FCMAE for 200 iterations and Mask R-CNN for 300, each with ConvNeXt V2
atto, on the same images for each seed, and compares the means of the last 20
losses. bfloat16 is what --amp of tools/train.py means on this CPU. Runs that
have finished are kept: run it again with the same --work-dir to go on.

    python benchmarks/half_precision_losses.py [--seeds 0 1 2]
"""
import argparse
import sys
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'demo'))
# Config: epochs and batch size, for 200 and 300 iterations.
CONFIGS = {'fcmae_convnextv2_a_shapes.py': (4, 6),
           'maskrcnn_convnextv2_a_shapes.py': (2, 2)}
IMAGES = 300
PRECISIONS = 'float32', 'bfloat16'
LAST = 20


def final_loss(name: str, seed: int, precision: str, folder: Path) -> float:
    """Train, unless it is done, and average the last losses."""
    from _training import console, finish, finished, short_config, train

    from mmconvnextv2.engine.cpu import fit_amp_to_cpu
    from mmconvnextv2.quiet import quietly
    found = finished(folder)
    if found is None:
        epochs, batch = CONFIGS[name]
        cfg = short_config(name, folder, epochs, seed)
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        loader = cfg.train_dataloader
        loader.update(
            batch_size=batch, num_workers=0, persistent_workers=False)
        loader.dataset.indices = IMAGES
        say = console()
        say(f'{name}, seed {seed}, {precision}')
        if precision == 'bfloat16':
            cfg.optim_wrapper.type = 'AmpOptimWrapper'
            fit_amp_to_cpu(cfg, say)
        with quietly():
            result = train(cfg, say)
            history, _ = result['runner'].message_hub.get_scalar(
                'train/loss').data
            finish(folder, result, last=float(history[-LAST:].mean()))
        found = finished(folder)
    return found['last']


def main() -> None:
    """Train, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--work-dir', type=Path,
                        default=Path('work_dirs/half_precision_losses'))
    args = parser.parse_args()
    from _comparison import Spread

    from mmconvnextv2.datasets import make_shapes
    make_shapes('data/shapes')
    table = Table('loss', *PRECISIONS, 'difference',
                  title=f'mean of the last {LAST}, ± over the seeds')
    for name in CONFIGS:
        folder = args.work_dir / Path(name).stem
        losses = [[final_loss(name, seed, x, folder / f'{x}_{seed}')
                   for x in PRECISIONS] for seed in args.seeds]
        change = [b - a for a, b in losses]
        table.add_row(name, *(Spread.of(x).text() for x in zip(*losses)),
                      Spread.of(change).text('+'))
    console = Console(width=100)
    console.print(table)
    console.print(f'Seeds {args.seeds}; torch {torch.__version__}')


if __name__ == '__main__':
    main()
