"""The recipe that maskrcnn_convnextv2_b_coco.py comes to."""
import math
import re

import pytest
import torch
from config_run import CONFIGS
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from readme_snippets import section

from mmconvnextv2.engine.cpu import avoid_amp_on_cpu
from mmconvnextv2.models.layers import ConvNeXtV2Block

_WEIGHTS = ('https://download.openmmlab.com/mmclassification/v0/convnext-v2/'
            'convnext-v2-base_3rdparty-fcmae_in1k_20230104-8a798eaf.pth')
# From the paper where it gives a value, else from OpenMMLab's run.
RECIPE = {
    'model.type': 'MaskRCNN',
    'model.backbone.arch': 'base',
    'model.backbone.drop_path_rate': 0.4,
    'model.backbone.init_cfg.checkpoint': _WEIGHTS,
    'model.backbone.init_cfg.prefix': 'backbone.',
    'model.roi_head.bbox_head.num_classes': 80,
    'model.roi_head.mask_head.num_classes': 80,
    'model.train_cfg.rpn_proposal.nms.type': 'nms',
    'model.test_cfg.rpn.nms.type': 'nms',
    'model.test_cfg.rcnn.nms.type': 'soft_nms',
    'optim_wrapper.type': 'AmpOptimWrapper',
    'optim_wrapper.optimizer.type': 'AdamW',
    'optim_wrapper.optimizer.lr': 1e-4,
    'optim_wrapper.optimizer.weight_decay': 0.05,
    'optim_wrapper.paramwise_cfg.decay_rate': 0.95,
    'optim_wrapper.paramwise_cfg.decay_type': 'group_wise',
    'train_cfg.max_epochs': 36,
    'auto_scale_lr.base_batch_size': 32,
    'train_dataloader.batch_size': 4,
    'train_dataloader.dataset.type': 'CocoDataset',
    'train_dataloader.dataset.data_root': 'data/coco/',
    'val_evaluator.metric': ['bbox', 'segm'],
}


@pytest.fixture(scope='module')
def cfg():
    return Config.fromfile(CONFIGS / 'maskrcnn_convnextv2_b_coco.py')


def steps(pipeline):
    return {step.type: step for step in pipeline}


@pytest.mark.parametrize('key', RECIPE)
def test_value(cfg, key):
    value = cfg
    for part in key.split('.'):
        value = value[part]
    assert value == RECIPE[key]


def test_large_scale_jitter(cfg):
    train = steps(cfg.train_dataloader.dataset.pipeline)
    assert train['RandomResize'].scale == (1024, 1024)
    assert train['RandomResize'].ratio_range == (0.1, 2.0)
    assert train['RandomResize'].keep_ratio
    assert train['RandomCrop'].crop_size == (1024, 1024)
    assert train['RandomCrop'].crop_type == 'absolute_range'
    assert train['RandomFlip'].prob == 0.5
    # One scale to test at.
    test = steps(cfg.test_dataloader.dataset.pipeline)
    assert test['Resize'].scale == (1333, 800) and test['Resize'].keep_ratio


def test_schedule(cfg):
    warm_up, step = cfg.param_scheduler
    assert (warm_up.type, warm_up.begin, warm_up.end,
            warm_up.by_epoch) == ('LinearLR', 0, 1000, False)
    assert (step.type, step.milestones, step.gamma,
            step.end) == ('MultiStepLR', [27, 33], 0.1, 36)


def test_learning_rates_and_drop_path_of_the_model(cfg):
    avoid_amp_on_cpu(cfg, lambda text: None)
    with DefaultScope.overwrite_default_scope('mmdet'), torch.device('meta'):
        model = MODELS.build(cfg.model)
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    rates = {
        id(param): group['lr']
        for group in wrapper.optimizer.param_groups
        for param in group['params']
    }
    stem = rates[id(model.backbone.downsample_layers[0][0].weight)]
    assert math.isclose(stem, 1e-4 * 0.95**13)
    last = rates[id(model.backbone.stages[3][2].pointwise_conv2.weight)]
    assert math.isclose(last, 1e-4 * 0.95)
    assert rates[id(model.neck.fpn_convs[0].conv.weight)] == 1e-4
    blocks = [
        m for m in model.backbone.modules() if isinstance(m, ConvNeXtV2Block)
    ]
    assert len(blocks) == 36
    assert math.isclose(blocks[-1].drop_path.drop_prob, 0.4, rel_tol=1e-6)


def test_readme_keeps_the_batch_on_one_gpu(cfg):
    text = section('Training').replace('\\\n', '')
    batches = []
    for options in re.findall('--cfg-options (train_dataloader.*)', text):
        given = dict(option.split('=') for option in options.split())
        changed = Config(cfg.to_dict())
        changed.merge_from_dict({key: int(x) for key, x in given.items()})
        count = changed.optim_wrapper.get('accumulative_counts', 1)
        batches.append(changed.train_dataloader.batch_size * count)
    # With --auto-scale-lr as it is, and with accumulation.
    assert batches == [4, 32]
    assert cfg.auto_scale_lr.base_batch_size == 32
