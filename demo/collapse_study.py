"""Do features collapse under FCMAE without GRN? A small study on shapes.

Pre-trains ConvNeXt and ConvNeXt V2 with FCMAE on the shapes data set, then
draws the counterparts of the paper's Figures 3, 4 and 7. Atto takes some ten
minutes a seed on two CPU cores. Needs no download.
Pre-trainings that have finished are kept: run it again with the same
--work-dir to go on.
"""
import argparse
import os
import shutil
import sys
from pathlib import Path
from statistics import fmean
from typing import Dict, List, Mapping, Optional, Sequence


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('--epochs', type=int, default=40,
        help='of each pre-training (default: %(default)s)')
    add('--seeds', type=int, nargs='+', default=[0],
        help='of both pre-trainings, which are done with each; Figure 4 then '
        'shows means and standard deviations over them (default: 0)')
    add('--arch', choices=['atto', 'femto', 'pico', 'nano', 'tiny', 'base'],
        help='size of both networks (default: that of the configs, atto)')
    add('--work-dir', type=Path, default=Path('work_dirs/collapse_study'),
        help='output folder (default: %(default)s)')
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

from _comparison import Spread
from _training import (
    INTERRUPTED,
    Say,
    console,
    finish,
    finished,
    short_config,
    train,
)
from mmengine.config import Config

from mmconvnextv2.analysis import Model, find_images, load_model
from mmconvnextv2.analysis.cosine_distance import LayerDistance
from mmconvnextv2.analysis.features import AFTER_GRN, BEFORE_GRN
from mmconvnextv2.analysis.plots import plot_cosine_distance
from mmconvnextv2.analysis.reports import (
    report_activations,
    report_class_selectivity,
    report_cosine_distance,
)
from mmconvnextv2.cli import require_data, run_command
from mmconvnextv2.errors import CommandError
from mmconvnextv2.files import write_text
from mmconvnextv2.models.backbones.arch import resolve_arch
from mmconvnextv2.quiet import quietly
from mmconvnextv2.text import markdown_table

# What is compared, by the names of their folders.
ARMS = dict(
    convnextv1='fcmae_convnextv1_a_shapes.py',
    convnextv2='fcmae_convnextv2_a_shapes.py')
TITLES = dict(convnextv1='V1 + FCMAE', convnextv2='V2 + FCMAE')
UNTRAINED = 'V2, untrained'
# Sides of the images in pixels, as the shapes configs have them.
_SCENE_SIZE, _CROP_SIZE = 128, 96
_BATCH_SIZE = 16


def run_folder(arm: str, seed: int, args: argparse.Namespace) -> Path:
    """Name the output folder of a pre-training."""
    return args.work_dir / f'seed_{seed}' / arm


def pretraining_config(arm: str, seed: int,
                       args: argparse.Namespace) -> Config:
    """Configure the pre-training of an arm, which differs in its length.

    Raises:
        CommandError: If the schedule's warm-up leaves no epoch.
    """
    cfg = short_config(ARMS[arm], run_folder(arm, seed, args), args.epochs,
                       seed)
    cfg.default_hooks.checkpoint.update(
        interval=args.epochs, save_optimizer=False)
    if args.arch:
        cfg.model.backbone.arch = args.arch
        cfg.model.neck.in_channels = resolve_arch(args.arch).channels[-1]
    return cfg


def check_data(args: argparse.Namespace) -> Path:
    """Write the shapes data set if it is not there; returns its folder.

    Raises:
        CommandError: If it cannot be written, or the epochs are too few.
    """
    for arm in ARMS:
        cfg = pretraining_config(arm, args.seeds[0], args)
        args.config = cfg.filename
        require_data(cfg, args, ('train', ), initial_weights=False)
    return Path(cfg.train_dataloader.dataset.data_root)


def pretrain(arm: str, seed: int, args: argparse.Namespace,
             say: Say) -> Path:
    """Pre-train an arm, unless that is done.

    Returns:
        Path: The checkpoint, beside ``config.py``.

    Raises:
        CommandError: If it was done with other settings.
    """
    settings = dict(arch=args.arch, epochs=args.epochs, seed=seed)
    folder = run_folder(arm, seed, args)
    cfg = pretraining_config(arm, seed, args)
    if finished(folder) is None:
        say(f'\n{TITLES[arm]}, {args.epochs} epochs, seed {seed}')
        shutil.rmtree(folder, ignore_errors=True)
        finish(folder, train(cfg, say), **settings)
    found = finished(folder)
    if any(found.get(key) != value for key, value in settings.items()):
        raise CommandError(
            f'{folder} was made with '
            + ', '.join(f'{x}={found.get(x)}' for x in settings)
            + '; choose another --work-dir')
    cfg.dump(folder / 'config.py')
    say(f"{TITLES[arm]}: loss {found['loss']:.3f} in the last epoch")
    return folder / found['checkpoint']


