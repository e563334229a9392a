"""What the demonstrations share: short runs, followed on a terminal."""
import gc
import json
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.errors import CommandError
from mmconvnextv2.files import write_text

_DRAW_PERIOD = 60  # seconds
INTERRUPTED = 130  # what shells return for Ctrl-C
Say = Callable[[str], None]


def clock(seconds: float) -> str:
    """Format a duration as m:ss."""
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'


def console() -> Say:
    """Return a function that prints to the present stdout, muted or not."""
    stream = sys.stdout
    return lambda text: print(text, file=stream, flush=True)


class Narrator(Hook):
    """Print how training goes, and keep the figures.

    Args:
        say (callable): Prints a line.
        interval (int): Number of iterations between two lines.
        draw (callable, optional): Draws the runner's predictions and returns
            the picture's path. Called once a minute.

    Attributes:
        history (list[tuple[int, dict]]): Figures of each evaluation, behind
            the number of iterations done.
    """

    def __init__(self, say: Say, interval: int = 20,
                 draw: Optional[Callable[[Runner], Path]] = None) -> None:
        self.say = say
        self.interval = interval
        self.draw = draw
        self.drawn: Optional[float] = None
        self.history: List[Tuple[int, Dict[str, float]]] = []

    def before_train(self, runner: Runner) -> None:
        """Start the clock of the pictures."""
        self.drawn = time.monotonic()

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch=None, outputs=None) -> None:
        """Print iteration, loss and time left; draw once a minute."""
        done, total = runner.iter + 1, runner.max_iters
        if done % self.interval == 0 or done == total:
            left = runner.message_hub.get_info('eta', 0)
            loss = runner.message_hub.get_scalar('train/loss').mean(
                self.interval)
            self.say(f'  iteration {done:4d}/{total}   loss {loss:.3f}   '
                     f'{clock(left)} left')
        if self.draw and time.monotonic() - self.drawn >= _DRAW_PERIOD:
            picture = self.draw(runner)
            self.say(f'  predictions of now: {picture.resolve().as_uri()}')
            self.drawn = time.monotonic()

    def before_val_epoch(self, runner: Runner) -> None:
        """Print what takes time now."""
        self.say('  evaluating ...')

    def after_val_epoch(self, runner: Runner,
                        metrics: Optional[Dict[str, float]] = None) -> None:
        """Keep the figures."""
        self.history.append((runner.iter, dict(metrics or {})))


def short_config(name: str, work_dir: Path, epochs: int, seed: int) -> Config:
    """Load a config, with another length, for one of several runs.

    Args:
        name (str): File name of a config that trains by epoch.
        work_dir (Path): Output folder of the run.
        epochs (int): Length. A scheduler that ends with training ends then.
        seed (int): Seed of the run.

    Raises:
        CommandError: If the schedule's warm-up leaves no epoch.
    """
    cfg = Config.fromfile(configs_folder() / name)
    for scheduler in cfg.param_scheduler:
        if scheduler.end == cfg.train_cfg.max_epochs:
            scheduler.end = epochs
        if scheduler.begin >= epochs:
            raise CommandError(
                f'{name} takes at least {scheduler.begin + 1} epochs, '
                f'{scheduler.begin} of them to warm up; got {epochs}')
    cfg.train_cfg.max_epochs = epochs
    cfg.work_dir = str(work_dir)
    cfg.randomness = dict(seed=seed)
    # Runs in one process must not share a log, a message hub, a visualiser;
    # one without a name is called after the experiment and the time.
    cfg.experiment_name = work_dir.name
    cfg.visualizer.pop('name', None)
    return cfg


def train(cfg: Config, say: Say, interval: int = 50,
          draw: Optional[Callable[[Runner], Path]] = None) -> Dict[str, Any]:
    """Train, and return what is known of it; see ``Narrator``.

    Returns:
        dict[str, Any]: The ``runner``; ``curve``, the evaluations as (number
        of iterations, figures); ``loss``, the mean of the last epoch;
        ``checkpoint``, its file name; ``iterations``; ``seconds``.
    """
    # Ends the data loaders of the run before, for which the interpreter may
    # else wait forever when it exits.
    gc.collect()
    start = time.monotonic()
    narrator = Narrator(say, interval, draw)
    runner = Runner.from_cfg(cfg)
    runner.register_hook(narrator, priority='VERY_LOW')
    runner.train()
    loss = runner.message_hub.get_scalar('train/loss')
    checkpoint = Path(cfg.work_dir, 'last_checkpoint').read_text().strip()
    return dict(
        runner=runner, curve=narrator.history,
        loss=loss.mean(len(runner.train_dataloader)),
        checkpoint=Path(checkpoint).name, iterations=runner.iter,
        seconds=time.monotonic() - start)


def finished(folder: Path) -> Optional[Dict[str, Any]]:
    """Read the result of a finished run; None if there is none."""
    file = folder / 'result.json'
    return json.loads(file.read_text()) if file.is_file() else None


def finish(folder: Path, result: Dict[str, Any], **settings: Any) -> None:
    """Mark a run as finished, so that it is not repeated."""
    kept = {k: v for k, v in result.items() if k != 'runner'}
    write_text(folder / 'result.json', json.dumps({**kept, **settings}))
