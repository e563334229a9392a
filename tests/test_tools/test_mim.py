"""mim of the installed stack with our configs and our package.

Where it cannot do what it should, a strict xfail says why: once it can, the
test tells.
"""
import json
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.datasets import make_shapes

pytest.importorskip('mim')
_ROOT = Path(__file__).resolve().parents[2]
_NAME = 'maskrcnn_convnextv2_a_shapes.py'
_LOADERS = [
    f'{split}_dataloader.{option}' for split in ('train', 'val', 'test')
    for option in ('num_workers=0', 'persistent_workers=False')
]


def _is_editable():
    text = metadata.distribution('mmconvnextv2').read_text('direct_url.json')
    return json.loads(text or '{}').get('dir_info', {}).get('editable', False)


_ONEDL = any(metadata.distributions(name='onedl-mim'))
# onedl-mim knows several packages with 'mmdet' in their names.
_MMDET = 'onedl-mmdetection' if _ONEDL else 'mmdet'


_EDITABLE = pytest.mark.skipif(
    not _is_editable(), reason='test_packaging has the wheel')
_OPENMIM = pytest.mark.xfail(
    not _ONEDL,
    strict=True,
    raises=(AssertionError, UnboundLocalError),
    reason='openmim 0.3.9 looks for the package in site-packages, where an '
    'editable install leaves only a reference')

@pytest.fixture
def shapes(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return make_shapes('data/shapes', num_train=2, num_val=1)


@pytest.fixture
def mim(run, tmp_path):
    """Function that runs mim; returns what it printed."""

    def run_mim(*arguments):
        done = run(tmp_path, sys.executable, '-m', 'mim', *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run_mim


@pytest.mark.timeout(900)
def test_mim_trains_our_detector_with_mmdet(shapes, tmp_path, mim):
    trained = mim('train', _MMDET,
                  configs_folder() / _NAME, '--work-dir', 'w', '--cfg-options',
                  *_LOADERS, 'train_cfg.max_epochs=1',
                  'train_dataloader.batch_size=1')
    assert 'mmdet/.mim/tools/train.py' in trained
    assert (tmp_path / 'w' / 'epoch_1.pth').is_file()


@pytest.mark.timeout(900)
def test_mim_tests_our_detector_with_mmdet(shapes, tmp_path, mim):
    config = configs_folder() / _NAME
    cfg = Config.fromfile(config)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    torch.save(dict(state_dict=model.state_dict(), meta={}), 'c.pth')
    tested = mim('test', _MMDET, config, '--checkpoint', 'c.pth', '--work-dir',
                 'w', '--cfg-options', *_LOADERS)
    assert 'mmdet/.mim/tools/test.py' in tested
    assert 'coco/segm_mAP_50: ' in tested


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_mim_trains_and_tests_our_segmentor_with_mmseg(shapes, tmp_path, mim):
    config = configs_folder() / 'upernet_convnextv2_a_shapes.py'
    trained = mim('train', 'mmseg', config, '--work-dir', 'w', '--cfg-options',
                  *_LOADERS, 'train_cfg.max_iters=2',
                  'train_cfg.val_interval=3', 'train_dataloader.batch_size=2',
                  'default_hooks.checkpoint.interval=2')
    assert 'mmseg/.mim/tools/train.py' in trained
    assert (tmp_path / 'w' / 'iter_2.pth').is_file()
    tested = mim('test', 'mmseg', config, '--checkpoint', 'w/iter_2.pth',
                 '--work-dir', 'w', '--cfg-options', *_LOADERS)
    assert 'mmseg/.mim/tools/test.py' in tested
    assert 'mIoU: ' in tested


@pytest.mark.xfail(
    _ONEDL,
    strict=True,
    raises=ValueError,
    reason='onedl-mim 0.5.1 takes mmdet for the start of several names')
def test_mmdet_has_its_short_name(commands):
    from mim.commands.train import train
    assert train('mmdet', str(configs_folder() / _NAME), gpus=1)[0] is True
    assert commands[0][1].endswith('mmdet/.mim/tools/train.py')


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """Commands that mim would have started, outside the checkout."""
    started = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('subprocess.check_output', lambda cmd: b'')
    monkeypatch.setattr('subprocess.check_call',
                        lambda cmd, env: started.append(cmd) or 0)
    return started


@_EDITABLE
@_OPENMIM
def test_mim_trains_with_our_tool_given_a_path(commands):
    from mim.commands.train import train
    config = str(configs_folder() / _NAME)
    assert train('mmconvnextv2', config, gpus=1)[0] is True
    assert commands == [[
        sys.executable,
        str(_ROOT / 'tools' / 'train.py'), config, '--launcher', 'none'
    ]]


@_EDITABLE
@_OPENMIM
def test_mim_runs_our_tool_by_the_name_of_a_config(commands):
    from mim.commands.run import run
    run('mmconvnextv2', 'train', other_args=(_NAME, ))
    assert commands == [[
        sys.executable,
        str(_ROOT / 'tools' / 'train.py'), _NAME
    ]]


@_EDITABLE
@pytest.mark.xfail(
    strict=True,
    raises=ValueError,
    reason='onedl-mim 0.5.1 searches the whole checkout of an editable '
    'install, where configs and .mim/configs are the same folder; openmim '
    '0.3.9 does not find the checkout')
def test_mim_finds_our_configs_by_name_in_an_editable_install(commands):
    from mim.commands.train import train
    train('mmconvnextv2', _NAME, gpus=1)
