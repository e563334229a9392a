"""The curves of a run, from what MMEngine's LocalVisBackend has written."""
import contextlib
import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

from mmconvnextv2.files import written_whole

_NO_METRIC = ('data_time', 'time', 'step')
_MOST = 8  # lines in a plot, so that they can be told apart


class Curves(NamedTuple):
    """Points (iteration, value) by name."""

    losses: Dict[str, List[Tuple[int, float]]]
    metrics: Dict[str, List[Tuple[int, float]]]


def read_curves(work_dir: Path) -> Curves:
    """Read the losses and metrics of a run and of those that it resumes.

    What a run had done beyond the checkpoint that the next one resumes is left
    out. An evaluation belongs to the last iteration logged before it.

    Args:
        work_dir (Path): Its ``*/vis_data/scalars.json`` are read, in the order
            of their names, which are times.
    """
    curves, step = Curves({}, {}), -1
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text(encoding='utf-8').splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # A kill cut it.
                step = _add(curves, json.loads(line), step)
    return curves


def _add(curves: Curves, values: Dict[str, float], step: int) -> int:
    """Add a line of the file; returns the last iteration of training."""
    if 'loss' in values:
        if values['step'] <= step:
            _cut(curves, values['step'])
        step, found = values['step'], curves.losses
        names = [x for x in values if 'loss' in x]
    else:
        found = curves.metrics
        names = [x for x in values if x not in _NO_METRIC]
    for name in names if step >= 0 else ():
        if isinstance(values[name], (int, float)):  # no list of all classes
            found.setdefault(name, []).append((step, values[name]))
    return step


def _cut(curves: Curves, step: int) -> None:
    for found in curves:
        for name, points in list(found.items()):
            found[name] = [x for x in points if x[0] < step]
            if not found[name]:
                del found[name]


def draw_curves(curves: Curves, path: Path) -> None:
    """Draw losses, and metrics below them, over the iterations.

    Of metrics whose names begin like that of another, such as ``bbox_mAP_50``,
    only the other is drawn.

    Args:
        curves (Curves): What to draw.
        path (Path): The PNG file to write.
    """
    from matplotlib.figure import Figure
    metrics = {
        name: points for name, points in curves.metrics.items()
        if not any(name.startswith(f'{x}_') for x in curves.metrics)
    }
    shown = {'loss': curves.losses, 'metric': metrics}
    shown = {title: x for title, x in shown.items() if x}
    figure = Figure((7, 3 * len(shown)), layout='constrained')
    plots = figure.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (title, found) in zip(plots, shown.items()):
        _plot(axes, found, 'o' if title == 'metric' else '')
        axes.set(ylabel=title)
    if curves.losses:
        plots[0].set(yscale='log')
    plots[-1].set(xlabel='iteration')
    with written_whole(path) as part:
        figure.savefig(part, dpi=100)


def _plot(axes: Any, found: Dict[str, List[Tuple[int, float]]],
          marker: str) -> None:
    for name, points in list(found.items())[:_MOST]:
        axes.plot(*zip(*points), marker=marker, label=name,
                  linewidth=2 if name == 'loss' else 1)
    axes.legend(fontsize='small')
    axes.grid(alpha=0.3)
