"""Detectors of the shapes data, made small, with weights that find objects."""
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2.config.find import configs_folder

_ARCH = dict(depths=[1, 1, 1, 1], channels=[8, 8, 8, 8])


def small_detector(name='maskrcnn', **options):
    """A config of the shapes detector, with little of everything."""
    cfg = Config.fromfile(
        configs_folder() / f'{name}_convnextv2_a_shapes.py')
    cfg.model.backbone.arch = _ARCH
    cfg.merge_from_dict({
        'model.neck.in_channels': [8, 8, 8],
        'model.test_cfg.rpn.nms_pre': 60,
        'model.test_cfg.rpn.max_per_img': 20,
        'model.test_cfg.rcnn.max_per_img': 10, **options})
    return cfg


def build(cfg):
    """The model, with weights that find objects of all classes."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(cfg.model).eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if any(x in name for x in ('rpn_', 'fc_cls', 'fc_reg', 'logits')):
            torch.nn.init.normal_(parameter, std=0.1)
    return model
