"""What a training step needs of a GPU's memory, and the batch that fits."""
from typing import Iterable, List, NamedTuple, Tuple

from torch import nn

from .step import PRECISIONS, Trace, build, model_config, numels, trace_step

_FLOAT32, _HALF = 4, 2  # bytes
# Two batches tell all others; one image alone may take other ways (broadcast
# dimensions of 1).
_BATCHES = (2, 3)
_PATCH = 32


class Line(NamedTuple):
    """Bytes as a function of the batch size: fixed + per_image * N."""

    fixed: int
    per_image: int

    def at(self, batch: int) -> int:
        """Bytes for a number of images."""
        return self.fixed + self.per_image * batch


class States(NamedTuple):
    """Bytes that a training run holds at all times.

    Attributes:
        weights (int): In float32, under autocast too.
        gradients (int): In float32.
        optimizer (int): AdamW's two moments.
        ema (int): The averaged weights, if any.
        buckets (int): Of DDP with several GPUs, which reduces copies of the
            gradients (``gradient_as_bucket_view=False``, the default).
    """

    weights: int
    gradients: int
    optimizer: int
    ema: int
    buckets: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


class Footprint(NamedTuple):
    """Memory of a model in a mode, at an image size and precision.

    Attributes:
        size (str): Name of the architecture.
        mode (str): 'dense', 'checkpointed' or 'fcmae'.
        side (int): Height and width of the images, in pixels.
        precision (str): 'float32', 'bf16' or 'fp16'.
        parameters (int): All of the model.
        half_copies (int): Bytes of the weights that autocast copies; part of
            the fixed bytes of ``kept``, not of ``states``.
        states (States): What is there at all times.
        kept (Line): Alive between forward and backward pass beside them.
        moments (list[Line]): What can be the most that is alive at once.
    """

    size: str
    mode: str
    side: int
    precision: str
    parameters: int
    half_copies: int
    states: States
    kept: Line
    moments: List[Line]

    @property
    def peak_per_image(self) -> int:
        """Bytes per image at the peak of large batches."""
        return max(line.per_image for line in self.moments)

    def needed(self, batch: int) -> int:
        """Bytes at the peak of an iteration with a number of images."""
        step = max(line.at(batch) for line in self.moments)
        return self.states.total + max(step, self._optimizer_step)

    def largest_batch(self, num_bytes: int) -> int:
        """The largest batch that needs no more, 0 if there is none."""
        left = num_bytes - self.states.total
        if left < self._optimizer_step:
            return 0
        most = min((left - line.fixed) // line.per_image
                   for line in self.moments if line.per_image)
        fixed = max(line.fixed for line in self.moments)
        return max(0, most) if fixed <= left else 0

    @property
    def _optimizer_step(self) -> int:
        # AdamW on a GPU goes through all parameters at once and has room for
        # one more copy of them, the root of the second moment.
        return self.states.weights


def states(parameters: int, ema: bool, gpus: int) -> States:
    """Bytes of weights, gradients and optimizer.

    Args:
        parameters (int): Number of parameters, all trained.
        ema (bool): Whether an average of the weights is kept.
        gpus (int): Number of processes.
    """
    each = _FLOAT32 * parameters
    return States(each, each, 2 * each, each if ema else 0,
                  each if gpus > 1 else 0)


def has_ema(mode: str) -> bool:
    """Whether the recipes of a mode average the weights."""
    return mode != 'fcmae'


def check_side(side: int) -> None:
    """Refuse image sizes that are not made of whole patches.

    Raises:
        ValueError: If the side is none.
    """
    if side < 2 * _PATCH or side % _PATCH:
        raise ValueError('the side of an image must be a multiple of '
                         f'{_PATCH} pixels and at least {2 * _PATCH}, got '
                         f'{side}')


def measure(model: nn.Module, size: str, mode: str, side: int,
            precision: str, ema: bool = True, gpus: int = 1) -> Footprint:
    """Measure one model.

    Args:
        model (nn.Module): From ``step.build``.
        size (str): Its name.
        mode (str): Its mode.
        side (int): Height and width of the images, in pixels.
        precision (str): A key of ``PRECISIONS``.
        ema (bool): Whether supervised runs average the weights, as the
            recipes do. Defaults to True; FCMAE never does.
        gpus (int): Number of GPUs. Defaults to 1.

    Raises:
        ValueError: If precision or side are not as described.
    """
    check_side(side)
    if precision not in PRECISIONS:
        raise ValueError(f'precision must be one of {list(PRECISIONS)}, got '
                         f'{precision!r}')
    traces = [trace_step(model, n, side, precision) for n in _BATCHES]
    kept, moments = _lines(*traces)
    parameters, halved = numels(model)
    is_half = PRECISIONS[precision] is not None
    return Footprint(
        size, mode, side, precision, parameters,
        _HALF * halved if is_half else 0,
        states(parameters, ema and has_ema(mode), gpus), kept, moments)


def footprints(sizes: Iterable[str], modes: Iterable[str],
               sides: Iterable[int], precisions: Iterable[str],
               ema: bool = True, gpus: int = 1) -> Iterable[Footprint]:
    """Measure all combinations, building each model once.

    Args are lists of those of ``measure``.

    Yields:
        Footprint: One after the other.
    """
    sides, precisions, modes = list(sides), list(precisions), list(modes)
    for size in sizes:
        for mode in modes:
            model = build(model_config(size, mode))
            for side in sides:
                for precision in precisions:
                    yield measure(model, size, mode, side, precision, ema,
                                  gpus)


def _lines(first: Trace, second: Trace) -> Tuple[Line, List[Line]]:
    """Bytes by batch size, from the same step with two batch sizes.

    Raises:
        RuntimeError: If the two did not do the same.
    """
    if len(first.moments) != len(second.moments):
        raise RuntimeError(
            'the steps of two batch sizes allocate differently: '
            f'{len(first.moments)} and {len(second.moments)} times')
    few, more = _BATCHES

    def line(a: int, b: int) -> Line:
        slope, rest = divmod(b - a, more - few)
        if rest:
            raise RuntimeError(f'{b - a} bytes for {more - few} images')
        return Line(a - few * slope, slope)

    moments = {line(a, b) for a, b in zip(first.moments, second.moments)}
    return line(first.kept, second.kept), _upper(moments)


def _upper(lines: Iterable[Line]) -> List[Line]:
    """Those that are the highest for some batch, and perhaps a few more."""
    found: List[Line] = []
    for line in sorted(lines, key=lambda x: (x.per_image, x.fixed),
                       reverse=True):
        if not found or line.fixed > found[-1].fixed:
            found.append(line)
    return found
