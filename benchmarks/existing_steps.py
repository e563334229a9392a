"""A training step and a prediction of a config, on two made images."""
import copy

import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.testing import demo_mm_inputs
from mmengine.logging import MessageHub
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import InstanceData, PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.config.walk import scope_of, type_name, walk
from mmconvnextv2.engine.cpu import fit_amp_to_cpu

SIDES = (128, 512)  # pixels; what takes no small images, larger ones


def step(cfg):
    """Train a step, check that the backbone learns, and predict.

    Returns the losses by their names; raises what goes wrong.
    """
    try:
        return step_of(cfg, SIDES[0])
    except (RuntimeError, AssertionError):
        return step_of(cfg, SIDES[1])


def step_of(cfg, side):
    """The same with images of one size."""
    scope = cfg.get('default_scope') or scope_of(cfg.model.type)
    torch.manual_seed(0)
    fit_amp_to_cpu(cfg, lambda text: None)
    model_cfg = reduced(cfg, side)
    with DefaultScope.overwrite_default_scope(scope):
        model = revert_sync_batchnorm(MODELS.build(model_cfg))
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
        data = {'mmseg': segmentations, 'mmpretrain': classifications}.get(
            scope, detections)(cfg, side)
        model.init_weights()
        backbone = getattr(model, 'detector', model).backbone
        wrapper.zero_grad = lambda **_: None  # To see them afterwards.
        model.train()
        for name in ('epoch', 'iter'):  # Some losses change with them.
            MessageHub.get_current_instance().update_info(name, 0)
        losses = model.train_step(collated(cfg, data), wrapper)
        require_trained(backbone, losses, cfg.get('find_unused_parameters'))
        model.eval()
        with torch.no_grad():
            if hasattr(model, 'predict') or scope != 'mmpretrain':
                # One image: some heads predict no more at a time.
                model.test_step({key: x[:1] for key, x in data.items()})
    return {key: round(float(value), 4) for key, value in losses.items()}


def require_trained(backbone, losses, has_unused):
    """Raise unless losses are finite and all of our backbone has gradients."""
    if not losses or not all(torch.isfinite(x).all()
                             for x in losses.values()):
        raise ValueError(f'losses {losses}')
    for name, parameter in backbone.named_parameters():
        if not torch.isfinite(parameter).all():
            raise ValueError(f'{name} is not finite')
        if isinstance(backbone, ConvNeXtV2) and (
                parameter.requires_grad and parameter.grad is None) and not (
                    has_unused and name.startswith('norm')):
            raise ValueError(f'{name} has no gradient')


def reduced(cfg, side):
    """The model's config for small images, without weights to download."""
    model = copy.deepcopy(cfg.model)
    if cfg.get('data_preprocessor'):
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    for _, part in walk(model):
        # PPYOLOE's makes a batch of images.
        if part.get('batch_augments') and not type_name(
                part).startswith('PPYOLOE'):
            part['batch_augments'] = None
        if part.get('size') and str(
                part.get('type')).lower().endswith('datapreprocessor'):
            part['size'] = (side, side)
        for key in ('init_cfg', 'pretrained'):
            if part.get(key) and key == 'pretrained' or (
                    isinstance(part.get(key), dict)
                    and part[key].get('type') == 'Pretrained'):
                part[key] = None
        # A block that is left out of both images would learn nothing.
        if part.get('drop_path_rate'):
            part['drop_path_rate'] = 0.
        if part.get('mode') == 'slide':
            part['mode'] = 'whole'
    return model


def images(side):
    return [torch.randint(256, (3, side, side), dtype=torch.uint8)
            for _ in range(2)]


def collated(cfg, data):
    """What the collate function of mmyolo's configs makes of detections."""
    settings = cfg.train_dataloader.get('collate_fn') or {}
    if settings.get('type') != 'yolov5_collate':
        return data
    from mmyolo.datasets.utils import yolov5_collate
    samples = [x.new() for x in data['data_samples']]
    for old, new in zip(data['data_samples'], samples):
        found = old.gt_instances
        new.gt_instances = InstanceData(
            bboxes=HorizontalBoxes(found.bboxes), labels=found.labels,
            masks=found.masks.to_tensor(torch.uint8, 'cpu'),
            keypoints=torch.rand(len(found), 17, 2) * old.img_shape[0],
            keypoints_visible=torch.ones(len(found), 17))
    return yolov5_collate(
        [dict(inputs=x, data_samples=y)
         for x, y in zip(data['inputs'], samples)],
        settings.get('use_ms_training', False))


def detections(cfg, side):
    data = demo_mm_inputs(
        2, [(3, side, side)] * 2, num_classes=2, num_items=[3, 2],
        with_mask=True, with_semantic=True)
    classes = [x['num_classes'] for _, x in walk(cfg.model)
               if isinstance(x.get('num_classes'), int)]
    for sample in data['data_samples']:  # Theirs are all 1.
        sample.gt_instances.labels.clamp_(max=min(classes, default=2) - 1)
    return data


def segmentations(cfg, side):
    meta = dict(img_shape=(side, side), ori_shape=(side, side),
                pad_shape=(side, side), padding_size=[0, 0, 0, 0])
    samples = []
    for _ in range(2):
        labels = torch.randint(2, (1, side, side))
        samples.append(SegDataSample(
            metainfo=meta, gt_sem_seg=PixelData(data=labels)))
    return dict(inputs=images(side), data_samples=samples)


def classifications(cfg, side):
    views = images(side)
    if cfg.model.type != 'ImageClassifier':
        return dict(
            inputs=[torch.stack(views), torch.stack(images(side))],
            data_samples=[DataSample() for _ in views])
    return dict(
        inputs=torch.stack(views),
        data_samples=[DataSample().set_gt_label(i) for i in range(2)])
