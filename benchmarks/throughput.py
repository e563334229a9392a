"""Images per second of classifiers, forward only, and their peak memory.

As ConvNeXt's Table 12, with Swin and ViT of about the same multiply-adds from
mmpretrain. A GPU runs in TF32 and channels-last, as there.
"""
import argparse
import statistics
from multiprocessing import get_context
from typing import Dict, Iterator

import torch
from devices import add_device_arguments, autocast, machine
from memory import growth, peak_on_gpu
from mmengine.registry import MODELS, DefaultScope
from timing import alternate
from torch import nn

from mmconvnextv2.text import markdown_table

# Beside each size, rivals of about its multiply-adds (ConvNeXt, Table 1).
_RIVALS = {
    'tiny': ('swin tiny', 'vit deit-small'), 'small': ('swin small', ),
    'base': ('swin base', 'vit deit-base'), 'large': ('swin large', ),
    'xlarge': ('vit large', )}
_TYPES = dict(swin='SwinTransformer', vit='VisionTransformer')
# Images/s on an A100, by the pixels of a side (ConvNeXt, Table 12).
_PUBLISHED = {
    224: dict(tiny=1943.5, small=1275.3, base=969.0, large=611.5,
              xlarge=424.4),
    384: dict(base=336.6, large=211.4, xlarge=147.4)}
_V1 = dict(use_grn=False, layer_scale_init_value=1e-6)


def models(arch: str, size: int) -> Iterator[tuple]:
    """Names and configs of our backbones of a size, and of its rivals."""
    ours = dict(type='mmconvnextv2.ConvNeXtV2', arch=arch)
    if arch not in ('small', 'xlarge'):
        yield f'V2 {arch}', ours
    if arch != 'huge':
        yield f'V1 {arch}', dict(ours, **_V1)
    for rival in _RIVALS.get(arch, ()):
        kind, _, name = rival.partition(' ')
        yield rival, dict(type=_TYPES[kind], arch=name, img_size=size)


def build(cfg: dict, device: str) -> nn.Module:
    """A backbone in evaluation mode, as fast as its layout makes it."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg)
    model.eval()  # mmpretrain's returns nothing
    return model.to(device, memory_format=torch.channels_last)


def peak_on_cpu(args: argparse.Namespace, cfg: dict) -> int:
    """Bytes that a batch takes at most, beside weights and images (Linux).

    In a process of its own: what is freed stays with it, and is used again.
    """
    with get_context('spawn').Pool(1) as pool:
        return pool.apply(_growth, (args, cfg))


@torch.inference_mode()
def _growth(args: argparse.Namespace, cfg: dict) -> int:
    model = build(cfg, 'cpu')
    images = torch.randn(args.batch, 3, args.size, args.size).to(
        memory_format=torch.channels_last)
    with autocast(args):
        model(images[:1])  # what is made once
        return growth(lambda: model(images))


@torch.inference_mode()
def measure(args: argparse.Namespace, arch: str) -> list:
    """Rows of the table for a size."""
    built: Dict[str, nn.Module] = {
        name: build(cfg, args.device)
        for name, cfg in models(arch, args.size)}
    images = torch.randn(args.batch, 3, args.size, args.size).to(
        args.device, memory_format=torch.channels_last)
    seconds = alternate({
        name: (lambda model=model: model(images))
        for name, model in built.items()}, args.repeats, warmup=1)
    rows = []
    for name, model in built.items():
        published = _PUBLISHED.get(args.size, {}).get(
            arch, '-') if name.startswith('V1') else '-'
        peak = peak_on_gpu(lambda model=model: model(images)) \
            if args.device != 'cpu' else peak_on_cpu(
                args, dict(models(arch, args.size))[name])
        rows.append([
            name, f'{sum(p.numel() for p in model.parameters()) / 1e6:.1f}M',
            f'{args.batch / statistics.median(seconds[name]):.1f}',
            f'{args.batch / max(seconds[name]):.1f} to '
            f'{args.batch / min(seconds[name]):.1f}',
            f'{peak / 2**20:.0f}', published])
    return rows


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--archs', nargs='+', default=[
        'atto', 'femto', 'pico', 'nano', 'tiny', 'small', 'base', 'large',
        'xlarge', 'huge'])
    parser.add_argument('--batch', type=int, default=128)
    parser.add_argument('--size', type=int, default=224)
    parser.add_argument('--repeats', type=int, default=9)
    add_device_arguments(parser)
    args = parser.parse_args()
    print(f'{machine(args.device)}; batch {args.batch}, {args.size} px\n')
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    with autocast(args):
        rows = [row for arch in args.archs for row in measure(args, arch)]
    print(markdown_table(['backbone', 'parameters', 'images/s', 'spread',
                          'peak MiB', 'published, A100'], rows))


if __name__ == '__main__':
    main()
