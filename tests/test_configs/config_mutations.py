"""Mistakes that users make in configs, and what they are to be told."""
from typing import Any, NamedTuple

GONE = object()  # stands for a key that is left out

DET = 'maskrcnn_convnextv2_a_shapes'
CLS = 'convnextv2_a_ft_shapes'
SEG = 'upernet_convnextv2_a_shapes'
SSL = 'fcmae_convnextv2_a_shapes'
GRN = 'fcmae_convnextv2_a_grn_l1_shapes'


class Mutation(NamedTuple):
    """A config with one mistake.

    Attributes:
        base (str): The config that it is made of.
        key (str): Dotted key that is changed; list items by their index.
        value (Any): What it is set to, or ``GONE``.
        named (str): The key that the message names, where it differs.
        says (str): What else the message says.
    """

    base: str
    key: str
    value: Any
    says: str
    named: str = ''

    @property
    def name(self) -> str:
        """For the test's id."""
        value = 'gone' if self.value is GONE else repr(self.value)
        return f'{self.base.split("_")[0]}:{self.key}={value[:30]}'

    def apply(self, settings: dict) -> None:
        """Make the mistake."""
        *way, last = self.key.split('.')
        node: Any = settings
        for part in way:
            node = node[int(part) if part.isdigit() else part]
        last = int(last) if last.isdigit() else last
        if self.value is GONE:
            del node[last]
        else:
            node[last] = self.value


def _m(base: str,
       key: str,
       value: Any,
       says: str,
       named: str = '') -> Mutation:
    return Mutation(base, key, value, says, named or key)


