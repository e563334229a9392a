"""What every COCO config comes to, against the table and OpenMMLab's."""
import re

import mmdet
import pytest
import torch
from coco_table import COLUMNS, TABLE, UNPUBLISHED
from config_run import CONFIGS
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2.models.backbones.arch import ARCHS

PIPELINES = {
    'jitter': ('RandomResize', 'RandomCrop', 'FilterAnnotations'),
    'multiscale': ('RandomChoice', ),
}


def load(name):
    return Config.fromfile(CONFIGS / f'{name}_coco.py')


def build(cfg):
    with DefaultScope.overwrite_default_scope('mmdet'), torch.device('meta'):
        return MODELS.build(cfg.model)


def effective(cfg):
    """The table's columns, of a config."""
    pipeline = [x.type for x in cfg.train_dataloader.dataset.pipeline]
    kinds = [k for k, v in PIPELINES.items() if set(v) <= set(pipeline)]
    backbone, wrapper = cfg.model.backbone, cfg.optim_wrapper
    weights = re.match(
        r'https://download\.openmmlab\.com/mmclassification/v0/(.*)\.pth$',
        backbone.init_cfg.checkpoint)
    return dict(
        arch=backbone.arch,
        drop_path=backbone.drop_path_rate,
        decay=wrapper.paramwise_cfg.decay_rate,
        lr=wrapper.optimizer.lr,
        batch=cfg.auto_scale_lr.base_batch_size,
        pipeline=' '.join(kinds),
        nms=cfg.model.test_cfg.rcnn.nms.type,
        wrapper=wrapper.type,
        weights=weights[1])


def test_table_is_complete():
    found = {x.name[:-len('_coco.py')] for x in CONFIGS.glob('*_coco.py')}
    # Sharded ones have a plain config's recipe: test_sharded_configs.py.
    assert {x for x in found if not x.endswith('_fsdp')} == set(TABLE)


@pytest.mark.parametrize('name', TABLE)
def test_against_the_table(name):
    expected = dict(zip(COLUMNS, TABLE[name], strict=True))
    found = effective(load(name))
    assert found['weights'].startswith(expected['weights'])
    expected['weights'] = found['weights']
    assert found == expected


@pytest.mark.parametrize('name', TABLE)
def test_what_all_have_in_common(name):
    cfg = load(name)
    assert cfg.train_cfg.max_epochs == 36
    assert cfg.param_scheduler[1].milestones == [27, 33]
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.weight_decay) == ('AdamW', 0.05)
    assert tuple(optimizer.betas) == (0.9, 0.999)
    assert cfg.optim_wrapper.paramwise_cfg.decay_type == 'group_wise'
    # The RPN ranks proposals, which soft-NMS would only multiply.
    assert cfg.model.test_cfg.rpn.nms.type == 'nms'
    assert cfg.model.train_cfg.rpn_proposal.nms.type == 'nms'
    assert cfg.model.test_cfg.rcnn.nms.iou_threshold == 0.5
    width = ARCHS[cfg.model.backbone.arch][0]
    assert cfg.model.neck.in_channels == [width * 2**i for i in range(4)]


@pytest.mark.parametrize('name', TABLE)
def test_blocks_are_of_the_version(name):
    backbone = load(name).model.backbone
    is_first = 'convnextv1' in name
    assert backbone.get('use_grn', True) is not is_first
    assert backbone.get('layer_scale_init_value', 0.) == (1e-6 if is_first
                                                          else 0.)


@pytest.mark.parametrize('name', TABLE)
def test_comment_says_what_it_is(name):
    text = (CONFIGS / f'{name}_coco.py').read_text()
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
    assert re.search(r'[Gg]roup-wise', comment)
    assert re.search('FCMAE-only|weights (that it names: )?(supervised|'
                     'fine-tuned) on IN-', comment)


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


def test_cascade():
    cfg = load('cascade_maskrcnn_convnextv2_t')
    roi_head = cfg.model.roi_head
    assert (roi_head.num_stages, roi_head.stage_loss_weights) == (
        3, [1, 0.5, 0.25])
    assert [x.assigner.pos_iou_thr for x in cfg.model.train_cfg.rcnn
            ] == [0.5, 0.6, 0.7]
    assert [x.bbox_coder.target_stds[0] for x in roi_head.bbox_head
            ] == [0.1, 0.05, 0.033]
    for head in roi_head.bbox_head:
        assert (head.num_shared_convs, head.num_shared_fcs) == (4, 1)
        assert head.loss_bbox == dict(type='GIoULoss', loss_weight=10.)
        assert head.reg_decoded_bbox and head.norm_cfg == dict(type='BN')
    # Statistics over all processes, as in the V1 code.
    assert cfg.sync_bn == 'torch'
    model = build(cfg)
    assert not model.roi_head.bbox_head[0].reg_class_agnostic
    assert len(model.roi_head.mask_head) == 3
    assert len({id(x) for x in model.roi_head.mask_head}) == 3


def test_cascade_as_openmmlabs():
    theirs = Config.fromfile(
        f'{mmdet.__path__[0]}/.mim/configs/convnext/cascade-mask-rcnn_'
        'convnext-t-p4-w7_fpn_4conv1fc-giou_amp-ms-crop-3x_coco.py')
    ours = load('cascade_maskrcnn_convnextv1_t')
    for key in ('train_cfg', 'test_cfg'):
        assert ours.model[key] == theirs.model[key]
    # Theirs needs mmpretrain's backbone, and values for it.
    theirs.model.backbone = ours.model.backbone
    assert str(build(ours).rpn_head) == str(build(theirs).rpn_head)
    assert ours.param_scheduler == theirs.param_scheduler
    assert ours.optim_wrapper.optimizer == theirs.optim_wrapper.optimizer
    choices = [
        next(x for x in cfg.train_dataloader.dataset.pipeline
             if x.type == 'RandomChoice') for cfg in (ours, theirs)
    ]
    assert choices[0] == choices[1]
