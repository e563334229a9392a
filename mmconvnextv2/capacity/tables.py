"""The capacity of GPUs as tables: rows of text, Markdown, and JSON."""
from typing import Dict, List, Sequence, Tuple

from .footprint import Footprint
from .pretraining import days
from .step import MODES

EPOCHS = (800, 1600)
_GB = 10**9
_MB = 10**6
Table = Tuple[str, List[str], List[List[str]]]


def _gb(num_bytes: int) -> str:
    return f'{num_bytes / _GB:.2f}'


def states_table(found: Sequence[Footprint]) -> Table:
    """Bytes that are there whatever the batch: title, columns and rows.

    A row for each model and its number of parameters; under autocast the
    copies of the weights count too.
    """
    columns = ['size', 'model', 'parameters', 'weights', 'gradients', 'AdamW',
               'EMA', 'DDP', 'sum', 'half copies']
    rows: Dict[tuple, List[str]] = {}
    for x in found:
        model = 'FCMAE' if x.mode == 'fcmae' else 'classifier'
        row = rows.setdefault((x.size, model), [
            x.size, model, f'{x.parameters / 1e6:.1f}M', *map(_gb, x.states),
            _gb(x.states.total), '-'])
        if x.half_copies:
            row[-1] = _gb(x.half_copies)
    return 'Held at all times, GB', columns, list(rows.values())


def batch_table(found: Sequence[Footprint], memory: Sequence[float],
                reserve: float) -> Table:
    """Bytes per image and the largest batch for each GPU.

    Args:
        found (Sequence[Footprint]): Of one image size and precision.
        memory (Sequence[float]): Sizes of GPUs in GB.
        reserve (float): GB of each that are not to be planned with.
    """
    columns = ['size', 'model', 'kept', 'peak', *(f'{m:g} GB' for m in memory)]
    rows = []
    for x in sorted(found, key=lambda x: MODES.index(x.mode)):
        batches = (x.largest_batch(int((m - reserve) * _GB)) for m in memory)
        rows.append([x.size, x.mode, _mb(x.kept.per_image),
                     _mb(x.peak_per_image), *map(str, batches)])
    first = found[0]
    title = (f'{first.side} x {first.side} px, {first.precision}: MB per '
             'image, and the most images per GPU')
    return title, columns, rows


def _mb(num_bytes: int) -> str:
    return f'{num_bytes / _MB:.1f}'


def time_table(images_per_second: Sequence[float], gpus: int) -> Table:
    """Days of pre-training on ImageNet-1K by a GPU's images per second."""
    columns = ['images per second and GPU', *(f'{e} epochs' for e in EPOCHS)]
    rows = [[f'{rate:g}', *(f'{days(e, rate, gpus):.1f}' for e in EPOCHS)]
            for rate in images_per_second]
    return f'Pre-training on ImageNet-1K with {gpus} GPUs, days', columns, rows


def tables(found: Sequence[Footprint], memory: Sequence[float],
           reserve: float, images_per_second: Sequence[float],
           gpus: int) -> List[Table]:
    """All tables: title, names of the columns, and rows."""
    groups: Dict[tuple, List[Footprint]] = {}
    for x in found:
        groups.setdefault((x.side, x.precision), []).append(x)
    out = [states_table(found)]
    out += [batch_table(group, memory, reserve) for group in groups.values()]
    if images_per_second:
        out.append(time_table(images_per_second, gpus))
    return out


def markdown(parts: Sequence[Table]) -> str:
    """Tables in Markdown, each under its title."""
    texts = []
    for title, columns, rows in parts:
        lines = [columns, ['---'] * len(columns), *rows]
        texts.append(f'**{title}**\n\n' +
                     '\n'.join(f"| {' | '.join(x)} |" for x in lines))
    return '\n\n'.join(texts)


def as_json(found: Sequence[Footprint], memory: Sequence[float],
            reserve: float, images_per_second: Sequence[float],
            gpus: int) -> dict:
    """The same figures for other programs, in bytes and images."""
    return dict(
        reserve_gb=reserve,
        gpus=gpus,
        models=[
            dict(
                size=x.size,
                mode=x.mode,
                side=x.side,
                precision=x.precision,
                parameters=x.parameters,
                states=dict(x.states._asdict(), half_copies=x.half_copies),
                kept=x.kept._asdict(),
                peak_per_image=x.peak_per_image,
                largest_batch={
                    f'{m:g}': x.largest_batch(int((m - reserve) * _GB))
                    for m in memory
                }) for x in found
        ],
        pretraining_days=[
            dict(
                images_per_second=rate,
                **{str(e): days(e, rate, gpus)
                   for e in EPOCHS}) for rate in images_per_second
        ])
