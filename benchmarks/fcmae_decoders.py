"""Training step of FCMAE with each decoder of the paper's Table 1a.

Whole models of the leaves in configs/, forward and backward pass at mask
ratio 0.6 and 224 px, the encoder packed. Memory: what autograd keeps for the
backward pass; on a GPU, the most that a step allocates.

    python benchmarks/fcmae_decoders.py [--batch N] [--repeats 5] \
        [--device cuda] [--dtype bfloat16]
"""
import argparse
import logging
import statistics

import torch
from devices import add_device_arguments, autocast, machine
from memory import peak_on_gpu, saved_bytes
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from rich.console import Console
from rich.table import Table
from timing import alternate, ratio
from torch import nn

from mmconvnextv2.config.find import find_config

# Name: leaf, and the hours that Table 1a prints (256 TPU-v3 cores).
BLOCK = 'ConvNeXt block'
DECODERS = {
    BLOCK: ('fcmae_convnextv1_b_in1k', 7.7),
    'transformer': ('fcmae_convnextv1_b_transformer_in1k', 8.5),
    'UNet': ('fcmae_convnextv1_b_unet_in1k', 12.9),
    'UNet, skips': ('fcmae_convnextv1_b_unet_skip_in1k', 12.9),
}


def build(leaf: str, device: str) -> nn.Module:
    """The model of a config, initialised."""
    cfg = Config.fromfile(find_config(leaf))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
    model.init_weights()
    return model.to(device).train()


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--repeats', type=int, default=5)
    add_device_arguments(parser)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    torch.manual_seed(0)
    images = torch.randn(args.batch, 3, 224, 224, device=args.device)
    models = {name: build(leaf, args.device)
              for name, (leaf, _) in DECODERS.items()}
    is_masked = models[BLOCK].draw_mask(images)

    def step(model: nn.Module) -> None:
        model.zero_grad(set_to_none=True)
        with autocast(args):
            loss = model.loss(images, is_masked=is_masked)['loss']
        loss.backward()

    def kept(model: nn.Module) -> int:
        if args.device == 'cuda':
            return peak_on_gpu(lambda: step(model))
        return saved_bytes(
            model, lambda x: model.loss(x, is_masked=is_masked)['loss'],
            images)

    seconds = alternate(
        {name: lambda model=model: step(model)
         for name, model in models.items()}, args.repeats, warmup=1)
    table = Table('decoder', 'parameters of it', 'median ms', 'block = 1',
                  'hours in the paper', 'block = 1', 'MB',
                  title=f'base, {args.batch} x 224 px, {args.dtype}')
    for name, model in models.items():
        hours = DECODERS[name][1]
        count = sum(x.numel() for x in model.neck.parameters())
        table.add_row(
            name, f'{count / 1e6:.1f}M',
            f'{1000 * statistics.median(seconds[name]):.0f}',
            f'{ratio(seconds[name], seconds[BLOCK]):.2f}', f'{hours}',
            f'{hours / DECODERS[BLOCK][1]:.2f}', f'{kept(model) / 1e6:.0f}')
    console = Console(width=100)
    console.print(table)
    console.print(f'Medians of {args.repeats} alternating rounds; '
                  f'{machine(args.device)}')


if __name__ == '__main__':
    main()
