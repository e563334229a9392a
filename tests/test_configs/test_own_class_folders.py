"""The recipe for a folder of images for each class."""
import math

import cv2
import numpy as np
import pytest
from config_run import CONFIGS, scalars, train
from readme_snippets import python_blocks


@pytest.mark.slow
def test_trains_and_evaluates_on_class_folders(tmp_path):
    rng = np.random.default_rng(0)
    for split, number in (('train', 8), ('val', 2)):
        for name in ('cat', 'dog'):
            folder = tmp_path / 'data' / 'pets' / split / name
            folder.mkdir(parents=True)
            for i in range(number // 2):
                image = rng.integers(0, 256, (64, 80, 3), np.uint8)
                assert cv2.imwrite(str(folder / f'{i}.png'), image)
    recipe, = python_blocks('Class folders')
    (tmp_path / 'pets.py').write_text(
        recipe.replace("'./", f"'{CONFIGS}/"))
    train(tmp_path, 'pets.py', 'train_cfg.max_epochs=1',
          'model.backbone.init_cfg=None',
          'default_hooks.logger.interval=1',
          *(f'{split}_dataloader.{setting}' for split in ('train', 'val')
            for setting in ('num_workers=0', 'persistent_workers=False')))
    steps, evaluations = scalars(tmp_path / 'work_dirs' / 'pets')
    assert [math.isfinite(x['loss']) for x in steps] == [True]
    assert [x['accuracy/top1'] % 50 for x in evaluations] == [0.]  # of two
