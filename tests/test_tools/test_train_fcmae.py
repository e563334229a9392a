"""FCMAE trained by train.py: in two processes, killed and resumed, seeded."""
import signal
import socket
import sys

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import CheckpointLoader
from mmengine.visualization import Visualizer

from mmconvnextv2.datasets import make_shapes
from mmconvnextv2.utils.config import find_config

# The config on shapes, smaller; 16 patches of an image, of which 6 visible.
_CONFIG = '''
_base_ = '{base}'
custom_imports = dict(imports=[
    'mmconvnextv2', 'mmconvnextv2.models.selfsup', 'recorder'])
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True, depths=[1, 1, 1, 1], channels=[8, 8, 16, 16])),
    neck=dict(in_channels=16, decoder_channels=16))
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False)
train_cfg = dict(max_epochs=3)
param_scheduler = [dict(type='PolyLR', by_epoch=False, end=12)]
default_hooks = dict(
    logger=dict(interval=1), checkpoint=dict(interval=1, max_keep_ckpts=3))
custom_hooks = [dict(type='mmengine.Recorder')]
'''
_NUM_IMAGES = 8


@pytest.fixture(scope='module')
def shapes(tmp_path_factory):
    return make_shapes(
        tmp_path_factory.mktemp('data') / 'shapes',
        num_train=_NUM_IMAGES,
        num_val=1)


@pytest.fixture
def folder(tmp_path, shapes, monkeypatch):
    """The present folder, with small.py and the data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'shapes').symlink_to(shapes)
    base = find_config('fcmae_convnextv2_a_shapes.py')
    (tmp_path / 'small.py').write_text(_CONFIG.format(base=base))
    return tmp_path


def _load(folder, rank=0):
    return torch.load(folder / 'w' / f'record_{rank}.pt')


def _differing(first, second):
    assert first.keys() == second.keys() and first
    return [name for name in first if not first[name].equal(second[name])]


def _free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return str(sock.getsockname()[1])


def test_two_processes(folder, tools, run):
    done = run(
        folder,
        'bash',
        tools / 'dist_train.sh',
        'small.py',
        2,
        '--work-dir',
        'w',
        CUDA_VISIBLE_DEVICES='',
        PORT=_free_port())
    assert done.returncode == 0, done.stderr
    first, second = _load(folder), _load(folder, 1)
    # 3 epochs over 8 images, 2 in each of 2 processes.
    assert first['iters'] == second['iters'] == list(range(1, 7))
    # A parameter without a gradient would have ended the run.
    assert first['unused_allowed'] is False
    for a, b in zip(first['masks'], second['masks']):
        assert a.shape == b.shape == (2, 4, 4)
        assert a.flatten(1).sum(1).tolist() == [10, 10]
        assert not a.equal(b)
    assert first['losses'] != second['losses']
    assert _differing(first['start'], second['start']) == []
    assert _differing(first['end'], second['end']) == []
    assert len(_differing(first['start'], first['end'])) == len(first['end'])


def test_killed_and_resumed(folder, tools, run):
    # An epoch has 4 iterations.
    killed = run(folder, sys.executable, tools / 'train.py', 'small.py',
                 '--work-dir', 'w', '--cfg-options',
                 'custom_hooks.0.kill_at=7')
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert sorted(x.name for x in (folder / 'w').glob('*.pth')) == [
        'epoch_1.pth'
    ]
    done = run(folder, sys.executable, tools / 'train.py', 'small.py',
               '--work-dir', 'w', '--resume')
    assert done.returncode == 0, done.stderr
    record = _load(folder)
    assert record['iters'] == list(range(5, 13))
    saved = CheckpointLoader.load_checkpoint(
        str(folder / 'w' / 'epoch_1.pth'), 'cpu')
    assert saved['meta']['iter'] == 4
    assert _differing(record['start'], saved['state_dict']) == []
    last = CheckpointLoader.load_checkpoint(
        str(folder / 'w' / 'epoch_3.pth'), 'cpu')
    assert (last['meta']['epoch'], last['meta']['iter']) == (3, 12)
    assert _differing(record['end'], last['state_dict']) == []
    # The optimizer went on too, rather than starting anew.
    steps = {
        int(state['step'])
        for state in last['optimizer']['state'].values()
    }
    assert steps == {12}


def test_masks_repeat_under_the_same_seed(folder, load_tool, monkeypatch):

    def train(seed):
        with monkeypatch.context() as patch:
            # What a runner makes known everywhere is not to stay.
            for kind in (DefaultScope, Visualizer):
                patch.setattr(kind, '_instance_dict',
                              kind._instance_dict.copy())
            assert load_tool('train').main([
                'small.py', '--work-dir', 'w', '--overwrite', '--cfg-options',
                'train_cfg.max_epochs=1', f'randomness.seed={seed}'
            ]) == 0
        return _load(folder)

    first, again, other = train(3), train(3), train(4)
    masks = torch.stack(first['masks'])
    assert masks.shape == (4, 2, 4, 4)
    assert torch.equal(torch.stack(again['masks']), masks)
    assert not any(a.equal(b) for a, b in zip(other['masks'], masks))
    # And so does all else.
    assert again['losses'] == first['losses'] != other['losses']
    assert _differing(first['end'], again['end']) == []
    # No mask is the one before.
    assert len(masks.flatten(2).flatten(0, 1).unique(dim=0)) == 8
