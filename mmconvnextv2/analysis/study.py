"""FCMAE with and without GRN on shapes: do features collapse? (Figure 4)

A pre-training has a folder of its own, in which ``result.json`` appears when
it has finished; it is not repeated.
"""
import gc
import json
import shutil
import time
from pathlib import Path
from typing import Any, Dict, Mapping, Sequence

from mmengine.config import Config
from mmengine.runner import Runner

from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.demos.demo import Narrator, Say, set_epochs
from mmconvnextv2.errors import CommandError
from mmconvnextv2.files import write_text
from .cosine_distance import LayerDistance
from .features import AFTER_GRN, BEFORE_GRN

# What is compared, by the names of their folders.
ARMS = dict(
    convnextv1='fcmae_convnextv1_a_shapes.py',
    convnextv2='fcmae_convnextv2_a_shapes.py')
TITLES = dict(convnextv1='V1 + FCMAE', convnextv2='V2 + FCMAE')
UNTRAINED = 'V2, untrained'


def pretraining_config(arm: str, root: Path, epochs: int, seed: int) -> Config:
    """Pre-training of an arm, as its config has it but for its length.

    Raises:
        CommandError: If the schedule's warm-up leaves no epoch.
    """
    cfg = Config.fromfile(configs_folder() / ARMS[arm])
    set_epochs(cfg, epochs)
    cfg.work_dir = str(root / arm)
    cfg.randomness = dict(seed=seed)
    cfg.default_hooks.checkpoint.update(interval=epochs, save_optimizer=False)
    # Runs in one process must not share a log, a message hub, a visualiser;
    # one without a name is called after the experiment and the time.
    cfg.experiment_name = arm
    cfg.visualizer.pop('name', None)
    return cfg


def pretrain(arm: str, root: Path, epochs: int, seed: int,
             say: Say) -> Dict[str, Any]:
    """Pre-train an arm, unless that is done.

    Returns:
        dict[str, Any]: ``checkpoint``, a file name in the arm's folder;
        ``loss``, the mean of the last epoch; ``iterations``, ``seconds``, and
        the settings.

    Raises:
        CommandError: If it was done with other settings.
    """
    settings = dict(epochs=epochs, seed=seed)
    file = root / arm / 'result.json'
    if not file.is_file():
        say(f'\n{TITLES[arm]}, {epochs} epochs')
        shutil.rmtree(root / arm, ignore_errors=True)
        found = _train(pretraining_config(arm, root, epochs, seed), say)
        write_text(file, json.dumps({**found, **settings}))
        # Ends the run's data loaders, for which the interpreter may else wait
        # forever when it exits.
        gc.collect()
    found = json.loads(file.read_text())
    if any(found[key] != value for key, value in settings.items()):
        raise CommandError(
            f"{root / arm} was made with epochs={found['epochs']} and "
            f"seed={found['seed']}; choose another --work-dir")
    say(f"{TITLES[arm]}: loss {found['loss']:.3f} in the last epoch")
    return found


def _train(cfg: Config, say: Say) -> Dict[str, Any]:
    start = time.monotonic()
    runner = Runner.from_cfg(cfg)
    runner.register_hook(Narrator(say, interval=50), priority='VERY_LOW')
    runner.train()
    loss = runner.message_hub.get_scalar('train/loss')
    checkpoint = Path(cfg.work_dir, 'last_checkpoint').read_text().strip()
    return dict(
        checkpoint=Path(checkpoint).name,
        loss=loss.mean(len(runner.train_dataloader)),
        iterations=runner.iter,
        seconds=time.monotonic() - start)


def distance_table(found: Mapping[str, Sequence[LayerDistance]]) -> str:
    """Cosine distances of all models, block by block, as Markdown."""
    columns = [(name, kind) for name in found
               for kind in (BEFORE_GRN, AFTER_GRN)]
    values = [[x.distance for x in found[name] if x.features == kind]
              for name, kind in columns]
    titles = [
        f"{name}, {kind.replace('_grn', ' GRN')}" for name, kind in columns
    ]
    lines = [['block', *titles], ['---'] * (1 + len(columns))]
    for number, row in enumerate(zip(*values), 1):
        lines.append([str(number), *(f'{x:.3f}' for x in row)])
    means = [sum(column) / len(column) for column in values]
    lines.append(['mean', *(f'{x:.3f}' for x in means)])
    return ''.join(f"| {' | '.join(line)} |\n" for line in lines)
