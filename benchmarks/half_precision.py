"""Half precision on a CPU: ours in float32 and bfloat16 against the peers.

Training step and inference of the dense backbone, by turns in one process:
ours, timm's in channels-last memory and mmpretrain's, each in float32 and in
bfloat16 by autocast; in inference also ONNX Runtime and OpenVINO. --compile
adds ours and timm's with compiled blocks; --packed takes FCMAE's encoder; with
--only NAME, such as 'mmpretrain, float32', ours in bfloat16 and those.
--errors: against float64, beside PyTorch's layers; --alone NAME: only the
bytes by which this process grows in the first run.

    python benchmarks/half_precision.py [--arch tiny] [--batch 8] \
        [--size 224 [WIDTH]] [--kinds training inference] [--repeats 5] \
        [--compile] [--packed] [--only NAME ...] [--errors] [--alone NAME]
"""
import argparse
import copy
import functools
import importlib.util
import logging
import tempfile
from pathlib import Path
from typing import Callable, Dict, Union

import torch
from backbones import OURS, compiled, contenders, ours
from devices import machine
from memory import growth, saved_bytes
from rich.console import Console
from rich.table import Table
from timing import alternate, ratio
from torch import Tensor, nn

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.ops.dispatch import plain_layers

BF16 = 'bfloat16'
GRID, VISIBLE = 7, 19


def autocast(name: str) -> torch.autocast:
    """Of the precision that ends a contender's name."""
    return torch.autocast('cpu', torch.bfloat16, enabled=name.endswith(BF16))


def step(forward: Callable[[], Tensor], model: nn.Module,
         name: str) -> Callable[[], None]:
    """Forward and backward pass of a contender."""

    def run() -> None:
        model.zero_grad(set_to_none=True)
        with autocast(name):
            y = forward()
        y.float().square().sum().backward()

    return run


def prediction(forward: Callable[[], Tensor],
               name: str) -> Callable[[], None]:
    """Forward pass without gradients."""

    @torch.inference_mode()
    def run() -> None:
        with autocast(name):
            forward()

    return run


def runtimes(model: nn.Module, images: Tensor) -> Dict[str, Callable]:
    """ONNX Runtime and OpenVINO, where they are installed."""
    found: Dict[str, Callable] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, 'model.onnx'))
        torch.onnx.export(copy.deepcopy(model).eval(), (images, ), file,
                          dynamo=True, verbose=False)
        given = images.numpy()
        if importlib.util.find_spec('onnxruntime'):
            import onnxruntime
            session = onnxruntime.InferenceSession(file)
            inputs = {session.get_inputs()[0].name: given}
            found['ONNX Runtime'] = lambda: session.run(None, inputs)
        if importlib.util.find_spec('openvino'):
            import openvino
            core = openvino.Core()
            threads = {'INFERENCE_NUM_THREADS': torch.get_num_threads()}
            for name, hint in (('default', {}), (
                    'float32', {'INFERENCE_PRECISION_HINT': 'f32'})):
                compiled = core.compile_model(file, 'CPU', {**threads, **hint})
                found[f'OpenVINO, {name}'] = lambda c=compiled: c([given])
    return found


def compare(kind: str, args: argparse.Namespace) -> Union[Table, str]:
    """Time everyone at one size and lay the figures out."""
    images = torch.rand(args.batch, 3, *args.size)
    model = ours(args.arch)
    found = {name: c for name, c in contenders(model, args.arch, None).items()
             if name in (OURS, 'timm, channels-last', 'mmpretrain')}
    found.update(compiled(model, args.arch) if args.compile else {})
    calls = {name: (c.model, functools.partial(c, c.accepts(images)))
             for name, c in found.items()}
    if args.packed:
        is_masked = (torch.rand(args.batch, GRID**2).argsort(1) >= VISIBLE
                     ).view(-1, GRID, GRID)
        packed = ConvNeXtV2(args.arch, final_norm=False)
        calls = {OURS: calls[OURS], 'packed': (
            packed, lambda: packed(images, is_masked)[-1])}
    both = {f'{name}, {dtype}': call for name, call in calls.items()
            for dtype in ('float32', BF16)}
    first = f'{OURS}, {BF16}'
    both = {name: call for name, call in both.items()
            if name in {first, *(args.only or both)}}
    runs = {name: step(forward, module, name) if kind == 'training' else
            prediction(forward, name)
            for name, (module, forward) in both.items()}
    if args.alone:
        grown = growth(runs[args.alone]) / 1e6
        return f'{kind}, {args.alone}: {grown:.0f} MB'
    if kind == 'inference' and not (args.packed or args.only):
        half = copy.deepcopy(model).bfloat16()
        inputs = images.bfloat16()
        name = f'{OURS}, module in {BF16}'
        runs[name] = prediction(lambda: half(inputs), name)
        runs.update(runtimes(model, images))
    seconds = alternate(runs, args.repeats, warmup=1)
    table = Table('model', 'ms', f'over {first}', 'kept, MB',
                  title=f'{kind}: {args.arch}, {args.batch} x '
                  f'{"x".join(map(str, args.size))} px')
    for name in runs:
        kept = ''
        if kind == 'training':
            with autocast(name):
                kept = f'{saved_bytes(*both[name]) / 1e6:.0f}'
        table.add_row(
            name, f'{1000 * sorted(seconds[name])[args.repeats // 2]:.0f}',
            f'{ratio(seconds[name], seconds[first]):.2f}x', kept)
    return table


def errors(args: argparse.Namespace) -> Table:
    """Relative errors of the output and all gradients, against float64."""
    images, model = torch.rand(2, 3, 128, 128), ours(args.arch)
    direction = torch.randn(2, model.channels[-1])

    def results(how: str) -> list:
        module = copy.deepcopy(model)
        x = images
        if how == 'float64':
            module, x = module.double(), images.double()
        with autocast(how):
            y = module(x)[-1]
        (y * direction.to(y.dtype)).sum().backward()
        return [t.double() for t in (y, *(p.grad
                                          for p in module.parameters()))]

    found = {OURS: results(BF16)}
    with plain_layers():
        expected, found["PyTorch's layers"] = results('float64'), results(BF16)
    table = Table('bfloat16 autocast', 'output', 'gradients, mean', 'worst',
                  title=f'relative errors, {args.arch}')
    for name, values in found.items():
        out, *grads = (float((a - b).norm() / b.norm())
                       for a, b in zip(values, expected))
        table.add_row(name, f'{out:.2e}', f'{sum(grads) / len(grads):.2e}',
                      f'{max(grads):.2e}')
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--arch', default='tiny')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--size', type=int, nargs='+', default=[224])
    kinds = ['training', 'inference']
    parser.add_argument('--kinds', nargs='+', choices=kinds, default=kinds)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('--only', nargs='+', metavar='NAME')
    parser.add_argument('--packed', action='store_true')
    parser.add_argument('--errors', action='store_true')
    parser.add_argument('--alone', metavar='NAME')
    args = parser.parse_args()
    args.size = [args.size[0], args.size[-1]]
    logging.disable(logging.INFO)
    torch.manual_seed(0)
    console = Console(width=100)
    if args.errors:
        console.print(errors(args))
    for kind in args.kinds:
        console.print(compare(kind, args))
    console.print(f'Medians of {args.repeats} alternating rounds; '
                  f'{machine("cpu")}')


if __name__ == '__main__':
    main()
