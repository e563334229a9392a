"""From ResNet to ConvNeXt on the shapes: top-1 of each step, over seeds.

The counterpart of ConvNeXt's Figure 2 in minutes: the networks of
configs/roadmap, from ResNet-50's to ConvNeXt-T's, with a third of the blocks
and an eighth of the width, trained from scratch on 64 px images of the shapes
data set's classification task. Writes roadmap_shapes.csv and .png. Runs that
have finished are kept: run it again with the same --work-dir to go on.
"""
import argparse
import json
import math
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Dict, List, Tuple

import cv2
import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor, nn
from torch.nn import functional as F

from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.datasets.shapes_layouts import draw as draw_shapes
from mmconvnextv2.datasets.shapes_scene import CLASSES
from mmconvnextv2.models.backbones.roadmap import RoadmapNet
from mmconvnextv2.quiet import quietly
from mmconvnextv2.text import markdown_table

_SHALLOWER, _THINNER = 3, 8
_SIZE, _MARGIN = 64, 8  # pixels; crops are drawn from images larger by both
_BATCH, _TESTED = 50, 1000  # images
# As schedules/shapes_classification_20e.py has them.
_LR, _DECAY, _WARMUP, _SMOOTHING = 2e-3, 0.05, 0.1, 0.1
_DROPPED = ('kernel9', 'kernel11')  # tried, and not kept by the next step


