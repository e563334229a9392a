"""Accuracy against FCMAE's mask ratio, the counterpart of Figure 8.

For each ratio and seed, pre-trains atto on the shapes data set and fine-tunes
it as a classifier of them. Writes mask_ratio.csv and mask_ratio.png. Runs that
have finished are kept: run it again with the same --work-dir to go on.

    python benchmarks/mask_ratio.py [--ratios 0.3 0.5 0.6 0.7 0.9] \\
        [--seeds 0 1 2] [--epochs 40] [--ft-epochs 20]
"""
import argparse
import csv
import statistics
import sys
from pathlib import Path
from typing import Callable, Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'demo'))


def top1(ratio: float, seed: int, args: argparse.Namespace,
         say: Callable[[str], None]) -> float:
    """Pre-train and fine-tune, unless that is done; returns the accuracy."""
    from _training import finish, finished, short_config, train
    folder = args.work_dir / f'ratio_{ratio}_seed_{seed}'
    settings = dict(epochs=args.epochs, ft_epochs=args.ft_epochs)
    if finished(folder) is None:
        say(f'\nmask ratio {ratio}, seed {seed}')
        cfg = short_config('fcmae_convnextv2_a_shapes.py',
                           folder / f'fcmae_{ratio}_{seed}', args.epochs, seed)
        cfg.model.mask_ratio = ratio
        weights = Path(cfg.work_dir) / train(cfg, say)['checkpoint']
        cfg = short_config('convnextv2_a_ft_shapes.py',
                           folder / f'ft_{ratio}_{seed}', args.ft_epochs, seed)
        cfg.model.backbone.init_cfg = dict(
            type='Pretrained', checkpoint=str(weights), prefix='backbone.')
        cfg.train_cfg.val_interval = args.ft_epochs
        finish(folder, train(cfg, say), **settings)
    found = finished(folder)
    if any(found[key] != value for key, value in settings.items()):
        sys.exit(f'{folder} was made with other settings than {settings}: '
                 'choose another --work-dir')
    return found['curve'][-1][1]['accuracy/top1']


def draw(found: Dict[float, List[float]], path: Path) -> None:
    """Draw the mean over seeds, with all of them as dots."""
    from matplotlib.figure import Figure
    figure = Figure((5, 3.4), layout='constrained')
    axes = figure.subplots()
    axes.plot(list(found), [statistics.fmean(x) for x in found.values()])
    for ratio, values in found.items():
        axes.plot([ratio] * len(values), values, 'k.')
    axes.set(xlabel='mask ratio', ylabel='top-1 on shapes, %')
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Train, tabulate, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add('--ratios', type=float, nargs='+', default=[0.3, 0.5, 0.6, 0.7, 0.9])
    add('--seeds', type=int, nargs='+', default=[0, 1, 2])
    add('--epochs', type=int, default=40, help='of pre-training')
    add('--ft-epochs', type=int, default=20, help='of fine-tuning')
    add('--work-dir', type=Path, default=Path('work_dirs/mask_ratio'))
    args = parser.parse_args()
    from _training import console

    from mmconvnextv2.datasets import make_shapes
    from mmconvnextv2.quiet import quietly
    make_shapes('data/shapes')
    args.work_dir.mkdir(parents=True, exist_ok=True)
    say = console()
    with quietly():
        found = {ratio: [top1(ratio, seed, args, say) for seed in args.seeds]
                 for ratio in sorted(args.ratios)}
    with open(args.work_dir / 'mask_ratio.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['mask ratio', *(f'seed {x}' for x in args.seeds)])
        writer.writerows([ratio, *values] for ratio, values in found.items())
    draw(found, args.work_dir / 'mask_ratio.png')
    print(args.work_dir / 'mask_ratio.png')


if __name__ == '__main__':
    main()
