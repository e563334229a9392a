"""Learning curves of two ways of training, with their spread over seeds."""
from pathlib import Path
from typing import Any, Mapping, Sequence, Union

from mmconvnextv2.demos.comparison import Row
from mmconvnextv2.files import written_whole


def draw_learning_curves(rows: Sequence[Row], titles: Mapping[str, str],
                         labels: Sequence[str], path: Union[str,
                                                            Path]) -> Path:
    """Draw mean and standard deviation over seeds against iterations.

    Args:
        rows (Sequence[Row]): What ``compare`` returned.
        titles (Mapping[str, str]): The figures to draw, a plot for each, by
            what they are called.
        labels (Sequence[str]): What baseline and other are called.
        path (str | Path): The PNG file to write, which appears whole.

    Returns:
        Path: ``path``.
    """
    from matplotlib.figure import Figure
    figure = Figure(figsize=(4.2 * len(titles), 3.4), layout='constrained')
    plots = figure.subplots(1, len(titles), squeeze=False)[0]
    for axes, (name, title) in zip(plots, titles.items()):
        of_figure = [row for row in rows if row.figure == name]
        for side, label in zip(('baseline', 'other'), labels):
            _draw_side(axes, of_figure, side, label)
        axes.set(title=title, xlabel='iterations', ylim=(0, None))
        axes.grid(alpha=0.3)
    plots[0].legend()
    path = Path(path)
    with written_whole(path) as part:
        figure.savefig(part, dpi=120)
    return path


def _draw_side(axes: Any, rows: Sequence[Row], side: str, label: str) -> None:
    spreads = [getattr(row, side) for row in rows]
    iterations = [row.iteration for row in rows]
    line, = axes.plot(
        iterations, [x.mean for x in spreads], marker='o', label=label)
    noise = [x.std or 0. for x in spreads]
    axes.fill_between(
        iterations, [x.mean - n for x, n in zip(spreads, noise)],
        [x.mean + n for x, n in zip(spreads, noise)],
        color=line.get_color(),
        alpha=0.2,
        linewidth=0)
