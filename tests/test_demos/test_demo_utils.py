"""What the demo tools share."""
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.logging import MessageHub

from mmconvnextv2.cli import CommandError
from mmconvnextv2.demos import demo


@pytest.mark.parametrize('seconds, text', [(0, '0:00'), (59.9, '0:59'),
                                           (60, '1:00'), (3725, '62:05')])
def test_clock(seconds, text):
    assert demo.clock(seconds) == text


def _runner(iteration, losses, total=5):
    hub = MessageHub('demo_utils')
    hub.update_info('eta', 61.)
    for loss in losses:
        hub.update_scalar('train/loss', loss)
    return SimpleNamespace(iter=iteration, max_iters=total, message_hub=hub)


def test_narrator_speaks_every_so_often_and_at_the_end():
    lines = []
    narrator = demo.Narrator(lines.append, interval=2)
    for i in range(5):
        narrator.after_train_iter(_runner(i, [9., 1., 2.]), i)
    assert lines == [
        f'  iteration    {i}/5   loss 1.500   1:01 left' for i in (2, 4, 5)
    ]


def test_narrator_keeps_the_figures():
    lines = []
    narrator = demo.Narrator(lines.append)
    narrator.before_val_epoch(_runner(3, []))
    assert lines == ['  evaluating ...']
    figures = dict(a=1.)
    narrator.after_val_epoch(_runner(3, []), figures)
    figures['a'] = 2.
    narrator.after_val_epoch(_runner(5, []), figures)
    narrator.after_val_epoch(_runner(6, []))
    assert narrator.history == [(3, dict(a=1.)), (5, dict(a=2.)), (6, {})]
    assert narrator.metrics == {}


def test_table(capsys):
    demo.print_table(['a', 'b'], [['1', '22'], ['3', '44']])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1::2] for line in lines[1:2] + lines[3:5]] == [
        ['a', 'b'], ['1', '22'], ['3', '44']]


def _config(tmp_path):
    file = tmp_path / 'name.py'
    file.write_text('train_cfg = dict(max_epochs=9)\nparam_scheduler = [\n'
                    '    dict(begin=0, end=2), dict(begin=2, end=9)]\n')
    return Config.fromfile(file)


def test_epochs_move_the_end_of_the_schedule(tmp_path):
    cfg = _config(tmp_path)
    demo.set_epochs(cfg, 4)
    assert cfg.train_cfg.max_epochs == 4
    assert cfg.param_scheduler == [
        dict(begin=0, end=2), dict(begin=2, end=4)]


def test_epochs_must_leave_some_after_warm_up(tmp_path):
    with pytest.raises(
            CommandError,
            match='^name.py takes at least 3 epochs, 2 of them to warm up; '
            'got 2$'):
        demo.set_epochs(_config(tmp_path), 2)