def load_models(args: argparse.Namespace, say: Say) -> List[Model]:
    """Pre-train what is not yet, and load all that is compared."""
    models = []
    for seed in args.seeds:
        for arm in ARMS:
            checkpoint = pretrain(arm, seed, args, say)
            config = checkpoint.with_name('config.py')
            models.append(load_model(f'{TITLES[arm]}, seed {seed}', config,
                                     str(checkpoint)))
    return models + [load_model(UNTRAINED, config, None)]


def over_seeds(
    found: Mapping[str, Sequence[LayerDistance]]
) -> Dict[str, List[LayerDistance]]:
    """Join the seeds of each arm: means, and deviations over several seeds."""
    runs: Dict[str, List[Sequence[LayerDistance]]] = {}
    for name, layers in found.items():
        runs.setdefault(name.partition(', seed ')[0], []).append(layers)
    joined = {}
    for name, seeds in runs.items():
        joined[name] = []
        for same in zip(*seeds):
            spread = Spread.of([x.distance for x in same])
            joined[name].append(same[0]._replace(
                distance=spread.mean, dead=fmean(x.dead for x in same),
                std=same[0].std if spread.std is None else spread.std))
    return joined


def distance_table(found: Mapping[str, Sequence[LayerDistance]]) -> str:
    """Tabulate the cosine distances of all models, block by block."""
    columns = {
        f"{name}, {kind.replace('_grn', ' GRN')}":
        [x for x in layers if x.features == kind]
        for name, layers in found.items() for kind in (BEFORE_GRN, AFTER_GRN)
    }
    lines = [[number, *(f'{x.distance:.3f} ± {x.std:.3f}' for x in row)]
             for number, row in enumerate(zip(*columns.values()), 1)]
    filled = [x for x in columns.values() if x]
    means = [f'{fmean(x.distance for x in layers):.3f}' for layers in filled]
    dead = [f'{max(x.dead for x in layers):.1%}' for layers in filled]
    return markdown_table(['block', *columns], [
        *lines, ['mean', *means], ['most dead channels', *dead]])


def collapse_study(args: argparse.Namespace) -> None:
    """Pre-train, measure, draw."""
    say = console()
    data = check_data(args)
    out = args.work_dir
    out.mkdir(parents=True, exist_ok=True)
    say(f'Everything is written to {out}')
    with quietly():
        models = load_models(args, say)
        scenes = find_images(data / 'val2017')
        crops = find_images(data / 'imagenet' / 'val')
        say(f'\nEncoding {len(scenes.paths)} scenes ...')
        found = report_cosine_distance(models, scenes, out, _SCENE_SIZE,
                                       _BATCH_SIZE)
        found = over_seeds(found)
        plot_cosine_distance(found).savefig(out / 'cosine_distance.png',
                                            dpi=120)
        # One of the seeds, and the untrained one.
        models = [*models[:len(ARMS)], models[-1]]
        report_activations(models, scenes, out, _SCENE_SIZE)
        say(f'Encoding {len(crops.paths)} images of '
            f'{len(crops.classes)} classes ...')
        report_class_selectivity(models, crops, out, _CROP_SIZE, _BATCH_SIZE)
    table = distance_table(found)
    write_text(out / 'cosine_distance.md', f'{table}\n')
    say(f'\nMean cosine distance (0: all channels alike; at most 0.5)\n\n'
        f'{table}\n')
    for path in sorted(out.glob('*.png')):
        say(f'  {path}')


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    args = parse_args(argv)
    try:
        return run_command(collapse_study, args)
    except KeyboardInterrupt:
        print(
            '\nInterrupted. Finished pre-trainings are kept; go on with\n'
            f'  {os.path.relpath(sys.executable)} '
            f'{os.path.relpath(__file__)} --work-dir {args.work_dir} '
            f'--epochs {args.epochs} --seeds {" ".join(map(str, args.seeds))}'
            + (f' --arch {args.arch}' if args.arch else ''),
            file=sys.stderr)
        return INTERRUPTED


if __name__ == '__main__':
    sys.exit(main())
