"""The README's recipe for pre-training on one's own images."""
import cv2
import numpy as np
import torch
from config_run import CONFIGS, scalars, train
from readme_snippets import python_blocks

from mmconvnextv2 import ConvNeXtV2

_BASE = './fcmae_convnextv2_t_in1k.py'
# In the base's place, what a CPU can train, with the real pipeline and model.
_SMALL = f'''
_base_ = '{CONFIGS}/fcmae_convnextv2_t_in1k.py'
train_cfg = dict(max_epochs=1)
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False)
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmconvnextv2.ConvNeXtV2',
        arch=dict(depths=[1, 1, 1, 1], channels=[4, 8, 8, 16]),
        final_norm=False),
    neck=dict(in_channels=16, decoder_channels=16))
optim_wrapper = dict(accumulative_counts=1)
'''


def write_images(folder, count=4):
    rng = np.random.default_rng(0)
    for i in range(count):
        path = folder / ('inner' if i % 2 else '') / f'{i}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        image = rng.integers(0, 256, (240, 300, 3), dtype=np.uint8)
        assert cv2.imwrite(str(path), image)


def test_pre_trains_on_a_folder_of_images(tmp_path):
    recipe, start = python_blocks('Pre-training with FCMAE')
    write_images(tmp_path / 'images')
    (tmp_path / 'small.py').write_text(_SMALL)
    recipe = recipe.replace(_BASE, './small.py').replace(
        'data/my_images/', f'{tmp_path}/images/')
    (tmp_path / 'mine.py').write_text(recipe)
    train(tmp_path, 'mine.py', 'default_hooks.logger.interval=1')
    work_dir = tmp_path / 'work_dirs' / 'mine'
    steps, _ = scalars(work_dir)
    assert len(steps) == 2  # of 2 images each
    check_it_starts_a_model(start, work_dir / 'epoch_1.pth')


def check_it_starts_a_model(snippet, checkpoint):
    """The README's second block, with the checkpoint just written."""
    scope = {}
    exec(snippet, scope)
    init_cfg = scope['model']['backbone']['init_cfg']
    init_cfg['checkpoint'] = str(checkpoint)
    backbone = ConvNeXtV2(
        dict(depths=[1, 1, 1, 1], channels=[4, 8, 8, 16]), init_cfg=init_cfg)
    backbone.init_weights()
    state = torch.load(checkpoint, weights_only=False)['state_dict']
    for name, value in backbone.state_dict().items():
        if not name.startswith('norm'):
            assert torch.equal(value, state[f'backbone.{name}']), name
