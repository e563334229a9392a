"""The recipes for one's own label maps, and for deep images of 4 channels."""
import math

import cv2
import numpy as np
import pytest
import torch
from config_run import CONFIGS, scalars, train
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from readme_snippets import python_blocks

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.config.conflicts import conflicts

_BASE = './upernet_convnextv2_b_ade20k.py'
# In the base's place, what a CPU can train.
_SMALL = f"""
_base_ = '{CONFIGS}/upernet_convnextv2_a_shapes.py'
train_cfg = dict(max_iters=1, val_interval=1)
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)
plain = dict(loss_decode=dict(class_weight=None))
model = dict(decode_head=plain, auxiliary_head=plain)
"""
SUFFIXES = ('.png', '.PNG', '.tif')


def write_pairs(root, channels, dtype):
    rng = np.random.default_rng(0)
    for split in ('train', 'val'):
        for folder in (split, f'{split}_maps'):
            (root / folder).mkdir(parents=True)
        for i, suffix in enumerate(SUFFIXES):
            pixels = rng.integers(0, 4096 if dtype == np.uint16 else 256,
                                  (128, 128, channels)).astype(dtype)
            assert cv2.imwrite(str(root / split / f'{i}{suffix}'), pixels)
            cv2.imwrite(str(root / f'{split}_maps' / f'{i}.png'),
                        rng.integers(0, 3, (128, 128), np.uint8))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / _BASE).write_text(_SMALL)
    (tmp_path / 'fields.py').write_text(python_blocks('Label maps')[0])
    deep, = python_blocks('More than 8 bits or 3 channels')
    (tmp_path / 'deep.py').write_text(deep)
    return tmp_path


def losses_of(folder, name):
    steps, _ = scalars(folder / 'work_dirs' / name)
    return [x['loss'] for x in steps]


def test_label_maps_of_images_of_every_kind(folder):
    write_pairs(folder / 'data' / 'fields', 3, np.uint8)
    log = train(folder, 'fields.py', 'default_hooks.logger.interval=1')
    assert [math.isfinite(x) for x in losses_of(folder, 'fields')] == [True]
    assert 'not read' not in log and 'no pixel' not in log


@pytest.mark.slow
def test_deep_images_of_four_channels(folder):
    """With weights of three channels, as they are pre-trained."""
    write_pairs(folder / 'data' / 'fields', 4, np.uint16)
    torch.save(ConvNeXtV2('atto').state_dict(), folder / 'weights.pth')
    options = ('default_hooks.logger.interval=1',
               'model.backbone.init_cfg.type=Pretrained',
               'model.backbone.init_cfg.checkpoint=weights.pth')
    log = train(folder, 'deep.py', *options)
    assert [math.isfinite(x) for x in losses_of(folder, 'deep')] == [True]
    assert 'images looked at' not in log
    assert 'from weights.pth' in log
    # And what comes out without the recipe is said.
    log = train(folder, 'fields.py')
    for what in ('16 bits a value: values of 0 to 4095 are read as 0 to 1',
                 '4 channels, not all of which are read'):
        assert ('3 of 3 images looked at, such as data/fields/train/0.png, '
                f'have {what}') in log


@pytest.mark.slow
def test_image_too_small_in_val_is_named_before_the_first_step(folder):
    write_pairs(folder / 'data' / 'fields', 3, np.uint8)
    thin = np.zeros((4, 128), np.uint8)
    for place, image in (('val', np.dstack([thin] * 3)), ('val_maps', thin)):
        cv2.imwrite(str(folder / 'data' / 'fields' / place / '0.png'), image)
    with pytest.raises(AssertionError, match='at least 32 pixels, got '):
        train(folder, 'fields.py')
    log, = folder.glob('work_dirs/fields/*/*.log')
    assert ('Failed while running model.backbone (mmconvnextv2.ConvNeXtV2) in '
            'the dry run of data/fields/val/0.png before the first epoch; no '
            'training is lost. ') in log.read_text()
    assert not [*folder.glob('work_dirs/fields/*/vis_data/scalars.json')]


def test_values_that_the_recipe_feeds(folder, monkeypatch):
    monkeypatch.chdir(folder)
    write_pairs(folder / 'data' / 'fields', 4, np.uint16)
    cfg = Config.fromfile('deep.py')
    steps = [x for x in cfg.test_pipeline if x['type'] in (
        'LoadImageFromFile', 'Normalize', 'PackSegInputs')]
    from mmengine.dataset import Compose
    with DefaultScope.overwrite_default_scope('mmseg'):
        import mmseg.datasets  # noqa: F401
        item = Compose(steps)(dict(img_path='data/fields/val/0.png'))
        model = MODELS.build(cfg.model.data_preprocessor)
    batch = model(dict(inputs=[item['inputs']]), training=False)['inputs'][0]
    pixels = cv2.imread('data/fields/val/0.png', -1).astype(float)
    normalize = cfg.normalize
    expected = (pixels - normalize['mean']) / normalize['std']
    np.testing.assert_allclose(batch.permute(1, 2, 0).numpy(), expected,
                               atol=1e-5)


def test_four_means_are_refused_with_the_remedy():
    cfg = Config.fromfile(CONFIGS / 'upernet_convnextv2_a_shapes.py')
    cfg.model.data_preprocessor.update(mean=[1.] * 4, std=[1.] * 4)
    mistake, = conflicts(cfg, ())
    assert mistake == (
        'model.data_preprocessor.mean', 'SegDataPreProcessor normalises '
        'images of 1 or 3 channels, got 4 values. Set mean and std to None '
        "and bgr_to_rgb to False, and put dict(type='Normalize', mean=[...], "
        "std=[...], to_rgb=False) into the pipelines, before the last step "
        '(docs/your_data.md, "More than 8 bits or 3 channels")')
