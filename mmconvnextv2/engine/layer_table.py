"""The table that layer decay writes into the log."""
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

from torch import Tensor

_HEAD = (f'{"":>27} | {"with weight decay":>20} | {"without":>20}\n'
         f'{"layer":>5}  {"lr scale":>9}  {"lr":>9} | '
         f'{"tensors":>7}  {"parameters":>11} | '
         f'{"tensors":>7}  {"parameters":>11}')


class Entry(NamedTuple):
    """What layer decay decides for one parameter."""

    param: Tensor
    layer_id: int
    exponent: int
    lr_scale: float
    decay_mult: float


def format_table(entries: Sequence[Entry], base_lr: float) -> str:
    """A line per layer: its learning rate and how much is in it.

    Args:
        entries (Sequence[Entry]): One per parameter that is trained.
        base_lr (float): The learning rate at scale 1.

    Returns:
        str: The table, from the first layer to the last. Where backbones of
        different depths have layers of the same scale, all their ids are in
        the line.
    """
    ids: Dict[Tuple[int, float], Set[int]] = {}
    counts: Dict[Tuple[int, float], List[int]] = {}
    for entry in entries:
        row = -entry.exponent, entry.lr_scale
        ids.setdefault(row, set()).add(entry.layer_id)
        count = counts.setdefault(row, [0, 0, 0, 0])
        column = 0 if entry.decay_mult > 0 else 2
        count[column] += 1
        count[column + 1] += entry.param.numel()
    lines = [_HEAD]
    for row in sorted(ids):
        label = '/'.join(map(str, sorted(ids[row])))
        scale, count = row[1], counts[row]
        lines.append(f'{label:>5}  {scale:>9.4g}  {base_lr * scale:>9.3e} | '
                     f'{count[0]:>7,}  {count[1]:>11,} | '
                     f'{count[2]:>7,}  {count[3]:>11,}')
    return '\n'.join(lines)
