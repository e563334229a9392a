"""The demo, shortened: what it prints and leaves behind."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmconvnextv2.datasets import make_shapes

DEMO = Path(__file__).parents[2] / 'tools' / 'demo.py'
pytest.importorskip('mmdet')


def run_demo(folder, *arguments):
    return subprocess.run([sys.executable, DEMO, *arguments],
                          cwd=folder,
                          capture_output=True,
                          text=True,
                          env={**os.environ, 'OMP_NUM_THREADS': '1'})


@pytest.mark.slow
def test_demo_in_short(tmp_path):
    make_shapes(tmp_path / 'data' / 'shapes', num_train=8, num_val=4)
    done = run_demo(tmp_path, '--work-dir', 'out', '--cfg-options',
                    'train_cfg.max_epochs=1', 'train_cfg.val_interval=1',
                    'param_scheduler=None')
    assert done.returncode == 0, done.stderr
    assert 'iteration    2/2   loss ' in done.stdout
    for name in ('bbox_mAP_50', 'segm_mAP_50'):
        assert f'  {name}  0.' in done.stdout
    checkpoint = tmp_path / 'out' / 'epoch_1.pth'
    picture = tmp_path / 'out' / 'predictions.png'
    for path in (checkpoint, picture):
        assert path.stat().st_size > 0
        assert path.name in done.stdout
    assert ' tools/test.py ' in done.stdout
    again = run_demo(tmp_path, '--work-dir', 'out')
    assert again.returncode == 2
    assert again.stderr == 'demo.py: out exists. Choose another --work-dir.\n'