_BACKBONE = [
    _m(CLS, 'model.backbone.type', 'mmconvnextv2.ConvNextV2',
       "Did you mean 'ConvNeXtV2'"),
    _m(CLS, 'model.backbone.type', GONE, 'is missing'),
    _m(CLS, 'model.backbone.arch', 'huuge', "'atto'"),
    _m(DET, 'model.backbone.arch', 7, 'must be a name or a dict'),
    _m(SEG, 'model.backbone.arch.depths', [1, 1, -2, 1], 'positive integers',
       'model.backbone.arch'),
    _m(SEG, 'model.backbone.arch.channels', [8, 16], 'one entry per stage',
       'model.backbone.arch'),
    _m(CLS, 'model.backbone.archh', 'tiny', "Did you mean 'arch'"),
    _m(DET, 'model.backbone.out_indices', [1, 2, 9], 'must lie in [-4, 3]'),
    _m(DET, 'model.backbone.out_indices', 'all', "got 'all'"),
    _m(CLS, 'model.backbone.in_channels', -3, 'must be positive'),
    _m(CLS, 'model.backbone.in_channels', 'three', "got 'three'"),
    _m(CLS, 'model.backbone.drop_path_rate', 1.5, 'must lie in [0, 1)'),
    _m(CLS, 'model.backbone.drop_path_rate', '0.1', 'expected float'),
    _m(CLS, 'model.backbone.frozen_stages', 8, 'must lie in [-1, 4]'),
    _m(SEG, 'model.backbone.norm_cfg', dict(type='BN'), 'must be dict(type='),
    _m(SSL, 'model.backbone.masked_impl', 'sparse', "one of ['packed'"),
    _m(CLS, 'model.backbone.init_cfg', dict(type='Kaimming'),
       "Did you mean 'Kaiming'", 'model.backbone.init_cfg.type'),
    _m(GRN, 'model.backbone.grn_cfg.aggregation', 'l3', "'l3'",
       'model.backbone.grn_cfg'),
    _m(GRN, 'model.backbone.grn_cfg.eps', -1.0, 'eps',
       'model.backbone.grn_cfg'),
    _m(GRN, 'model.backbone.grn_cfg.epsilon', 1e-3, 'epsilon',
       'model.backbone.grn_cfg'),
    _m(GRN, 'model.backbone.use_grn', False, 'use_grn=False leaves out',
       'model.backbone.grn_cfg'),
    _m(CLS, 'model.backbone.layer_scale_init_value', 'tiny', "got 'tiny'"),
]
_FCMAE = [
    _m(SSL, 'model.mask_ratio', 1.2, 'must lie between 0 and 1'),
    _m(SSL, 'model.mask_ratio', '0.6', 'expected float'),
    _m(SSL, 'model.mask_ratio', 0.99, 'leaves nothing visible'),
    _m(SSL, 'model.neck.patch_size', 16, 'must be 32'),
    _m(SSL, 'model.neck.depth', -1, 'must not be negative'),
    _m(SSL, 'model.neck.depth', 'one', "got 'one'"),
    _m(SSL, 'model.neck.in_channels', 320, 'must be 64'),
    _m(SSL, 'model.neck.in_channels', GONE, 'is missing'),
    _m(SSL, 'model.neck', GONE, 'is missing'),
    _m(SSL, 'model.head.patch_size', -32, 'must be positive'),
    _m(SSL, 'model.head.type', 'mmconvnextv2.FCMAEHed',
       "Did you mean 'FCMAEHead'"),
    _m(SSL, 'model.data_preprocessor.mean', [0.0, 0.0], 'mean'),
]
_HEADS = [
    _m(CLS, 'model.head.num_classes', 'five', "got 'five'"),
    _m(CLS, 'model.head.num_classes', -5, '-5'),
    _m(DET, 'model.roi_head.bbox_head.num_classes', 1, 'got 1'),
    _m(CLS, 'model.head.in_channels', 1024, 'got 1024'),
    _m(CLS, 'model.head', GONE, 'is missing'),
    _m(CLS, 'model.data_preprocessor.std', 'one', "got 'one'"),
    _m(DET, 'model.neck.in_channels', [16, 32], 'in_channels'),
    _m(DET, 'model.neck.in_channels', [96, 32, 64], '96'),
    _m(DET, 'model.neck.out_channels', -64, '-64'),
    _m(DET, 'model.neck.num_outs', 1, 'num_outs'),
    _m(DET, 'model.roi_head.bbox_head.num_classes', 'five', "got 'five'"),
    _m(DET, 'model.roi_head.bbox_head.type', 'Shared2FCBoxHead',
       "Did you mean 'Shared2FCBBoxHead'"),
    _m(DET, 'model.roi_head.bbox_head.loss_cls.type', 'CrossEntropy',
       "Did you mean 'CrossEntropyLoss'"),
    _m(DET, 'model.bakbone', dict(type='ResNet'), "Did you mean 'backbone'"),
    _m(DET, 'model.train_cfg.rpn', GONE, 'rpn', 'model'),
    _m(DET, 'model.data_preprocessor.pad_size_divisor', 'x', "got 'x'"),
    _m(SEG, 'model.decode_head.in_channels', [8, 16, 32], 'in_channels'),
    _m(SEG, 'model.decode_head.num_classes', GONE, 'is missing'),
    _m(SEG, 'model.auxiliary_head.in_index', 7, 'in_index'),
    _m(SEG, 'model.decode_head.loss_decode', 'ce', "got 'ce'"),
]
_DATA = [
    _m(CLS, 'train_dataloader.batch_size', -1, 'at least 1, got -1'),
    _m(DET, 'train_dataloader.num_workers', 'two', "got 'two'"),
    _m(DET, 'train_dataloader.dataset', GONE, 'is missing'),
    _m(DET, 'train_dataloader.dataset.type', GONE, 'is missing'),
    _m(DET, 'train_dataloader.dataset.type', 'CoccoDataset',
       "Did you mean 'CocoDataset'"),
    _m(DET, 'train_dataloader.dataset.metainfo',
       dict(classes=('banana', )), 'metainfo=dict(classes=(...))',
       'data/shapes/annotations/instances_train2017.json'),
    _m(SEG, 'train_dataloader.dataset.indices', 0, 'has no samples',
       'train_dataloader.dataset'),
    _m(CLS, 'train_dataloader.dataset.metainfo', 5, 'got 5'),
    _m(DET, 'train_dataloader.dataset.data_prefix', 5, '5',
       'train_dataloader.dataset'),
    _m(CLS, 'train_dataloader.batchsize', 4, "Did you mean 'batch_size'"),
    _m(CLS, 'train_dataloader.sampler', GONE, 'is missing'),
    _m(CLS, 'train_dataloader.sampler.type', 'InfiniteSampler',
       'never ends an epoch'),
    _m(CLS, 'train_dataloader.collate_fn', dict(type='collate'), "'collate'"),
    _m(CLS, 'train_dataloader.persistent_workers', True,
       'persistent_workers option needs num_workers > 0',
       'train_dataloader.num_workers and train_dataloader.persistent_workers'),
    _m(DET, 'train_dataloader.dataset.pipeline.2.type', 'Resise',
       "Did you mean 'Resize'", 'train_dataloader.dataset.pipeline[2].type'),
    _m(DET, 'train_dataloader.dataset.pipeline.2.scales', (64, 64), 'scales',
       'train_dataloader.dataset.pipeline[2]'),
    _m(CLS, 'train_dataloader.dataset.pipeline.1.scale', 'big', 'scale',
       'train_dataloader.dataset.pipeline[1]'),
    _m(DET, 'train_dataloader.dataset.pipeline.1', GONE, "have no 'labels'",
       'train_dataloader.dataset.pipeline'),
    _m(SEG, 'val_dataloader', 5, 'expected a dict'),
    _m(SEG, 'val_dataloader', GONE, 'belong together'),
]
_RUN = [
    _m(CLS, 'train_cfg.max_epochs', 0, 'at least 1, got 0'),
    _m(CLS, 'train_cfg.max_epochs', '10', "at least 1, got '10'"),
    _m(SEG, 'train_cfg.max_iters', GONE, 'is missing'),
    _m(CLS, 'train_cfg.max_epoch', 5, "Did you mean 'max_epochs'"),
    _m(CLS, 'train_cfg.val_interval', 0, 'got 0'),
    _m(SEG, 'train_cfg.type', 'IterTrainLoop',
       "Did you mean 'IterBasedTrainLoop'"),
    _m(CLS, 'param_scheduler.0.type', 'CosineLR', "Did you mean 'Cosine",
       'param_scheduler[0].type'),
    _m(CLS, 'param_scheduler', dict(type='MultiStepLR', milestones='8'),
       "a list of numbers, got '8'", 'param_scheduler.milestones'),
    _m(CLS, 'param_scheduler', dict(type='StepLR', step_sise=3), 'step_sise',
       'param_scheduler'),
    _m(SEG, 'param_scheduler.0.end', -4, 'end', 'param_scheduler[0]'),
    _m(CLS, 'optim_wrapper', GONE, 'is missing'),
    _m(CLS, 'optim_wrapper.type', 'AmpWrapper', 'AmpWrapper'),
    _m(CLS, 'optim_wrapper.optimizer.lr', 'fast', "got 'fast'"),
    _m(CLS, 'optim_wrapper.optimizer.lr', GONE, 'lr', 'optim_wrapper'),
    _m(CLS, 'optim_wrapper.optimizer.type', 'AddamW', "Did you mean 'AdamW'"),
    _m(CLS, 'optim_wrapper.optimizer.beta', 0.9, "Did you mean 'betas'"),
    _m(CLS, 'optim_wrapper.optimizer.betas', (0.9, 2.0), 'beta',
       'optim_wrapper.optimizer'),
    _m(CLS, 'optim_wrapper.clip_grad', 5, 'a dict or None, got 5'),
    _m(CLS, 'optim_wrapper.constructor', 'LayerDecayConstructor',
       "'LayerDecayConstructor'"),
    _m(CLS, 'optim_wrapper.paramwise_cfg', dict(decay=0.9), 'decay_rate'),
    _m(CLS, 'optim_wrapper.paramwise_cfg',
       dict(decay_rate=0.9, decay_type='x'), "'layer_wise'"),
    _m(SEG, 'optim_wrapper.accumulative_counts', 0, 'at least 1, got 0'),
    _m(CLS, 'default_hooks.logger.interval', -1, 'greater than 0'),
    _m(CLS, 'default_hooks.logger.type', 'LogHook', "'LoggerHook'"),
    _m(CLS, 'default_hooks.seeding.enable', True, "Did you mean 'enabled'"),
    _m(CLS, 'default_hooks.non_finite.max_skips', 'many', "got 'many'"),
    _m(CLS, 'default_hooks.visualisation', None, 'leave the key out'),
    _m(SSL, 'custom_hooks.0.interval', -1, 'must be positive',
       'custom_hooks[0]'),
    _m(SSL, 'custom_hooks', dict(type='EMAHook'), 'a list of dicts'),
    _m(CLS, 'custom_hooks', [dict(type='EMAHook', momentum=2.0)], 'momentum',
       'custom_hooks[0].momentum'),
    _m(CLS, 'custom_hooks', [dict(type='EMAHook', ema_type='Average')],
       "'Average'", 'custom_hooks[0]'),
    _m(DET, 'val_evaluator.metric', 'mAP', 'mAP'),
    _m(DET, 'val_evaluator.type', 'CoccoMetric', "Did you mean 'CocoMetric'"),
    _m(SEG, 'val_evaluator.iou_metrics', ['mBoU'], 'mBoU'),
    _m(CLS, 'val_evaluator.top_k', 1, "Did you mean 'topk'"),
    _m(CLS, 'val_evaluator', 'accuracy', "got 'accuracy'"),
    _m(DET, 'default_scope', 'mmdett', "Did you mean 'mmdet'"),
    _m(CLS, 'default_scope', 'mmdet', "write 'mmpretrain.ImageNet'",
       'train_dataloader.dataset.type'),
    _m(CLS, 'randomness.seed', 'zero', "got 'zero'"),
    _m(CLS, 'randomness.sed', 3, "Did you mean 'seed'"),
    _m(CLS, 'work_dir', 5, 'the path of a folder, got 5'),
    _m(CLS, 'log_level', 'LOUD', "got 'LOUD'"),
    _m(CLS, 'env_cfg.mp_cfg.mp_start_method', 'frok', "got 'frok'"),
    _m(CLS, 'visualizer.vis_backends', [dict(type='LocalBackend')],
       "Did you mean 'LocalVisBackend'", 'visualizer.vis_backends[0].type'),
    _m(CLS, 'model', GONE, 'is missing'),
    _m(CLS, 'model', 'convnext', "a dict, got 'convnext'"),
    _m(CLS, 'load_from', 17, 'got 17'),
]

MUTATIONS = [*_BACKBONE, *_FCMAE, *_HEADS, *_DATA, *_RUN]
