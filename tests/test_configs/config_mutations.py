"""Mistakes that users make in configs, and what tools/train.py says."""
from typing import Any, NamedTuple

GONE = object()  # stands for a key that is left out

DET = 'maskrcnn_convnextv2_a_shapes'
CLS = 'convnextv2_a_ft_shapes'
SEG = 'upernet_convnextv2_a_shapes'
SSL = 'fcmae_convnextv2_a_shapes'
GRN = 'fcmae_convnextv2_a_grn_l1_shapes'


class Mutation(NamedTuple):
    """A config with one mistake."""

    base: str
    key: str  # that is changed, dotted; list items by their index
    value: Any  # or GONE
    code: int  # exit code
    place: str  # the key that the message names, or what was being done
    says: str = ''  # what else it says

    @property
    def name(self) -> str:
        """For the test's id."""
        value = 'gone' if self.value is GONE else repr(self.value)
        return f'{self.base.split("_")[0]}:{self.key}={value[:30]}'

    def apply(self, settings: dict) -> None:
        """Make the mistake."""
        *way, last = (int(x) if x.isdigit() else x
                      for x in self.key.split('.'))
        node: Any = settings
        for part in way:
            node = node[part]
        if self.value is GONE:
            del node[last]
        else:
            node[last] = self.value


def _r(base, key, value, says, place=''):
    """Of those that are refused, with a key."""
    return Mutation(base, key, value, 2, place or key, says)


def _f(base, key, value, place=''):
    """Of those that fail, at a part of the config."""
    place = place or f"building {key.rpartition('.')[0]}"
    return Mutation(base, key, value, 1, place)


_REFUSED = [
    _r(CLS, 'model.backbone.type', 'mmconvnextv2.ConvNextV2',
       "Did you mean 'ConvNeXtV2'"),
    _r(CLS, 'model.backbone.archh', 'tiny', "Did you mean 'arch'"),
    _r(CLS, 'model.backbone.in_channels', 'three', "got 'three'"),
    _r(CLS, 'model.backbone.drop_path_rate', '0.1', 'expected float'),
    _r(CLS, 'model.backbone.layer_scale_init_value', 'tiny', "got 'tiny'"),
    _r(SSL, 'model.mask_ratio', '0.6', 'expected float'),
    _r(SSL, 'model.neck.depth', 'one', "got 'one'"),
    _r(SSL, 'model.neck.in_channels', GONE, 'is missing'),
    _r(SSL, 'model.neck', GONE, 'is missing'),
    _r(SSL, 'model.head.type', 'mmconvnextv2.FCMAEHed',
       "Did you mean 'FCMAEHead'"),
    _r(DET, 'model.roi_head.bbox_head.num_classes', 1,
       'num_classes is 1, and metainfo has 5 classes: circle, cross',
       'data/shapes/annotations/instances_train2017.json'),
    _r(DET, 'model.roi_head.bbox_head.type', 'Shared2FCBoxHead',
       "Did you mean 'Shared2FCBBoxHead'"),
    _r(DET, 'model.roi_head.bbox_head.loss_cls.type', 'CrossEntropy',
       "Did you mean 'CrossEntropyLoss'"),
    _r(DET, 'model.bakbone', dict(type='ResNet'), "Did you mean 'backbone'"),
    _r(DET, 'train_dataloader.dataset', GONE, 'is missing'),
    _r(DET, 'train_dataloader.dataset.type', GONE, 'is missing'),
    _r(DET, 'train_dataloader.dataset.type', 'CoccoDataset',
       "Did you mean 'CocoDataset'"),
    _r(DET, 'train_dataloader.dataset.metainfo', dict(classes=('banana', )),
       'metainfo=dict(classes=(...))',
       'data/shapes/annotations/instances_train2017.json'),
    _r(SEG, 'train_dataloader.dataset.indices', 0, 'has no samples',
       'train_dataloader.dataset'),
    _r(CLS, 'train_dataloader.batchsize', 4, "Did you mean 'batch_size'"),
    _r(CLS, 'train_dataloader.sampler', GONE, 'is missing'),
    _r(CLS, 'train_dataloader.sampler.type', 'InfiniteSampler',
       'never ends an epoch'),
    _r(CLS, 'train_dataloader.collate_fn', dict(type='collate'), "'collate'",
       'train_dataloader.collate_fn.type'),
    _r(DET, 'train_dataloader.dataset.pipeline.2.type', 'Resise',
       "Did you mean 'Resize'", 'train_dataloader.dataset.pipeline[2].type'),
    _r(DET, 'train_dataloader.dataset.pipeline.2.scales', (64, 64), 'scales',
       'train_dataloader.dataset.pipeline[2].scales'),
    _r(CLS, 'train_cfg.max_epochs', 0, 'trains nothing'),
    _r(CLS, 'train_cfg.max_epochs', '10', "got '10', expected int"),
    _r(SEG, 'train_cfg.max_iters', GONE, 'is missing'),
    _r(CLS, 'train_cfg.max_epoch', 5, "Did you mean 'max_epochs'"),
    _r(SEG, 'train_cfg.type', 'IterTrainLoop',
       "Did you mean 'IterBasedTrainLoop'"),
    _r(CLS, 'param_scheduler.0.type', 'CosineLR', "Did you mean 'Cosine",
       'param_scheduler[0].type'),
    _r(CLS, 'param_scheduler', dict(type='MultiStepLR', milestones='8'),
       "got '8', expected List[int]", 'param_scheduler.milestones'),
    _r(CLS, 'optim_wrapper.type', 'AmpWrapper', 'AmpWrapper'),
    _r(CLS, 'optim_wrapper.optimizer.type', 'AddamW', "Did you mean 'AdamW'"),
    _r(CLS, 'optim_wrapper.optimizer.beta', 0.9, "Did you mean 'betas'"),
    _r(CLS, 'default_hooks.logger.type', 'LogHook', "'LoggerHook'"),
    _r(CLS, 'default_hooks.seeding.enable', True, "Did you mean 'enabled'"),
    _r(CLS, 'default_hooks.non_finite.max_skips', 'many', "got 'many'"),
    _r(DET, 'val_evaluator.type', 'CoccoMetric', "Did you mean 'CocoMetric'"),
    _r(CLS, 'val_evaluator.top_k', 1, "Did you mean 'topk'"),
    _r(DET, 'default_scope', 'mmdett',
       "(default_scope is 'mmdett')",
       'model.type'),
    _r(CLS, 'default_scope', 'mmdet',
       "no model 'ImageClassifier' in mmdet",
       'model.type'),
    _r(CLS, 'randomness.sed', 3, "Did you mean 'seed'"),
    _r(CLS, 'work_dir', 5, 'the path of a folder, got 5', 'train.py'),
    _r(CLS, 'visualizer.vis_backends', [dict(type='LocalBackend')],
       "Did you mean 'LocalVisBackend'", 'visualizer.vis_backends[0].type'),
    _r(CLS, 'model', GONE, 'is missing'),
    _r(CLS, 'val_evaluator.topk', (1, 9), 'the best 9 of 5 classes'),
    _r(CLS, 'train_dataloader.batch_size', 9, 'batch_size=2, or',
       'train_dataloader.dataset'),
    _r(CLS, 'vis_backends', [dict(type='WandbVisBackend')], 'no effect'),
]

