"""What the demo tools share."""
from pathlib import Path
from types import SimpleNamespace

import _training
import pytest
from mmengine.logging import MessageHub

from mmconvnextv2.errors import CommandError


@pytest.mark.parametrize('seconds, text', [(0, '0:00'), (59.9, '0:59'),
                                           (60, '1:00'), (3725, '62:05')])
def test_clock(seconds, text):
    assert _training.clock(seconds) == text


def _runner(iteration, losses, total=5):
    hub = MessageHub('demo_utils')
    hub.update_info('eta', 61.)
    for loss in losses:
        hub.update_scalar('train/loss', loss)
    return SimpleNamespace(iter=iteration, max_iters=total, message_hub=hub)


def test_narrator_speaks_every_so_often_and_at_the_end():
    lines = []
    narrator = _training.Narrator(lines.append, interval=2)
    for i in range(5):
        narrator.after_train_iter(_runner(i, [9., 1., 2.]), i)
    assert lines == [
        f'  iteration    {i}/5   loss 1.500   1:01 left' for i in (2, 4, 5)
    ]


def test_narrator_draws_once_a_minute(monkeypatch):
    seconds = iter([0, 59, 60, 61, 90, 121])
    monkeypatch.setattr(_training.time, 'monotonic', lambda: next(seconds))
    lines = []
    narrator = _training.Narrator(lines.append, draw=lambda x: Path('/a.png'))
    narrator.before_train(None)
    drawn = []
    for i in range(3):
        narrator.after_train_iter(_runner(i, []), i)
        drawn.append(len(lines))
    assert drawn == [0, 1, 1]
    assert lines == ['  predictions of now: file:///a.png']


def test_narrator_keeps_the_figures():
    lines = []
    narrator = _training.Narrator(lines.append)
    narrator.before_val_epoch(_runner(3, []))
    assert lines == ['  evaluating ...']
    figures = dict(a=1.)
    narrator.after_val_epoch(_runner(3, []), figures)
    figures['a'] = 2.
    narrator.after_val_epoch(_runner(5, []), figures)
    narrator.after_val_epoch(_runner(6, []))
    assert narrator.history == [(3, dict(a=1.)), (5, dict(a=2.)), (6, {})]


@pytest.fixture
def name(tmp_path, monkeypatch):
    """Name of a config of nine epochs, two of them to warm up."""
    (tmp_path / 'name.py').write_text(
        'train_cfg = dict(max_epochs=9)\nvisualizer = dict(name="x")\n'
        'param_scheduler = [dict(begin=0, end=2), dict(begin=2, end=9)]\n')
    monkeypatch.setattr(_training, 'configs_folder', lambda: tmp_path)
    return 'name.py'


def test_a_short_run_ends_its_schedule_and_shares_no_name(name):
    cfg = _training.short_config(name, Path('out/arm'), 4, seed=7)
    assert cfg.train_cfg.max_epochs == 4
    assert cfg.param_scheduler == [
        dict(begin=0, end=2), dict(begin=2, end=4)]
    assert cfg.randomness == dict(seed=7) and cfg.visualizer == {}
    assert (cfg.work_dir, cfg.experiment_name) == ('out/arm', 'arm')


def test_epochs_must_leave_some_after_warm_up(name):
    with pytest.raises(
            CommandError,
            match='^name.py takes at least 3 epochs, 2 of them to warm up; '
            'got 2$'):
        _training.short_config(name, Path('out/arm'), 2, seed=0)


def test_a_finished_run_is_marked(tmp_path):
    assert _training.finished(tmp_path) is None
    _training.finish(tmp_path, dict(runner=object(), loss=1.5), seed=3)
    assert _training.finished(tmp_path) == dict(loss=1.5, seed=3)
