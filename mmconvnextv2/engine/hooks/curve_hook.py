"""The curves of a run as a picture, while it trains."""
import time
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmconvnextv2.registry import HOOKS, register
from mmconvnextv2.visualization.curves import draw_curves, read_curves

_SHARE = 0.005  # of the time of a run that drawing may take


@register(HOOKS)
class CurveHook(Hook):
    """Write ``curves.png``, losses and metrics, into the work dir.

    The picture is renewed every ``seconds``, less often where drawing would
    take more than 0.5 % of the time, and at the end. It shows what
    ``LocalVisBackend`` has written, from runs that were resumed too.

    Args:
        seconds (float): Least time between two pictures. Defaults to 60.

    Raises:
        ValueError: If ``seconds`` is negative.
    """

    # After the logger.
    priority = 'VERY_LOW'

    def __init__(self, seconds: float = 60) -> None:
        if seconds < 0:
            raise ValueError('CurveHook: seconds must not be negative, got '
                             f'{seconds}')
        self.seconds = seconds

    def before_train(self, runner: Runner) -> None:
        """Start to count the time."""
        self._due = time.monotonic() + self.seconds

    def after_train_iter(self, runner: Runner, **kwargs: Any) -> None:
        """Draw, if it is time to."""
        if time.monotonic() >= self._due:
            self._draw(runner)

    def after_train(self, runner: Runner) -> None:
        """Draw the whole run."""
        self._draw(runner)

    def _draw(self, runner: Runner) -> None:
        if runner.rank != 0:
            self._due = float('inf')
            return
        start = time.monotonic()
        try:
            curves = read_curves(Path(runner.work_dir))
            if curves.losses:
                draw_curves(curves, Path(runner.work_dir, 'curves.png'))
        except OSError as error:  # A run does not end for a picture.
            runner.logger.warning(f'CurveHook: {error}')
        now = time.monotonic()
        self._due = now + max(self.seconds, (now - start) / _SHARE)
