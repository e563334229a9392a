"""2,000 iterations of FCMAE by train.py, which must not hold more and more."""
import json
import sys
from pathlib import Path

import pytest
import soak
from soak import mean_of

from mmconvnextv2.config.find import find_config
from mmconvnextv2.datasets import make_shapes

# The config on shapes, smaller: 16 patches of an image, of which 6 visible.
# 20 epochs of 100 iterations; a checkpoint after each, pictures after every
# fifth, a worker that loads the data.
_CONFIG = '''
_base_ = '{base}'
custom_imports = dict(imports=[
    'mmconvnextv2', 'mmconvnextv2.models.selfsup', 'soak'])
model = dict(
    backbone=dict(
        arch=dict(_delete_=True, depths=[1, 2, 1], channels=[8, 12, 16]),
        drop_path_rate=0.1),
    neck=dict(in_channels=16, decoder_channels=16, patch_size=16),
    head=dict(patch_size=16))
train_dataloader = dict(
    batch_size=2, num_workers=1, persistent_workers=True)
train_cfg = dict(max_epochs=20)
default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(interval=1, max_keep_ckpts=2),
    curves=dict(seconds=1e9))  # matplotlib keeps the fonts' files open
custom_hooks = [
    dict(type='mmconvnextv2.ReconstructionHook', interval=5),
    dict(type='mmengine.Soak')]
'''
_MB = 2**20


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_memory_is_flat(tmp_path, tools, run):
    make_shapes(tmp_path / 'data' / 'shapes', num_train=200, num_val=1)
    base = find_config('fcmae_convnextv2_a_shapes.py')
    (tmp_path / 'small.py').write_text(_CONFIG.format(base=base))
    done = run(
        tmp_path, sys.executable, tools / 'train.py', 'small.py', '--work-dir',
        'w', '--cfg-options', 'train_dataloader.dataset.pipeline.1.scale=64',
        PYTHONPATH=str(Path(soak.__file__).parent))
    assert done.returncode == 0, done.stderr
    samples = json.loads((tmp_path / 'w' / 'soak.json').read_text())
    assert [x['iter'] for x in samples] == [*range(50, 2001, 50)]
    for key, growth in (('resident', 4 * _MB), ('workers', 4 * _MB),
                        ('objects', 500)):
        before = mean_of(samples, key, 500, 1000)
        after = mean_of(samples, key, 1500, 2000)
        print(f'{key}: {before:.0f} on average in iterations 500 to 1000, '
              f'{after:.0f} in 1500 to 2000')
        assert after - before < growth
    for key in ('tensors', 'files'):
        assert len({x[key] for x in samples}) == 1, key
        print(f'{key}: {samples[-1][key]} at all times')
    # Of the last iteration, one for each of the three stages.
    assert {x['grids'] for x in samples} <= {0, 3}
    # Loss, mask ratio, norm of the gradient, two times, two learning rates:
    # each with a count, of 8 bytes, as MMEngine keeps them.
    assert all(x['history'] == 7 * 16 * x['iter'] for x in samples)
