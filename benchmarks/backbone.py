"""Training step and inference of the dense backbone against its peers.

All hold the same weights' shapes, get the same input and run in float32:
mmpretrain's ConvNeXt(use_grn=True) as shipped, and timm's convnextv2 in
channels-last memory.

    python benchmarks/backbone.py [--arch tiny] [--batch 4] [--size 224]
"""
import argparse
import logging
import statistics
from typing import Callable, Dict

import torch
from rich.console import Console
from rich.table import Table
from timing import alternate, machine, ratio
from torch import Tensor, nn

from mmconvnextv2 import ConvNeXtV2


def build(arch: str) -> Dict[str, nn.Module]:
    """Ours and the peers, as encoders that return the last stage's map."""
    import timm
    from mmpretrain.models import ConvNeXt
    shared = dict(arch=arch, out_indices=[3], gap_before_final_norm=False)
    return {
        'mmconvnextv2':
        ConvNeXtV2(**shared),
        'mmpretrain':
        ConvNeXt(use_grn=True, layer_scale_init_value=0., **shared),
        'timm, channels-last':
        timm.create_model(f'convnextv2_{arch}', num_classes=0,
                          global_pool='').to(
                              memory_format=torch.channels_last),
    }


def last_map(output) -> Tensor:
    """The map of a model that returns it, alone or in a tuple."""
    return output[-1] if isinstance(output, tuple) else output


def training_step(model: nn.Module, images: Tensor) -> Callable[[], None]:
    """Forward and backward pass, without the optimiser."""

    def run() -> None:
        model.zero_grad(set_to_none=True)
        last_map(model(images)).square().mean().backward()

    return run


def inference(model: nn.Module, images: Tensor) -> Callable[[], None]:
    """Forward pass without gradients."""

    @torch.inference_mode()
    def run() -> None:
        model(images)

    return run


def compare(title: str, contenders: Dict[str, Callable[[], None]],
            repeats: int) -> Table:
    """Time the contenders and lay the figures out."""
    seconds = alternate(contenders, repeats)
    table = Table('model', 'median ms', 'ours is faster by', title=title)
    ours = seconds['mmconvnextv2']
    for name, values in seconds.items():
        table.add_row(name, f'{1000 * statistics.median(values):.0f}',
                      f'{ratio(values, ours):.2f}x')
    return table


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--arch', default='tiny')
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--size', type=int, default=224)
    parser.add_argument('--repeats', type=int, default=9)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    torch.manual_seed(0)
    images = torch.rand(args.batch, 3, args.size, args.size)
    models = build(args.arch)
    console = Console()
    what = f'{args.arch}, {args.batch} x {args.size} px, float32'
    for title, make in (('Training step', training_step), ('Inference',
                                                           inference)):
        runs = {name: make(model, images) for name, model in models.items()}
        console.print(compare(f'{title}: {what}', runs, args.repeats))
    console.print(f'Medians of {args.repeats} alternating rounds; {machine()}')


if __name__ == '__main__':
    main()
