import logging
from types import SimpleNamespace

import pytest

from mmconvnextv2.engine import CurveHook
from mmconvnextv2.engine.hooks import curve_hook

LINE = '{"loss": 1.0, "step": 1}'


@pytest.fixture
def runner(tmp_path):
    logs = tmp_path / '1' / 'vis_data'
    logs.mkdir(parents=True)
    (logs / 'scalars.json').write_text(LINE)
    return SimpleNamespace(work_dir=str(tmp_path), rank=0,
                           logger=logging.getLogger('stand-in'))


def test_drawn_when_it_is_time_and_at_the_end(runner, tmp_path, monkeypatch):
    now = 0.
    monkeypatch.setattr(curve_hook.time, 'monotonic', lambda: now)
    hook, path = CurveHook(seconds=60), tmp_path / 'curves.png'
    hook.before_train(runner)
    hook.after_train_iter(runner)
    assert not path.exists()
    now = 60.
    hook.after_train_iter(runner)
    assert path.stat().st_size > 1000
    path.unlink()
    hook.after_train_iter(runner)
    assert not path.exists()
    hook.after_train(runner)
    assert path.exists()


def test_slow_drawing_is_rare(runner, monkeypatch):
    times = iter([0., 60., 60., 61.])  # begin, due?, start and end of drawing
    monkeypatch.setattr(curve_hook.time, 'monotonic', lambda: next(times))
    hook = CurveHook(seconds=60)
    hook.before_train(runner)
    hook.after_train_iter(runner)
    assert hook._due == 61 + 200


def test_other_processes_and_full_disks(runner, tmp_path, monkeypatch, caplog):

    def fail(*args):
        raise OSError('the disk is full')

    monkeypatch.setattr(curve_hook, 'draw_curves', fail)
    hook = CurveHook(seconds=0)
    hook.before_train(runner)
    runner.rank = 1
    hook.after_train_iter(runner)
    assert caplog.messages == [] and hook._due == float('inf')
    runner.rank = 0
    hook.after_train(runner)
    assert caplog.messages == ['CurveHook: the disk is full']
    with pytest.raises(ValueError, match='must not be negative, got -1'):
        CurveHook(-1)
