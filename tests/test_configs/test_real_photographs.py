"""The base config as it is, on photographs with hand-drawn outlines."""
import math
import shutil

import pytest
import torch
from config_run import CONFIGS, scalars, train
from mmengine.config import Config
from real_photographs import write_coco

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.text import first_of

_CONFIG = 'maskrcnn_convnextv2_b_coco.py'


def _write_pretrained(torch_home):
    """Random weights under the name, and with the keys, of FCMAE's."""
    url = Config.fromfile(CONFIGS / _CONFIG).checkpoint
    file = torch_home / 'hub' / 'checkpoints' / url.rpartition('/')[2]
    file.parent.mkdir(parents=True)
    # FCMAE has no norm behind the encoder.
    backbone = ConvNeXtV2('base', final_norm=False)
    state = {f'backbone.{k}': v for k, v in backbone.state_dict().items()}
    torch.save(dict(state_dict=state), file)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_base_config_trains_and_evaluates(tmp_path):
    write_coco(tmp_path / 'data' / 'coco')
    _write_pretrained(tmp_path / 'torch')
    try:
        printed = train(
            tmp_path,
            CONFIGS / _CONFIG,
            'train_dataloader.batch_size=1',
            'train_cfg.max_epochs=1',
            TORCH_HOME=tmp_path / 'torch')
        work_dir = tmp_path / 'work_dirs' / _CONFIG.removesuffix('.py')
        trained, evaluated = scalars(work_dir)
        _check_weights_were_loaded(printed)
        assert list(work_dir.glob('best_coco_*_epoch_1.pth'))
    finally:
        # Gigabytes, of which pytest would keep three runs.
        shutil.rmtree(tmp_path / 'torch')
        shutil.rmtree(tmp_path / 'work_dirs', ignore_errors=True)
    # The third picture shows nothing that COCO knows.
    assert [x['iter'] for x in trained] == [2]
    for name in ('loss', 'loss_rpn_cls', 'loss_bbox', 'loss_mask'):
        assert math.isfinite(trained[0][name]) and trained[0][name] > 0
    for name in ('bbox', 'segm'):
        assert 0 <= evaluated[0][f'coco/{name}_mAP'] <= 1


def _check_weights_were_loaded(printed):
    assert 'Downloading' not in printed
    assert 'unexpected key' not in printed
    norms = [f'norm{i}.{x}' for i in range(4) for x in ('weight', 'bias')]
    assert f'  missing (8): {first_of(norms)}\n' in printed
