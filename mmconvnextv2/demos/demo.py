"""What the demo tools share: a terminal with progress and nothing else."""
import sys
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmconvnextv2.errors import CommandError

Say = Callable[[str], None]


def clock(seconds: float) -> str:
    """Format a duration as m:ss."""
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'


def console() -> Say:
    """A function that prints a line to the present stdout.

    It does so within ``quietly`` too.
    """
    stream = sys.stdout
    return lambda text: print(text, file=stream, flush=True)


class Narrator(Hook):
    """Tell how training goes in a line every so often, and keep the figures.

    Args:
        say (callable): Prints a line to the user.
        interval (int): Iterations between two lines.

    Attributes:
        metrics (dict[str, float]): Of the latest evaluation.
        history (list[tuple[int, dict]]): Of all of them, each behind the
            number of iterations done.
    """

    def __init__(self, say: Say, interval: int = 20) -> None:
        self.say = say
        self.interval = interval
        self.metrics: Dict[str, float] = {}
        self.history: List[Tuple[int, Dict[str, float]]] = []

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs=None) -> None:
        """Say iteration, loss and time left."""
        done, total = runner.iter + 1, runner.max_iters
        if done % self.interval == 0 or done == total:
            left = runner.message_hub.get_info('eta', 0)
            loss = runner.message_hub.get_scalar('train/loss').mean(
                self.interval)
            self.say(f'  iteration {done:4d}/{total}   loss {loss:.3f}   '
                     f'{clock(left)} left')

    def before_val_epoch(self, runner: Runner) -> None:
        """Say what takes time now."""
        self.say('  evaluating ...')

    def after_val_epoch(self,
                        runner: Runner,
                        metrics: Optional[Dict[str, float]] = None) -> None:
        """Keep the metrics."""
        self.metrics = dict(metrics or {})
        self.history.append((runner.iter, self.metrics))


def print_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Show a table on the terminal."""
    from rich.console import Console
    from rich.table import Table
    table = Table(*header)
    for line in lines:
        table.add_row(*line)
    Console().print(table)


def set_epochs(cfg: Config, epochs: int) -> None:
    """Change how many epochs a config trains, its schedule included.

    Args:
        cfg (Config): Trained by epoch; changed in place. A scheduler that ends
            with training ends with it again.
        epochs (int): How many.

    Raises:
        CommandError: If the schedule's warm-up leaves no epoch.
    """
    before = cfg.train_cfg.max_epochs
    for scheduler in cfg.get('param_scheduler') or ():
        if scheduler.end == before:
            scheduler.end = epochs
        if scheduler.begin >= epochs:
            raise CommandError(
                f'{Path(cfg.filename).name} takes at least '
                f'{scheduler.begin + 1} epochs, {scheduler.begin} of them to '
                f'warm up; got {epochs}')
    cfg.train_cfg.max_epochs = epochs
