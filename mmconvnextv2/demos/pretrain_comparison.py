"""The runs of tools/pretrain_demo.py: FCMAE, then detectors with and without.

Each run has a folder of its own, in which ``result.json`` appears when it has
finished; such a run is not repeated.
"""
import argparse
import gc
import json
import shutil
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.runner import Runner

from mmconvnextv2.checkpoint import (
    CheckpointError,
    pick_weights,
    read_checkpoint,
)
from mmconvnextv2.cli import CommandError, require_data
from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.files import write_text
from .comparison import Curve
from .demo import Narrator, Say, clock, set_epochs

FCMAE = 'fcmae_convnextv2_a_shapes.py'
DETECTOR = 'maskrcnn_convnextv2_a_shapes.py'
# What each way of training is called.
ARMS = dict(scratch='from scratch', pretrained='from FCMAE')
_PREFIX = 'backbone.'


def _config(name: str, work_dir: Path, epochs: int, seed: int) -> Config:
    cfg = Config.fromfile(configs_folder() / name)
    set_epochs(cfg, epochs)
    cfg.work_dir = str(work_dir)
    cfg.randomness = dict(seed=seed)
    # Runs in one process must not share a log, a message hub, a visualiser;
    # one without a name is called after the experiment and the time.
    cfg.experiment_name = work_dir.name
    cfg.visualizer.pop('name', None)
    return cfg


def fcmae_config(settings: Mapping[str, Any], root: Path) -> Config:
    """Pre-training; goes on where an earlier run stopped."""
    work_dir = root / 'fcmae'
    cfg = _config(FCMAE, work_dir, settings['fcmae_epochs'], seed=0)
    cfg.default_hooks.checkpoint.update(interval=1)
    latest = work_dir / 'last_checkpoint'
    if latest.is_file():
        # Holds a path as seen from where that run was started.
        cfg.load_from = str(work_dir / Path(latest.read_text().strip()).name)
        cfg.resume = True
    return cfg


def detector_config(settings: Mapping[str, Any], root: Path, arm: str,
                    seed: int, checkpoint: str) -> Config:
    """Mask R-CNN; the two arms differ in the backbone's start alone."""
    epochs = settings['epochs']
    cfg = _config(DETECTOR, root / f'{arm}_seed{seed}', epochs, seed)
    cfg.train_cfg.val_interval = 1
    cfg.default_hooks.checkpoint.update(
        interval=epochs, save_best=None, save_optimizer=False)
    if arm == 'pretrained':
        cfg.model.backbone.init_cfg = dict(
            type='Pretrained', checkpoint=checkpoint, prefix=_PREFIX)
    return cfg


def check_settings(settings: Mapping[str, Any], root: Path,
                   args: argparse.Namespace) -> None:
    """Check what can be checked before any training.

    Args:
        settings (dict): What the demo was asked for.
        root (Path): Its output folder.
        args (argparse.Namespace): The tool's arguments.

    Raises:
        CommandError: If data are missing, a schedule has no epoch, or the
            given checkpoint does not fit.
    """
    checkpoint = settings['fcmae_checkpoint']
    detector = detector_config(settings, root, 'scratch', 0, '')
    for cfg, splits in ((fcmae_config(settings, root), ('train', )),
                        (detector, ('train', 'val'))):
        named = argparse.Namespace(**{**vars(args), 'config': cfg.filename})
        require_data(cfg, named, splits, initial_weights=False)
    if checkpoint:
        _check_fit(checkpoint, detector.model.backbone)


def _check_fit(checkpoint: str, backbone: dict) -> None:
    """Raise unless a checkpoint has all of a backbone but output norms."""
    try:
        state = pick_weights(read_checkpoint(checkpoint))
    except CheckpointError as error:
        raise CommandError(f'--fcmae-checkpoint: {error}') from error
    own = MODELS.build(backbone).state_dict()
    unlike = [
        key for key, value in own.items() if not key.startswith('norm') and
        getattr(state.get(_PREFIX + key), 'shape', None) != value.shape
    ]
    if unlike:
        raise CommandError(
            f'--fcmae-checkpoint: {checkpoint} does not fit the backbone '
            f"({backbone['arch']}): {len(unlike)} of {len(own)} parameters "
            f'are missing or of another shape, like {_PREFIX}{unlike[0]}')


