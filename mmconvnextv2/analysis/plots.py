"""Figures of what was found, several models in one."""
import math
from typing import Any, List, Mapping, Sequence, Tuple

import numpy as np

from .activations import ChannelMap, activation_grid
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


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure
    return Figure(figsize=(width, height), layout='constrained')


def plot_cosine_distance(found: Mapping[str, Sequence[LayerDistance]]) -> Any:
    """Plot cosine distance against the block's number, as in Figure 4.

    Args:
        found (Mapping[str, Sequence[LayerDistance]]): By name of the model.

    Returns:
        Figure: Of Matplotlib; a plot for each kind of features, with the
        standard deviation over images as a band.
    """
    kinds = _unique(x.features for layers in found.values() for x in layers)
    figure = _figure(4.6 * len(kinds), 3.6)
    plots = figure.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    for axes, kind in zip(plots, kinds):
        for name, layers in found.items():
            chosen = [x for x in layers if x.features == kind]
            mean = np.array([x.distance for x in chosen])
            std = np.array([x.std for x in chosen])
            numbers = np.arange(1, len(chosen) + 1)
            line, = axes.plot(numbers, mean, marker='o', label=name)
            axes.fill_between(
                numbers,
                mean - std,
                mean + std,
                color=line.get_color(),
                alpha=0.2,
                linewidth=0)
        axes.set(title=f'MLP features {TITLES[kind]}')
        _number_blocks(axes)
    # No more than 0.5 is possible.
    plots[0].set(ylabel='mean cosine distance', ylim=(0, 0.55))
    plots[0].legend()
    return figure


def plot_class_selectivity(
        found: Mapping[str, Sequence[LayerSelectivity]]) -> Any:
    """Plot how the units' indices are distributed, as in Figure 7.

    Args:
        found (Mapping[str, Sequence[LayerSelectivity]]): By name of the model.

    Returns:
        Figure: Of Matplotlib; the mean against the block's number, then a plot
        for each block, with the density of the index over the units.
    """
    depth = max(map(len, found.values()))
    rows = math.ceil((depth + 1) / _COLUMNS)
    figure = _figure(3.2 * _COLUMNS, 2.4 * rows)
    plots = list(figure.subplots(rows, _COLUMNS, squeeze=False).flat)
    for name, layers in found.items():
        numbers = range(1, len(layers) + 1)
        plots[0].plot(
            numbers, [x.index.mean().item() for x in layers],
            marker='o',
            label=name)
        for axes, layer in zip(plots[1:], layers):
            _draw_density(axes, layer.index.numpy())
    plots[0].set(
        title='class selectivity index', ylabel='mean over units', ylim=(0, 1))
    _number_blocks(plots[0])
    plots[0].legend()
    for number, axes in enumerate(plots[1:], 1):
        axes.set(title=f'block {number}', xlim=(0, 1), ylim=(0, None))
        axes.set_visible(number <= depth)
    return figure


def _number_blocks(axes: Any) -> None:
    axes.set_xlabel('block')
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)


def _draw_density(axes: Any, index: np.ndarray) -> None:
    density, edges = np.histogram(index, _BINS, range=(0, 1), density=True)
    line, = axes.plot((edges[1:] + edges[:-1]) / 2, density)
    axes.fill_between(
        line.get_xdata(), density, color=line.get_color(), alpha=0.2)


def plot_activations(found: Mapping[str, Sequence[ChannelMap]],
                     image: np.ndarray) -> Any:
    """Show channels of layers as small squares, as in Figure 3.

    Args:
        found (Mapping[str, Sequence[ChannelMap]]): By name of the model; all
            of as many layers.
        image (ndarray): (H, W, 3), RGB: what was encoded.

    Returns:
        Figure: Of Matplotlib; a row for each model, with the image first.
    """
    columns = 1 + max(len(_by_layer(maps)) for maps in found.values())
    figure = _figure(3. * columns, 3.2 * len(found))
    plots = figure.subplots(len(found), columns, squeeze=False)
    for axes in plots.flat:
        axes.set_axis_off()
    for row, (name, maps) in zip(plots, found.items()):
        row[0].imshow(image)
        row[0].set_title(name)
        for axes, (layer, squares) in zip(row[1:], _by_layer(maps)):
            axes.imshow(
                activation_grid(squares),
                vmin=0,
                vmax=1,
                interpolation='nearest')
            axes.set_title(layer)
    return figure


def _by_layer(maps: Sequence[ChannelMap]) -> List[Tuple[str, np.ndarray]]:
    """Title and (C, H, W) of each layer, in their order."""
    return [(f'{layer}\n{TITLES[kind]}',
             np.stack([
                 x.map for x in maps if (x.layer, x.features) == (layer, kind)
             ]))
            for layer, kind in _unique((x.layer, x.features) for x in maps)]


def _unique(items: Any) -> list:
    return list(dict.fromkeys(items))