def steps() -> Dict[str, dict]:
    """Arguments of the networks, made smaller, by the name of the step."""
    found = {}
    for path in sorted((configs_folder() / 'roadmap').glob('roadmap_t_*.py')):
        backbone = dict(Config.fromfile(path).model.backbone)
        del backbone['type']
        depths, width = (backbone.get(*x) for x in (
            ('depths', (3, 4, 6, 3)), ('width', 64)))
        backbone.update(depths=[x // _SHALLOWER for x in depths],
                        width=width // _THINNER, drop_path_rate=0.)
        found[path.stem.split('_', 3)[3].removesuffix('_in1k')] = backbone
    return found


def shapes(split: str, number: int, folder: Path) -> Tuple[Tensor, Tensor]:
    """Images (N, 3, H, W), uint8, BGR, and labels; drawn once, then kept."""
    path, side = folder / f'{split}_{number}.npy', _SIZE + _MARGIN
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, [cv2.resize(draw_shapes(0, split, 'crop', i)[0],
                                  (side, side), interpolation=cv2.INTER_AREA)
                       for i in range(number)])
    images = torch.from_numpy(np.load(path)).permute(0, 3, 1, 2)
    return images, torch.arange(number) % len(CLASSES)


def normalised(images: Tensor) -> Tensor:
    """Bring values of 0 to 255 to about -2 to 2, channels last."""
    return ((images.float() - 115) / 60).contiguous(
        memory_format=torch.channels_last)


def augmented(images: Tensor) -> Tensor:
    """Crop all of a batch alike, and flip and turn them alike."""
    y, x = torch.randint(_MARGIN + 1, (2, )).tolist()
    images = images[:, :, y:y + _SIZE, x:x + _SIZE]
    turns, flip = torch.randint(4, (2, )).tolist()
    images = torch.rot90(images, turns, (2, 3))
    return images.flip(3) if flip % 2 else images


def top1(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Accuracy in %, on the images' middles."""
    network.eval()
    edge = _MARGIN // 2
    middles = images[:, :, edge:edge + _SIZE, edge:edge + _SIZE]
    with torch.inference_mode():
        right = [network(normalised(x))[0].argmax(1) == y for x, y in zip(
            middles.split(_BATCH), labels.split(_BATCH))]
    return 100 * torch.cat(right).float().mean().item()


class Classifier(nn.Sequential):
    """A network of the roadmap, and a linear layer."""

    def __init__(self, backbone: dict) -> None:
        net = RoadmapNet(**backbone)
        net.init_weights()
        channels = net(torch.zeros(2, 3, _SIZE, _SIZE))[0].shape[1]
        super().__init__(net, nn.Linear(channels, len(CLASSES)))
        nn.init.normal_(self[1].weight, std=0.02)

    def forward(self, images: Tensor) -> Tuple[Tensor]:
        """Scores (N, classes) of images (N, 3, H, W)."""
        return (self[1](self[0](images)[0]), )


def train(backbone: dict, seed: int, epochs: int, images: Tensor,
          labels: Tensor) -> nn.Module:
    """Train with AdamW, warm-up and cosine."""
    torch.manual_seed(seed)
    network = Classifier(backbone).to(memory_format=torch.channels_last)
    weights = list(network.parameters())
    optimizer = torch.optim.AdamW([
        dict(params=[x for x in weights if x.dim() > 1]),
        dict(params=[x for x in weights if x.dim() < 2], weight_decay=0.)
    ], _LR, weight_decay=_DECAY)
    total = epochs * (len(images) // _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min(
        (i + 1) / (_WARMUP * total), 0.5 + 0.5 * math.cos(math.pi * i / total)
    ))
    network.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(_BATCH):
            scores, = network(normalised(augmented(images[chosen])))
            loss = F.cross_entropy(scores, labels[chosen],
                                   label_smoothing=_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 5.)
            optimizer.step()
            schedule.step()
    return network


def accuracy(args: argparse.Namespace, step: str, seed: int) -> float:
    """Train and test a step in a process of its own."""
    torch.set_num_threads(1)
    with quietly():
        network = train(steps()[step], seed, args.epochs, *shapes(
            'train', args.images, args.work_dir))
        return top1(network, *shapes('val', _TESTED, args.work_dir))


def draw(found: Dict[str, List[float]], path: Path) -> None:
    """Draw means as bars, standard deviations, and all seeds as dots."""
    from matplotlib.figure import Figure
    figure = Figure((6.5, 5), layout='constrained')
    axes = figure.subplots()
    axes.barh(
        list(found), [statistics.fmean(x) for x in found.values()],
        xerr=[spread(x) for x in found.values()], capsize=3,
        color=['#c8c8c8' if x in _DROPPED else '#4878b0' for x in found])
    for i, values in enumerate(found.values()):
        axes.plot(values, [i] * len(values), 'k.', markersize=4)
    axes.set(xlim=(min(map(min, found.values())) - 3, None),
             xlabel='top-1 on shapes, % (ours: small networks, '
             f'{len(values)} seeds)')
    axes.invert_yaxis()
    axes.grid(axis='x', alpha=0.3)
    figure.savefig(path, dpi=110)


def spread(values: List[float]) -> float:
    """Sample standard deviation; 0 of one value."""
    return statistics.stdev(values) if len(values) > 1 else 0.


def run(args: argparse.Namespace) -> Dict[str, List[float]]:
    """Train all steps with all seeds, but for the runs that are done."""
    settings = dict(epochs=args.epochs, images=args.images)
    file = args.work_dir / 'runs.json'
    done = json.loads(file.read_text()) if file.is_file() else dict(settings)
    if any(done[x] != settings[x] for x in settings):
        sys.exit(f'{file} was made with other settings than {settings}: '
                 'choose another --work-dir')
    for split, number in (('train', args.images), ('val', _TESTED)):
        shapes(split, number, args.work_dir)
    # Seed by seed: stopped early, all steps have the first ones.
    open_runs = [(step, seed) for seed in args.seeds for step in steps()
                 if f'{step} {seed}' not in done]
    with ProcessPoolExecutor(args.workers) as pool:
        found = pool.map(partial(accuracy, args), *zip(*open_runs))
        for (step, seed), value in zip(open_runs, found if open_runs else ()):
            done[f'{step} {seed}'] = value
            file.write_text(json.dumps(done, indent=1))
            print(f'{step}, seed {seed}: {value:.1f} %', file=sys.stderr)
    return {step: [done[f'{step} {seed}'] for seed in args.seeds]
            for step in steps()}


def main() -> None:
    """Train, tabulate, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('--seeds', type=int, nargs='+', default=[0, 1, 2])
    add('--epochs', type=int, default=4)
    add('--images', type=int, default=1000, help='to train on')
    add('--workers', type=int, default=2, help='processes of a thread each')
    add('--work-dir', type=Path, default=Path('work_dirs/roadmap_shapes'))
    args = parser.parse_args()
    found = run(args)
    draw(found, args.work_dir / 'roadmap_shapes.png')
    print(markdown_table(
        ['step', *(f'seed {x}' for x in args.seeds), 'mean'],
        [[step, *(f'{x:.1f}' for x in values),
          f'{statistics.fmean(values):.1f} ± {spread(values):.1f}']
         for step, values in found.items()]))


if __name__ == '__main__':
    main()
