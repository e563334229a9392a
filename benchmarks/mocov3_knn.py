"""MoCo V3 on the shapes: does the loss fall, and what do features tell?

For each seed, trains mocov3_convnextv2_a_shapes and compares the accuracy of
the nearest neighbours with that of a random network's. Runs that have finished
are kept: run it again with the same --work-dir to go on.

    python benchmarks/mocov3_knn.py [--seeds 0 1 2] [--epochs 40]
"""
import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'demo'))
CONFIG = 'ablations/mocov3_convnextv2_a_shapes.py'
SIZE, BATCH, K = 64, 50, 20


def main() -> None:
    """Train, classify, print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--epochs', type=int, default=40)
    parser.add_argument('--work-dir', type=Path,
                        default=Path('work_dirs/mocov3_knn'))
    args = parser.parse_args()
    import torch
    from _comparison import Spread
    from _training import console, finish, finished, short_config, train

    from mmconvnextv2 import ConvNeXtV2
    from mmconvnextv2.analysis import find_images, load_model
    from mmconvnextv2.analysis.reports import report_neighbours
    from mmconvnextv2.config.find import configs_folder
    from mmconvnextv2.datasets import make_shapes
    from mmconvnextv2.quiet import quietly
    say, images = console(), make_shapes('data/shapes') / 'imagenet'
    config, gains = configs_folder() / CONFIG, []
    for seed in args.seeds:
        folder = args.work_dir / f'seed_{seed}'
        with quietly():
            if finished(folder) is None:
                cfg = short_config(CONFIG, folder, args.epochs, seed)
                said = []
                result = train(cfg, lambda text, said=said: said.append(
                    text) or say(text), interval=10)
                first = said[0].split('loss ')[1][:5]
                finish(folder, result, first=first)
            found = finished(folder)
            torch.manual_seed(seed)
            random = ConvNeXtV2('atto', final_norm=False)
            random.init_weights()
            torch.save(random.state_dict(), folder / 'random.pth')
            models = [load_model('MoCo V3', config,
                                 str(folder / found['checkpoint'])),
                      load_model('random', config,
                                 str(folder / 'random.pth'))]
            accuracy = report_neighbours(
                models, *(find_images(images / x) for x in ('train', 'val')),
                folder, SIZE, BATCH, K)
        say(f"seed {seed}: loss {found['first']} to {found['loss']:.3f} in "
            f"{found['iterations']} iterations, top-1 {accuracy}")
        gains.append(accuracy['MoCo V3'] - accuracy['random'])
    say(f'MoCo V3 over a random network: {Spread.of(gains).text("+")}')


if __name__ == '__main__':
    main()