_FAILED = [
    _f(CLS, 'model.backbone.type', GONE, 'building model'),
    _f(CLS, 'model.backbone.arch', 'huuge'),
    _f(DET, 'model.backbone.arch', 7),
    _f(SEG, 'model.backbone.arch.depths', [1, 1, -2, 1],
       'building model.backbone'),
    _f(SEG, 'model.backbone.arch.channels', [8, 16],
       'building model.backbone'),
    _f(DET, 'model.backbone.out_indices', [1, 2, 9]),
    _f(DET, 'model.backbone.out_indices', 'all'),
    _f(CLS, 'model.backbone.in_channels', -3),
    _f(CLS, 'model.backbone.drop_path_rate', 1.5),
    _f(CLS, 'model.backbone.frozen_stages', 8),
    _f(SEG, 'model.backbone.norm_cfg', dict(type='BN')),
    _f(SSL, 'model.backbone.masked_impl', 'sparse'),
    _f(CLS, 'model.backbone.init_cfg', dict(type='Kaimming'),
       'setting up model'),
    _f(GRN, 'model.backbone.grn_cfg.aggregation', 'l3',
       'building model.backbone'),
    _f(GRN, 'model.backbone.grn_cfg.eps', -1.0, 'building model.backbone'),
    _f(GRN, 'model.backbone.grn_cfg.epsilon', 0.001,
       'building model.backbone'),
    _f(GRN, 'model.backbone.use_grn', False),
    _f(SSL, 'model.mask_ratio', 1.2),
    _f(SSL, 'model.mask_ratio', 0.99, 'running model'),
    _f(SSL, 'model.neck.patch_size', 16, 'building model'),
    _f(SSL, 'model.neck.depth', -1),
    _f(SSL, 'model.neck.in_channels', 320, 'building model'),
    _f(SSL, 'model.head.patch_size', -32),
    _r(SSL, 'model.data_preprocessor.mean', [0.0, 0.0], '1 or 3 channels'),
    _f(CLS, 'model.head.num_classes', 'five'),
    _f(CLS, 'model.head.num_classes', -5),
    _f(CLS, 'model.head.in_channels', 1024, 'running model.head'),
    _f(CLS, 'model.head', GONE, 'running model'),
    _f(CLS, 'model.data_preprocessor.std', 'one'),
    _f(DET, 'model.neck.in_channels', [16, 32], 'running model.neck'),
    _f(DET, 'model.neck.in_channels', [96, 32, 64], 'running model.neck'),
    _f(DET, 'model.neck.out_channels', -64),
    _f(DET, 'model.neck.num_outs', 1),
    _f(DET, 'model.roi_head.bbox_head.num_classes', 'five'),
    _f(DET, 'model.train_cfg.rpn', GONE, 'building model'),
    _f(DET, 'model.data_preprocessor.pad_size_divisor', 'x',
       'running model.data_preprocessor'),
    _f(SEG, 'model.decode_head.in_channels', [8, 16, 32]),
    _f(SEG, 'model.decode_head.num_classes', GONE),
    _f(SEG, 'model.auxiliary_head.in_index', 7,
       'running model.auxiliary_head'),
    _f(SEG, 'model.decode_head.loss_decode', 'ce'),
    _f(SEG, 'train_dataloader.batch_size', 1, 'running model.decode_head'),
    _f(CLS, 'train_dataloader.batch_size', -1, 'setting up train_dataloader'),
    _f(DET, 'train_dataloader.num_workers', 'two',
       'setting up train_dataloader'),
    _f(CLS, 'train_dataloader.dataset.metainfo', 5),
    _f(DET, 'train_dataloader.dataset.data_prefix', 5),
    _f(CLS, 'train_dataloader.persistent_workers', True,
       'setting up train_dataloader'),
    _f(CLS, 'train_dataloader.dataset.pipeline.1.scale', 'big',
       'building train_dataloader.dataset.pipeline[1]'),
    _f(DET, 'train_dataloader.dataset.pipeline.1', GONE, 'running model'),
    _f(SEG, 'val_dataloader', 5, 'building val_cfg'),
    _f(SEG, 'val_dataloader', GONE, 'starting the run'),
    _f(CLS, 'train_cfg.val_interval', 0, 'running the train loop'),
    _f(CLS, 'param_scheduler', dict(type='StepLR', step_sise=3),
       'building param_scheduler'),
    _f(SEG, 'param_scheduler.0.end', -4, 'building param_scheduler[0]'),
    _f(CLS, 'optim_wrapper', GONE, 'starting the run'),
    _f(CLS, 'optim_wrapper.optimizer.lr', 'fast', 'setting up optim_wrapper'),
    _f(CLS, 'optim_wrapper.optimizer.lr', GONE, 'setting up optim_wrapper'),
    _f(CLS, 'optim_wrapper.optimizer.betas', (0.9, 2.0)),
    _f(CLS, 'optim_wrapper.clip_grad', 5),
    _f(CLS, 'optim_wrapper.constructor', 'LayerDecayConstructor',
       'setting up optim_wrapper'),
    _f(CLS, 'optim_wrapper.paramwise_cfg', dict(decay=0.9),
       'setting up optim_wrapper'),
    _f(CLS, 'optim_wrapper.paramwise_cfg',
       dict(decay_rate=0.9, decay_type='x'), 'setting up optim_wrapper'),
    _f(SEG, 'optim_wrapper.accumulative_counts', 0),
    _f(CLS, 'default_hooks.logger.interval', -1),
    _f(CLS, 'default_hooks.visualisation', None, 'setting up default_hooks'),
    _f(SSL, 'custom_hooks.0.interval', -1, 'building custom_hooks[0]'),
    _f(SSL, 'custom_hooks', dict(type='EMAHook'), 'setting up custom_hooks'),
    _f(CLS, 'custom_hooks', [dict(type='EMAHook', momentum=2.0)],
       'running custom_hooks[0]'),
    _f(CLS, 'custom_hooks', [dict(type='EMAHook', ema_type='Average')],
       'running custom_hooks[0]'),
    _f(DET, 'val_evaluator.metric', 'mAP'),
    _f(SEG, 'val_evaluator.iou_metrics', ['mBoU'], 'running val_evaluator'),
    _f(CLS, 'val_evaluator', 'accuracy', 'building val_cfg'),
    _f(CLS, 'randomness.seed', 'zero', 'setting up randomness'),
    _f(CLS, 'log_level', 'LOUD', 'setting up log_level'),
    _f(CLS, 'env_cfg.mp_cfg.mp_start_method', 'frok', 'setting up env_cfg'),
    _f(CLS, 'model', 'convnext', 'setting up model'),
    _r(CLS, 'load_from', 17, 'must be a path or an address, got 17'),
]

MUTATIONS = [*_REFUSED, *_FAILED]
