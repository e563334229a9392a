"""Draw what a model pre-trained with FCMAE reconstructs of images."""
import argparse
import sys
from pathlib import Path


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='A picture shows the original, the masked image, the '
        'reconstruction, and the reconstruction with the visible patches '
        'pasted back.')
    add = parser.add_argument
    add('config', help='path or name of a config')
    add('checkpoint', help='path or URL of the weights')
    add('images', type=Path, help='an image, or a folder')
    add('--out', type=Path, required=True, help='folder for the pictures')
    add('--size', type=int, default=224,
        help='shorter side of the resized image, in pixels; both sides are '
        'then cropped to whole patches (default: %(default)s)')
    add('--mask-ratio', type=float,
        help="share of the patches to mask (default: the config's)")
    add('--seed', type=int, default=0,
        help='seed of the masks (default: %(default)s)')
    add('--overwrite', action='store_true', help='replace existing pictures')
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

import torch

from mmconvnextv2 import cli
from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.checkpoint.pretrained import load_whole
from mmconvnextv2.cli import CommandError, refused
from mmconvnextv2.images import list_images, write_image
from mmconvnextv2.inference.reconstruct import Reconstructor


def plan(images: list[Path], out: Path, overwrite: bool) -> list[Path]:
    """Name the pictures of the images.

    Raises:
        CommandError: If two have the same name, or one exists.
    """
    targets = [out / f'{image.stem}_fcmae.png' for image in images]
    if len(set(targets)) < len(targets):
        raise CommandError('images: some differ in nothing but the suffix, '
                           'their pictures would get the same name')
    there = [str(x) for x in targets if x.exists()]
    if there and not overwrite:
        raise CommandError(f'--out: {there[0]} exists (of {len(there)} such '
                           'files); choose another folder or --overwrite')
    return targets


def visualize_fcmae(args: argparse.Namespace) -> None:
    """Check the request, then draw a picture of each image."""
    with refused('images', FileNotFoundError):
        images = list_images(args.images)
    targets = plan(images, args.out, args.overwrite)
    cfg = cli.load_config(args)
    cli.require_file(args.checkpoint, 'checkpoint')
    with refused(args.config, ValueError):
        reconstruct = Reconstructor(cfg, args.size)
    with refused('checkpoint', CheckpointError):
        load_whole(reconstruct.model, args.checkpoint)
    if args.mask_ratio is not None:
        reconstruct.model.mask_ratio = args.mask_ratio
    generator = torch.Generator().manual_seed(args.seed)
    for image, target in zip(images, targets):
        with refused('images', ValueError):
            picture = reconstruct(str(image), generator).picture
        write_image(target, picture)
        print(target)


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns its exit code."""
    return cli.run_command(visualize_fcmae, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
