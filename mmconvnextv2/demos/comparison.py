"""Compare two ways of training over several seeds, at equal iterations."""
import statistics
from typing import (
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

Curve = Sequence[Tuple[int, Mapping[str, float]]]


class Spread(NamedTuple):
    """Mean and noise of a figure.

    Attributes:
        values (tuple[float]): One per seed.
        mean (float): Their mean.
        std (float, optional): Their sample standard deviation, with n - 1 in
            the denominator; None of a single value.
    """

    values: Tuple[float, ...]
    mean: float
    std: Optional[float]

    def text(self, sign: str = '') -> str:
        """Mean ± standard deviation; ``sign='+'`` shows a plus as well."""
        noise = '' if self.std is None else f' ± {self.std:.3f}'
        return f'{self.mean:{sign}.3f}{noise}'


class Row(NamedTuple):
    """One figure of one evaluation.

    Attributes:
        iteration (int): Iterations trained.
        figure (str): Its name.
        baseline (Spread): Over the seeds.
        other (Spread): Over the same seeds.
        difference (Spread): Other minus baseline, seed by seed.
    """

    iteration: int
    figure: str
    baseline: Spread
    other: Spread
    difference: Spread


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation.

    Args:
        values (Sequence[float]): At least one.

    Returns:
        Spread: Both, and the values.
    """
    std = statistics.stdev(values) if len(values) > 1 else None
    return Spread(tuple(values), statistics.fmean(values), std)


def compare(baseline: Mapping[int, Curve], other: Mapping[int, Curve],
            figures: Sequence[str]) -> List[Row]:
    """Compare what was evaluated at the same iterations with the same seeds.

    Args:
        baseline (Mapping[int, Curve]): By seed, the evaluations of a run, each
            as (iterations trained, figures).
        other (Mapping[int, Curve]): Likewise.
        figures (Sequence[str]): Which ones to compare. One that an evaluation
            lacks counts as 0: mmdet leaves all out where nothing was detected.

    Returns:
        list[Row]: A row per evaluation and figure, in this order.

    Raises:
        ValueError: If seeds or iterations differ.
    """
    seeds = sorted(baseline)
    if not seeds or sorted(other) != seeds:
        raise ValueError('compare: both sides need the same seeds, at least '
                         f'one, got {seeds} and {sorted(other)}')
    curves = [side[seed] for side in (baseline, other) for seed in seeds]
    steps = [iteration for iteration, _ in curves[0]]
    for curve in curves:
        found = [iteration for iteration, _ in curve]
        if found != steps:
            raise ValueError('compare: the runs were evaluated at different '
                             f'iterations: {steps} and {found}')
    return [
        _row(index, figure, *([side[seed] for seed in seeds]
                              for side in (baseline, other)))
        for index in range(len(steps)) for figure in figures
    ]


def _row(index: int, figure: str, baseline: Sequence[Curve],
         other: Sequence[Curve]) -> Row:
    before, after = ([curve[index][1].get(figure, 0.) for curve in side]
                     for side in (baseline, other))
    change = [b - a for a, b in zip(before, after)]
    return Row(baseline[0][index][0], figure, spread(before), spread(after),
               spread(change))


def halfway_and_end(rows: Sequence[Row]) -> List[Row]:
    """Rows of the first evaluation at half of the training, and of the last.

    Args:
        rows (Sequence[Row]): What ``compare`` returned.

    Returns:
        list[Row]: Some of them.
    """
    end = max(row.iteration for row in rows)
    half = min(row.iteration for row in rows if row.iteration >= end / 2)
    return [row for row in rows if row.iteration in (half, end)]


def cells(rows: Sequence[Row], titles: Mapping[str, str]) -> List[List[str]]:
    """What a table of rows says.

    Args:
        rows (Sequence[Row]): The rows.
        titles (Mapping[str, str]): Figures by what they are called.

    Returns:
        list[list[str]]: Iterations, figure, baseline, other and difference.
    """
    return [[
        str(row.iteration), titles[row.figure],
        row.baseline.text(),
        row.other.text(),
        row.difference.text('+')
    ] for row in rows]


def verdicts(rows: Sequence[Row], titles: Mapping[str, str]) -> List[str]:
    """What pre-training changed in the end, a sentence per figure.

    Args:
        rows (Sequence[Row]): What ``compare`` returned.
        titles (Mapping[str, str]): The figures, by what they are called.

    Returns:
        list[str]: The sentences.
    """
    end = max(row.iteration for row in rows)
    texts = []
    for row in rows:
        if row.iteration == end and row.figure in titles:
            higher = sum(value > 0 for value in row.difference.values)
            texts.append(
                f'Pre-training changes {titles[row.figure]} by '
                f'{row.difference.text("+")} after {end} iterations; higher '
                f'with {higher} of {len(row.difference.values)} seeds.')
    return texts


def markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    table = [header, ['---'] * len(header), *lines]
    return ''.join(f"| {' | '.join(line)} |\n" for line in table)


def as_dict(row: Row) -> Dict[str, object]:
    """A row as JSON can hold it."""
    spreads = {
        name: getattr(row, name)._asdict()
        for name in ('baseline', 'other', 'difference')
    }
    return {**row._asdict(), **spreads}
