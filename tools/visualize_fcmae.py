"""Draw what a model pre-trained with FCMAE reconstructs of images."""
import argparse
import sys
from pathlib import Path
from typing import List, Optional

import cv2
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.cli import CommandError, require_file, run_command
from mmconvnextv2.config.find import find_config
from mmconvnextv2.inference.fcmae_inferencer import load_patches
from mmconvnextv2.inference.images import find_images
from mmconvnextv2.inference.weights import load_whole
from mmconvnextv2.visualization.reconstruction import draw_reconstructions


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='A picture shows the original, the masked image, the '
        'reconstruction, and the reconstruction with the visible patches '
        'pasted back.')
    parser.add_argument(
        'config', help='path of a config, or the name of one of ours')
    parser.add_argument('checkpoint', help='path or URL of the weights')
    parser.add_argument('images', type=Path, help='an image, or a folder')
    parser.add_argument(
        '--out', type=Path, required=True, help='folder for the pictures')
    parser.add_argument(
        '--size',
        type=int,
        default=224,
        help='pixels that the shorter side is resized to; both sides are '
        'then cropped to whole patches (default: %(default)s)')
    parser.add_argument(
        '--mask-ratio',
        type=float,
        help="share of the patches to mask (default: the config's)")
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='seed of the masks (default: %(default)s)')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace pictures that are there')
    parser.set_defaults(launcher='none', local_rank=0)
    return parser.parse_args(argv)


def plan(images: List[Path], out: Path, overwrite: bool) -> List[Path]:
    """Where the pictures of the images go.

    Raises:
        CommandError: If two would go to the same file, or one is there.
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


def load_model(args: argparse.Namespace) -> nn.Module:
    """Build the config's model and load the checkpoint.

    Raises:
        CommandError: If a file is missing or they do not fit together.
    """
    try:
        cfg = Config.fromfile(find_config(args.config))
    except FileNotFoundError as error:
        raise CommandError(str(error)) from error
    require_file(args.checkpoint, 'checkpoint')
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    model = MODELS.build(cfg.model)
    if not hasattr(model, 'reconstruct'):
        raise CommandError(f'config: {args.config} is not one of FCMAE')
    try:
        load_whole(model, args.checkpoint)
    except CheckpointError as error:
        raise CommandError(f'checkpoint: {error}') from error
    if args.mask_ratio is not None:
        model.mask_ratio = args.mask_ratio
    return model.to(get_device())


def visualize_fcmae(args: argparse.Namespace) -> None:
    """Check the request, then draw a picture per image."""
    try:
        images = find_images(args.images)
    except FileNotFoundError as error:
        raise CommandError(f'images: {error}') from error
    targets = plan(images, args.out, args.overwrite)
    model = load_model(args)
    stride = model.backbone.stride
    if args.size < stride:
        raise CommandError(f'--size must be at least {stride}, the side of a '
                           f'patch, got {args.size}')
    generator = torch.Generator().manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    for image, target in zip(images, targets):
        try:
            pixels = load_patches(str(image), args.size, stride)
            data = dict(inputs=pixels[None], data_samples=None)
            inputs = model.data_preprocessor(data)['inputs']
            is_masked = model.draw_mask(inputs, generator)
        except ValueError as error:
            raise CommandError(f'{image}: {error}') from error
        picture = draw_reconstructions(model, inputs, is_masked)
        cv2.imwrite(str(target), picture[..., ::-1])
        print(target)


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return run_command(visualize_fcmae, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
