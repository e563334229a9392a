"""The demo, shortened: what it prints and leaves behind."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.device import get_device

from mmconvnextv2.datasets import make_shapes
from mmconvnextv2.engine.cpu import has_fast_bf16

ROOT = Path(__file__).parents[2]
DEMO = ROOT / 'demo' / 'demo.py'
for _package in ('mmdet', 'mmseg', 'mmpretrain'):
    pytest.importorskip(_package)


def run_demo(folder, *arguments):
    return subprocess.run([sys.executable, DEMO, *arguments],
                          cwd=folder,
                          capture_output=True,
                          text=True,
                          env={**os.environ, 'OMP_NUM_THREADS': '1'})


_BOXES = ('bbox_mAP', 'bbox_mAP_50', 'segm_mAP', 'segm_mAP_50')
_REGIONS = ('mIoU', 'mAcc', 'aAcc')


@pytest.mark.slow
@pytest.mark.parametrize('task, unit, length, checkpoint, metrics, full', [
    (None, 'epochs', 1, 'epoch_1', _BOXES, 'maskrcnn_convnextv2_b_coco'),
    ('cascade_maskrcnn', 'epochs', 1, 'epoch_1', _BOXES,
     'cascade_maskrcnn_convnextv2_b_coco'),
    ('upernet', 'iters', 2, 'iter_2', _REGIONS, 'upernet_convnextv2_b_ade20k'),
    ('classification', 'epochs', 1, 'epoch_1',
     ('top1', ), 'convnextv2_b_ft_in1k'),
], ids=['default', 'cascade_maskrcnn', 'upernet', 'classification'])
def test_demo_in_short(tmp_path, task, unit, length, checkpoint, metrics,
                       full):
    make_shapes(tmp_path / 'data' / 'shapes', num_train=8, num_val=4)
    float32 = task == 'upernet'  # else bfloat16, where the CPU has it
    done = run_demo(tmp_path, *(('--task', task) if task else ()),
                    '--work-dir', 'out', '--cfg-options',
                    f'train_cfg.max_{unit}={length}',
                    f'train_cfg.val_interval={length}',
                    *(['optim_wrapper.type=OptimWrapper'] if float32 else []),
                    'param_scheduler=None', 'train_dataloader.batch_size=4',
                    'train_dataloader.num_workers=0',
                    'train_dataloader.persistent_workers=False')
    assert done.returncode == 0, done.stderr
    assert re.search(r'iteration +(\d+)/\1   loss \d', done.stdout)
    for name in metrics:
        assert re.search(rf'^  {name} +\d+\.\d{{3}}$', done.stdout,
                         re.MULTILINE), done.stdout
    written, = (tmp_path / 'out').glob('*.py')
    used = Config.fromfile(written).optim_wrapper.type
    assert used == ('OptimWrapper' if float32 or not has_fast_bf16()
                    else 'CPUAmpOptimWrapper')
    assert f'configs/{full}.py ' in done.stdout
    assert (ROOT / 'configs' / f'{full}.py').is_file()
    checkpoint = tmp_path / 'out' / f'{checkpoint}.pth'
    picture = tmp_path / 'out' / 'predictions.png'
    for path in (checkpoint, picture):
        assert path.stat().st_size > 0
        assert path.name in done.stdout
    assert ' tools/test.py ' in done.stdout
    again = run_demo(tmp_path, '--work-dir', 'out')
    assert again.returncode == 2
    assert again.stderr == 'demo.py: out exists. Choose another --work-dir.\n'


def test_a_mistake_in_an_option_is_told_in_words(tmp_path):
    make_shapes(tmp_path / 'data' / 'shapes', num_train=1, num_val=1)
    done = run_demo(tmp_path, '--task', 'upernet', '--cfg-options',
                    'train_cfg.max_epochs=1')
    assert done.returncode == 2
    assert done.stderr.startswith(
        'demo.py: the config has a mistake:\n  train_cfg.max_epochs: '
        "IterBasedTrainLoop has no such argument. Did you mean 'max_iters'? "
        'It takes max_iters, ')


def test_own_config_in_float16_becomes_bfloat16_and_data_are_named(tmp_path):
    (tmp_path / 'own.py').write_text(
        f"_base_ = '{ROOT}/configs/upernet_convnextv2_a_shapes.py'\n"
        "optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic')")
    done = run_demo(tmp_path, '--task', 'upernet', '--config', 'own.py',
                    '--cfg-options',
                    'train_dataloader.dataset.data_root=no.such.folder/')
    assert done.returncode == 2
    assert done.stdout.startswith('No GPU in use: ') or get_device() != 'cpu'
    assert done.stderr.startswith(
        'demo.py: own.py names files that do not exist')