def _train(cfg: Config, say: Say,
           interval: int) -> Tuple[Runner, Narrator, float]:
    """Train; returns the runner, its narrator and the seconds taken."""
    gc.collect()  # Ends the data loaders of the run before.
    start = time.monotonic()
    narrator = Narrator(say, interval)
    runner = Runner.from_cfg(cfg)
    runner.register_hook(narrator, priority='VERY_LOW')
    runner.train()
    return runner, narrator, time.monotonic() - start


def pretrain(settings: Mapping[str, Any], root: Path, say: Say) -> str:
    """Pre-train, unless that is done or a checkpoint is given.

    Returns:
        str: The checkpoint.
    """
    if settings['fcmae_checkpoint']:
        return settings['fcmae_checkpoint']
    if pretraining(root) is None:
        cfg = fcmae_config(settings, root)
        say('\nFCMAE pre-training (a loss of 1: the mean of each patch)')
        if cfg.resume:
            say(f'  continuing from {cfg.load_from}')
        runner, _, seconds = _train(cfg, say, interval=50)
        picture = max((root / 'fcmae').rglob('reconstruction_*.png'),
                      key=lambda path: path.stat().st_mtime)
        shutil.copyfile(picture, root / 'reconstruction.png')
        _keep_pretraining(root, runner, seconds)
    found = pretraining(root)
    say(f"  pre-trained: loss {found['loss']:.3f} in the last epoch")
    return str(root / 'fcmae' / found['checkpoint'])


def pretraining(root: Path) -> Optional[Dict[str, Any]]:
    """What is known of a finished pre-training; None if there is none."""
    result = root / 'fcmae' / 'result.json'
    return json.loads(result.read_text()) if result.is_file() else None


def _keep_pretraining(root: Path, runner: Runner, seconds: float) -> None:
    """Mark pre-training as done."""
    loss = runner.message_hub.get_scalar('train/loss')
    checkpoint = (root / 'fcmae' / 'last_checkpoint').read_text().strip()
    found = dict(
        checkpoint=Path(checkpoint).name,
        loss=loss.mean(len(runner.train_dataloader)),
        iterations=runner.iter,
        seconds=seconds)
    write_text(root / 'fcmae' / 'result.json', json.dumps(found))


def fine_tune(settings: Mapping[str, Any], root: Path, checkpoint: str,
              say: Say) -> Dict[str, Dict[int, Curve]]:
    """Train the detectors that are not done yet, both arms of a seed in turn.

    An interrupted one starts again, so that all of them see the same data in
    the same order.

    Returns:
        dict[str, dict[int, Curve]]: Evaluations by arm and seed.
    """
    runs = [(arm, seed) for seed in settings['seeds'] for arm in ARMS]
    curves: Dict[str, Dict[int, Curve]] = {arm: {} for arm in ARMS}
    spent: List[float] = []
    for index, (arm, seed) in enumerate(runs):
        mean = sum(spent) / max(len(spent), 1)
        left = f', about {clock(mean * (len(runs) - index))} left in all'
        say(f'\nMask R-CNN {ARMS[arm]}, seed {seed} (run {index + 1} of '
            f"{len(runs)}{left if spent else ''})")
        cfg = detector_config(settings, root, arm, seed, checkpoint)
        result = _detector_result(cfg, say)
        # What was done before took no time now.
        spent += [result['seconds']] if result['is_new'] else []
        curves[arm][seed] = result['curve']
    return curves


def _detector_result(cfg: Config, say: Say) -> Dict[str, Any]:
    """Evaluations and seconds of a run, which is made if it is not done."""
    file = Path(cfg.work_dir) / 'result.json'
    is_new = not file.is_file()
    if is_new:
        shutil.rmtree(cfg.work_dir, ignore_errors=True)
        _, narrator, seconds = _train(cfg, say, interval=50)
        write_text(
            file, json.dumps(dict(curve=narrator.history, seconds=seconds)))
    else:
        say('  done before')
    return dict(json.loads(file.read_text()), is_new=is_new)
