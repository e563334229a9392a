"""Compare two ways of training over several seeds, at equal iterations."""
import statistics
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from mmconvnextv2.files import written_whole


class Spread(NamedTuple):
    """A figure over seeds: mean and sample standard deviation.

    ``std`` has n - 1 in the denominator; it is None for a single value.
    """

    values: List[float]
    mean: float
    std: Optional[float]

    @classmethod
    def of(cls, values: List[float]) -> 'Spread':
        """Compute both from at least one value."""
        std = statistics.stdev(values) if len(values) > 1 else None
        return cls(values, statistics.fmean(values), std)

    def text(self, sign: str = '') -> str:
        """Write mean ± standard deviation; '+' shows a plus as well."""
        noise = '' if self.std is None else f' ± {self.std:.3f}'
        return f'{self.mean:{sign}.3f}{noise}'


class Row(NamedTuple):
    """A figure of an evaluation, and the difference seed by seed."""

    iteration: int
    figure: str
    baseline: Spread
    other: Spread
    difference: Spread

    def as_dict(self) -> Dict[str, object]:
        """Convert into what JSON can hold."""
        return {key: value._asdict() if isinstance(value, Spread) else value
                for key, value in self._asdict().items()}


def compare(baseline: Sequence, other: Sequence,
            figures: Sequence[str]) -> List[Row]:
    """Compare runs that were evaluated at the same iterations.

    Args:
        baseline (Sequence): Curves of the runs, seed by seed: evaluations as
            (number of iterations, figures).
        other (Sequence): Those of the other way, with the same seeds.
        figures (Sequence[str]): Names of those to compare. One that an
            evaluation lacks counts as 0: mmdet leaves all out where nothing
            was detected.

    Returns:
        list[Row]: A row for each evaluation and figure, in this order.
    """
    rows = []
    for index, (iteration, _) in enumerate(baseline[0]):
        for figure in figures:
            before, after = ([curve[index][1].get(figure, 0.)
                              for curve in side] for side in (baseline, other))
            change = [b - a for a, b in zip(before, after)]
            rows.append(Row(iteration, figure,
                            *map(Spread.of, (before, after, change))))
    return rows


def halfway_and_end(rows: Sequence[Row]) -> List[Row]:
    """Pick the last evaluation and the first of the training's second half."""
    end = max(row.iteration for row in rows)
    half = min(row.iteration for row in rows if row.iteration >= end / 2)
    return [row for row in rows if row.iteration in (half, end)]


def cells(rows: Sequence[Row], titles: Mapping[str, str]) -> List[List[str]]:
    """Lay out rows of a table; ``titles`` are those of the figures."""
    return [[
        str(row.iteration), titles[row.figure], row.baseline.text(),
        row.other.text(), row.difference.text('+')
    ] for row in rows]


def verdicts(rows: Sequence[Row], titles: Mapping[str, str]) -> List[str]:
    """Say in a sentence per figure what pre-training changed in the end."""
    end = max(row.iteration for row in rows)
    texts = []
    for row in rows:
        if row.iteration == end and row.figure in titles:
            values = row.difference.values
            texts.append(
                f'Pre-training changes {titles[row.figure]} by '
                f'{row.difference.text("+")} after {end} iterations; higher '
                f'with {sum(x > 0 for x in values)} of {len(values)} seeds.')
    return texts


def draw_learning_curves(rows: Sequence[Row], titles: Mapping[str, str],
                         labels: Sequence[str], path: Path) -> None:
    """Draw mean and standard deviation over seeds against iterations.

    Args:
        rows (Sequence[Row]): What ``compare`` returned.
        titles (Mapping[str, str]): Titles of the figures; a plot for each.
        labels (Sequence[str]): Words for baseline and other.
        path (Path): PNG file to write.
    """
    from matplotlib.figure import Figure
    figure = Figure(figsize=(4.2 * len(titles), 3.4), layout='constrained')
    plots = figure.subplots(1, len(titles), squeeze=False)[0]
    for axes, (name, title) in zip(plots, titles.items()):
        for side, label in zip(('baseline', 'other'), labels):
            _draw_side(axes, [x for x in rows if x.figure == name], side,
                       label)
        axes.set(title=title, xlabel='iterations', ylim=(0, None))
        axes.grid(alpha=0.3)
    plots[0].legend()
    with written_whole(path) as part:
        figure.savefig(part, dpi=120)


def _draw_side(axes: Any, rows: Sequence[Row], side: str, label: str) -> None:
    iterations = [row.iteration for row in rows]
    spreads = [getattr(row, side) for row in rows]
    line, = axes.plot(
        iterations, [x.mean for x in spreads], marker='o', label=label)
    axes.fill_between(
        iterations, *([x.mean + sign * (x.std or 0.) for x in spreads]
                      for sign in (-1, 1)),
        color=line.get_color(), alpha=0.2, linewidth=0)
