"""MoCo V3 on the shapes: does the loss fall, and what do features tell?

For each seed, trains mocov3_convnextv2_a_shapes and judges its features beside
those of a random network of this seed, by the nearest neighbours and by a
linear classifier. Runs that have finished are kept: run it again with the same
--work-dir to go on.

    python benchmarks/mocov3_knn.py [--seeds 0 1 2] [--epochs 40] \\
        [--queries FOLDER]
"""
import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'demo'))
CONFIG = 'ablations/mocov3_convnextv2_a_shapes.py'
SIZE, BATCH, KS = 32, 50, (1, 5, 20, 50)
DECAYS = (0.01, 0.1, 1.)  # of the linear classifier; the best counts


def linear_accuracy(features, labels, queries, answers, decay) -> float:
    """Train a linear classifier of features; its top-1 on others, in percent.

    Logistic regression on features (N, C) of mean 0 and deviation 1.
    """
    import torch
    mean, std = features.mean(0), features.std(0) + 1e-6
    x, y = (features - mean) / std, (queries - mean) / std
    layer = torch.nn.Linear(x.shape[1], int(labels.max()) + 1)
    torch.nn.init.zeros_(layer.weight)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=100)

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(layer(x), labels)
        loss = loss + decay / 2 * layer.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return 100 * (layer(y).argmax(1) == answers).double().mean().item()


def judge(model, known, asked) -> dict:
    """Accuracy in percent of each k, and of the linear classifier."""
    import torch

    from mmconvnextv2.analysis.neighbours import encode, nearest_neighbours
    features, queries = (encode(model, x, SIZE, BATCH) for x in (known, asked))
    labels, answers = (torch.tensor(x.labels) for x in (known, asked))
    found = {f'k={k}': 100 * (nearest_neighbours(
        features, labels, queries, k) == answers).double().mean().item()
        for k in KS}
    found['linear'] = max(linear_accuracy(
        features, labels, queries, answers, x) for x in DECAYS)
    # 1 if the directions of features are as different as can be, 0 if all are
    # the same: they have collapsed.
    units = torch.nn.functional.normalize(features)
    found['spread'] = units.std(0).mean().item() * units.shape[1]**0.5
    return found


def run(seed: int, args: argparse.Namespace, say) -> dict:
    """Train, unless that is done, and judge: figures by network."""
    import torch
    from _training import finish, finished, short_config, train

    from mmconvnextv2 import ConvNeXtV2
    from mmconvnextv2.analysis import find_images, load_model
    from mmconvnextv2.config.find import configs_folder
    folder = args.work_dir / f'seed_{seed}'
    if finished(folder) is None:
        cfg, said = short_config(CONFIG, folder, args.epochs, seed), []
        result = train(cfg, lambda text: said.append(text) or say(text),
                       interval=10)
        finish(folder, result, first=said[0].split('loss ')[1][:5])
    found = finished(folder)
    say(f"seed {seed}: loss {found['first']} to {found['loss']:.3f} in "
        f"{found['iterations']} iterations, {found['seconds']:.0f} s")
    torch.manual_seed(seed)
    random = ConvNeXtV2('atto', final_norm=False)
    random.init_weights()
    torch.save(random.state_dict(), folder / 'random.pth')
    sets = [find_images(x) for x in (args.images, args.queries)]
    judged = {name: judge(load_model(name, configs_folder() / CONFIG,
                                     str(folder / weights)), *sets)
              for name, weights in (('MoCo V3', found['checkpoint']),
                                    ('random', 'random.pth'))}
    for name, figures in judged.items():
        say(f'  {name}: ' + ', '.join(f'{k} {v:.4g}'
                                      for k, v in figures.items()))
    return judged


def main() -> None:
    """Train, classify, print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add('--seeds', type=int, nargs='+', default=[0, 1, 2])
    add('--epochs', type=int, default=40)
    add('--images', default='data/shapes/imagenet/train')
    add('--queries', default='data/shapes/imagenet/val')
    add('--work-dir', type=Path, default=Path('work_dirs/mocov3_knn'))
    args = parser.parse_args()
    from _comparison import Spread
    from _training import console

    from mmconvnextv2.datasets import make_shapes
    from mmconvnextv2.quiet import quietly
    make_shapes('data/shapes')
    say = console()
    with quietly():
        runs = [run(seed, args, say) for seed in args.seeds]
    for figure in runs[0]['random']:
        moco, random, gain = (Spread.of(x) for x in (
            [r['MoCo V3'][figure] for r in runs],
            [r['random'][figure] for r in runs],
            [r['MoCo V3'][figure] - r['random'][figure] for r in runs]))
        print(f"{figure}: MoCo V3 {moco.text()}, random {random.text()}, "
              f"{gain.text('+')}")


if __name__ == '__main__':
    main()
