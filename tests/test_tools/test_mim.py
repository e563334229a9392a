"""mim of the installed stack with our configs and our package.

Where it cannot do what it should, a strict xfail says why: once it can, the
test tells.
"""
import json
import sys
from importlib import metadata
from pathlib import Path

import pytest

from mmconvnextv2.datasets import make_shapes
from mmconvnextv2.utils.config import configs_folder

pytest.importorskip('mim')
_ROOT = Path(__file__).resolve().parents[2]
_NAME = 'maskrcnn_convnextv2_a_shapes.py'
_LOADERS = [
    f'{split}_dataloader.{option}' for split in ('train', 'val')
    for option in ('num_workers=0', 'persistent_workers=False')
]
_SEGMENTOR = '''
default_scope = 'mmseg'
custom_imports = dict(imports=['mmconvnextv2'], allow_failed_imports=False)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', size=(64, 64), seg_pad_val=255),
    backbone=dict(
        type='mmconvnextv2.ConvNeXtV2',
        arch=dict(depths=[1, 1], channels=[8, 16]),
        gap_before_final_norm=False),
    decode_head=dict(
        type='FCNHead', in_channels=16, channels=8, in_index=0, num_classes=6,
        num_convs=1, norm_cfg=dict(type='BN')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='BaseSegDataset',
        data_root='data/shapes/ade',
        img_suffix='.jpg',
        seg_map_suffix='.png',
        reduce_zero_label=True,
        metainfo=dict(classes=list('abcdef')),
        data_prefix=dict(
            img_path='images/training',
            seg_map_path='annotations/training'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', reduce_zero_label=True),
            dict(type='RandomCrop', crop_size=(64, 64)),
            dict(type='PackSegInputs')
        ]))
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-4))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2))
log_processor = dict(by_epoch=False)
'''


def _is_editable():
    text = metadata.distribution('mmconvnextv2').read_text('direct_url.json')
    return json.loads(text or '{}').get('dir_info', {}).get('editable', False)


def _mmdet():
    # onedl-mim knows several packages with 'mmdet' in their names.
    try:
        metadata.version('onedl-mmdetection')
        return 'onedl-mmdetection'
    except metadata.PackageNotFoundError:
        return 'mmdet'


@pytest.fixture
def shapes(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return make_shapes('data/shapes', num_train=2, num_val=1)


def test_mim_trains_our_detector_with_mmdet(shapes, tmp_path, run):
    done = run(tmp_path, sys.executable, '-m', 'mim', 'train',
               _mmdet(),
               configs_folder() / _NAME, '--work-dir', 'w', '--cfg-options',
               'train_cfg.max_epochs=1', 'train_dataloader.batch_size=1',
               *_LOADERS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'mmdet/.mim/tools/train.py' in done.stdout
    assert (tmp_path / 'w' / 'epoch_1.pth').is_file()


def test_mim_trains_a_segmentor_of_ours_with_mmseg(shapes, tmp_path, run):
    (tmp_path / 'segmentor.py').write_text(_SEGMENTOR)
    done = run(tmp_path, sys.executable, '-m', 'mim', 'train', 'mmseg',
               'segmentor.py', '--work-dir', 'w')
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'mmseg/.mim/tools/train.py' in done.stdout
    assert (tmp_path / 'w' / 'iter_2.pth').is_file()


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """Commands that mim would have started, outside the checkout."""
    started = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('subprocess.check_output', lambda cmd: b'')
    monkeypatch.setattr('subprocess.check_call',
                        lambda cmd, env: started.append(cmd) or 0)
    return started


@pytest.mark.skipif(not _is_editable(), reason='test_packaging has the wheel')
def test_mim_trains_with_our_tool_given_a_path(commands):
    from mim.commands.train import train
    config = str(configs_folder() / _NAME)
    assert train('mmconvnextv2', config, gpus=1)[0] is True
    assert commands == [[
        sys.executable,
        str(_ROOT / 'tools' / 'train.py'), config, '--launcher', 'none'
    ]]


@pytest.mark.skipif(not _is_editable(), reason='test_packaging has the wheel')
def test_mim_runs_our_tool_by_the_name_of_a_config(commands):
    from mim.commands.run import run
    run('mmconvnextv2', 'train', other_args=(_NAME, ))
    assert commands == [[
        sys.executable,
        str(_ROOT / 'tools' / 'train.py'), _NAME
    ]]


@pytest.mark.skipif(not _is_editable(), reason='test_packaging has the wheel')
@pytest.mark.xfail(
    strict=True,
    raises=ValueError,
    reason='onedl-mim 0.5.1 searches the whole checkout of an editable '
    'install, where configs and .mim/configs are the same folder')
def test_mim_finds_our_configs_by_name_in_an_editable_install(commands):
    from mim.commands.train import train
    train('mmconvnextv2', _NAME, gpus=1)
