"""Figures of the analyses.

Each function takes what was found by name of the model, and returns a Figure
of Matplotlib with all models in it.
"""
import math
from typing import Any, Mapping, Sequence, Tuple

import numpy as np

from .activations import LayerMaps, activation_grid
from .class_selectivity import LayerSelectivity
from .cosine_distance import LayerDistance
from .features import AFTER_GRN, BEFORE_GRN, OUTPUT

TITLES = {
    BEFORE_GRN: 'after GELU',
    AFTER_GRN: 'after GRN, if there is one',
    OUTPUT: "block's output"
}
_BINS = 20
_COLUMNS = 4  # of plots of layers


def _subplots(rows: int, columns: int, width: float, height: float,
              **kwargs) -> Tuple[Any, np.ndarray]:
    """Make a figure of plots of a size in inches."""
    from matplotlib.figure import Figure
    figure = Figure((columns * width, rows * height), layout='constrained')
    return figure, figure.subplots(rows, columns, squeeze=False, **kwargs)


def plot_cosine_distance(found: Mapping[str, Sequence[LayerDistance]]) -> Any:
    """Plot cosine distance against the block's number, as in Figure 4.

    There is a plot for each kind of features. Bands show the standard
    deviation over images.
    """
    kinds = (BEFORE_GRN, AFTER_GRN)
    figure, plots = _subplots(1, len(kinds), 4.6, 3.6, sharey=True)
    for axes, kind in zip(plots[0], kinds):
        for name, layers in found.items():
            chosen = [x for x in layers if x.features == kind]
            mean = np.array([x.distance for x in chosen])
            std = np.array([x.std for x in chosen])
            numbers = np.arange(1, len(chosen) + 1)
            line, = axes.plot(numbers, mean, marker='o', label=name)
            _shade(axes, line, mean - std, mean + std)
        axes.set(title=f'MLP features {TITLES[kind]}')
        _number_blocks(axes)
    # No more than 0.5 is possible.
    plots[0, 0].set(ylabel='mean cosine distance', ylim=(0, 0.55))
    plots[0, 0].legend()
    return figure


def plot_class_selectivity(
        found: Mapping[str, Sequence[LayerSelectivity]]) -> Any:
    """Plot how the indices of units are distributed, as in Figure 7.

    The first plot shows the mean of each block, the others show the density
    over the units of a block.
    """
    depth = max(map(len, found.values()))
    figure, plots = _subplots(
        math.ceil((depth + 1) / _COLUMNS), _COLUMNS, 3.2, 2.4)
    overview, *of_blocks = plots.flat
    for name, layers in found.items():
        means = [x.index.mean().item() for x in layers]
        overview.plot(range(1, len(means) + 1), means, marker='o', label=name)
        for axes, layer in zip(of_blocks, layers):
            density, edges = np.histogram(
                layer.index.numpy(), _BINS, range=(0, 1), density=True)
            line, = axes.plot((edges[1:] + edges[:-1]) / 2, density)
            _shade(axes, line, 0, density)
    overview.set(title='class selectivity index', ylabel='mean over units',
                 ylim=(0, 1))
    _number_blocks(overview)
    overview.legend()
    for number, axes in enumerate(of_blocks, 1):
        axes.set(title=f'block {number}', xlim=(0, 1), ylim=(0, None),
                 xlabel='index', ylabel='density of units')
        axes.set_visible(number <= depth)
    return figure


def _number_blocks(axes: Any) -> None:
    axes.set_xlabel('block')
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)


def _shade(axes: Any, line: Any, low: Any, high: Any) -> None:
    axes.fill_between(line.get_xdata(), low, high, color=line.get_color(),
                      alpha=0.2, linewidth=0)


def plot_activations(found: Mapping[str, Sequence[LayerMaps]],
                     image: np.ndarray) -> Any:
    """Show channels of layers as small squares, as in Figure 3.

    There is a row for each model, with the encoded image (H, W, 3), RGB, at
    its beginning.
    """
    columns = 1 + max(map(len, found.values()))
    figure, plots = _subplots(len(found), columns, 3., 3.2)
    for axes in plots.flat:
        axes.set_axis_off()
    for row, (name, layers) in zip(plots, found.items()):
        row[0].imshow(image)
        row[0].set_title(name)
        for axes, (layer, kind, maps) in zip(row[1:], layers):
            squares = activation_grid(maps)
            axes.imshow(squares, vmin=0, vmax=1, interpolation='nearest')
            axes.set_title(f'{layer}\n{TITLES[kind]}')
    return figure
