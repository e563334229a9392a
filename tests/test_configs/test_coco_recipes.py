"""COCO configs: what the papers' tables do not hold, and OpenMMLab's."""
import re

import mmdet
import pytest
import torch
from config_run import LEAVES
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from paper_tables import TABLES
from readme_snippets import section

from mmconvnextv2.models.backbones.arch import ARCHS

TABLE = [x[:-len('_coco')] for x in TABLES
         if x.endswith('_coco') and 'convnext' in x]
# No paper gives a result.
UNPUBLISHED = [
    *(f'maskrcnn_convnextv2_{x}' for x in 'afpnt'),
    *(f'cascade_maskrcnn_convnextv2_{x}' for x in 'afpntblh'),
    'maskrcnn_convnextv1_b_dinov3',
]


def load(name):
    return Config.fromfile(LEAVES[f'{name}_coco'])


def build(cfg):
    with DefaultScope.overwrite_default_scope('mmdet'), torch.device('meta'):
        return MODELS.build(cfg.model)


@pytest.mark.parametrize('name', TABLE)
def test_what_all_have_in_common(name):
    cfg = load(name)
    warm_up, step = cfg.param_scheduler
    assert (warm_up.begin, warm_up.by_epoch) == (0, False)
    assert (step.milestones, step.gamma, step.end) == ([27, 33], 0.1, 36)
    assert cfg.train_dataloader.dataset.type == (
        'mmconvnextv2.CocoByNameDataset')
    assert cfg.train_dataloader.dataset.data_root == 'data/coco/'
    box_heads = cfg.model.roi_head.bbox_head
    for head in box_heads if isinstance(box_heads, list) else [box_heads]:
        assert head.num_classes == 80
    assert cfg.model.roi_head.mask_head.num_classes == 80
    assert cfg.model.backbone.init_cfg.prefix == 'backbone.'
    assert cfg.val_evaluator.metric == ['bbox', 'segm']
    # The RPN ranks proposals, which soft-NMS would only multiply.
    assert cfg.model.test_cfg.rpn.nms.type == 'nms'
    assert cfg.model.train_cfg.rpn_proposal.nms.type == 'nms'
    # The V1 code has soft-NMS for the recipe of large Mask R-CNNs alone.
    is_soft = 'convnextv2' in name or name.startswith(
        ('maskrcnn_convnextv1_b', 'maskrcnn_convnextv1_l'))
    nms = cfg.model.test_cfg.rcnn.nms
    assert (nms.type, nms.iou_threshold) == ('soft_nms' if is_soft else 'nms',
                                             0.5)
    width = ARCHS[cfg.model.backbone.arch][0]
    assert cfg.model.neck.in_channels == [width * 2**i for i in range(4)]
    backbone = cfg.model.backbone
    is_first = 'convnextv1' in name
    assert backbone.get('use_grn', True) is not is_first
    assert backbone.get('layer_scale_init_value', 0.) == (1e-6 if is_first
                                                          else 0.)


@pytest.mark.parametrize('name', TABLE)
def test_comment_says_what_it_is(name):
    text = LEAVES[f'{name}_coco'].read_text()
    comment = ' '.join(re.match(r'(# *.*\n)+', text)[0].split('\n# '))
    comment = re.sub(r'[#\s]+', ' ', comment)
    cfg = load(name)
    gpu_batch = cfg.train_dataloader.batch_size
    assert cfg.auto_scale_lr.base_batch_size == 8 * gpu_batch
    assert f'36 epochs, 8 GPUs x {gpu_batch} images:' in comment
    published = 'Expected box / mask AP: ' in comment
    assert published is (name not in UNPUBLISHED)
    assert ('No published result: ' in comment) is not published
    assert ('ot yet reproduced' in comment) is published
    rule = cfg.optim_wrapper.paramwise_cfg.decay_type.replace('_', '-')
    assert rule in comment.lower()
    assert re.search('FCMAE-only|from DINOv3|weights (that it names: )?'
                     '(supervised|fine-tuned) on IN-', comment)


def _steps(pipeline):
    return {step.type: step for step in pipeline}


def test_large_scale_jitter():
    cfg = load('maskrcnn_convnextv2_b')
    train = _steps(cfg.train_dataloader.dataset.pipeline)
    assert train['RandomResize'].scale == (1024, 1024)
    assert train['RandomResize'].keep_ratio
    assert train['RandomCrop'].crop_size == (1024, 1024)
    assert train['RandomCrop'].crop_type == 'absolute_range'
    assert train['RandomFlip'].prob == 0.5
    # One scale to test at.
    test = _steps(cfg.test_dataloader.dataset.pipeline)
    assert test['Resize'].scale == (1333, 800) and test['Resize'].keep_ratio


def test_readme_keeps_the_batch_on_one_gpu():
    cfg = load('maskrcnn_convnextv2_b')
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


def test_multiscale():
    steps = load('maskrcnn_convnextv2_t').train_dataloader.dataset.pipeline
    choice, = (x for x in steps if x.type == 'RandomChoice')
    sides = [480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800]
    at_once, after_crop = choice.transforms
    assert [x.type for x in after_crop
            ] == ['RandomChoiceResize', 'RandomCrop', 'RandomChoiceResize']
    for resize in (*at_once, after_crop[-1]):
        assert resize.scales == [(x, 1333) for x in sides]
        assert resize.keep_ratio
    assert after_crop[0].scales == [(400, 1333), (500, 1333), (600, 1333)]
    assert after_crop[1].crop_size == (384, 600)
    assert after_crop[1].crop_type == 'absolute_range'


def test_cascade_as_openmmlabs():
    theirs = Config.fromfile(
        f'{mmdet.__path__[0]}/.mim/configs/convnext/cascade-mask-rcnn_'
        'convnext-t-p4-w7_fpn_4conv1fc-giou_amp-ms-crop-3x_coco.py')
    ours = load('cascade_maskrcnn_convnextv1_t')
    # Statistics over all processes, as in the V1 code.
    assert ours.sync_bn == 'torch'
    for key in ('train_cfg', 'test_cfg'):
        assert ours.model[key] == theirs.model[key]
    # Theirs needs mmpretrain's backbone, and values for it. Its norms wait
    # for several processes, ours are changed by the runner.
    theirs.model.backbone = ours.model.backbone
    built = [build(cfg) for cfg in (ours, theirs)]
    for part in ('neck', 'rpn_head', 'roi_head'):
        first, second = (
            str(getattr(x, part)).replace('SyncBatchNorm', 'BatchNorm2d')
            for x in built)
        assert first == second, part
    for own, head in zip(ours.model.roi_head.bbox_head,
                         theirs.model.roi_head.bbox_head):
        assert own.bbox_coder.target_stds == head.bbox_coder.target_stds
        for key in ('loss_cls', 'loss_bbox', 'reg_decoded_bbox'):
            assert own[key] == head[key]
    assert ours.param_scheduler == theirs.param_scheduler
    assert ours.optim_wrapper.optimizer == theirs.optim_wrapper.optimizer
    choices = [
        next(x for x in cfg.train_dataloader.dataset.pipeline
             if x.type == 'RandomChoice') for cfg in (ours, theirs)
    ]
    assert choices[0] == choices[1]
