"""Settings of a config that cannot go together."""
import sys
from types import SimpleNamespace

import pytest

from mmconvnextv2.config.conflicts import conflicts


def _classifier(number=3, topk=(1, 5), mixed=None, augments=None):
    preprocessor = dict(num_classes=mixed) if mixed else {}
    return dict(
        model=dict(head=dict(num_classes=number),
                   train_cfg=augments and dict(augments=augments)),
        data_preprocessor=preprocessor,
        val_evaluator=[dict(type='mmpretrain.Accuracy', topk=topk)])


_MIXUP = dict(type='Mixup', alpha=0.8)
_WANDB = [dict(type='WandbVisBackend')]
_LOCAL = [dict(type='LocalVisBackend')]


@pytest.mark.parametrize('cfg, key, problem', [
    (_classifier(), 'val_evaluator[0].topk', 'the best 5 of 3 classes cannot '
     'be looked for (model.head.num_classes): set topk=(1, ), got (1, 5)'),
    (_classifier(topk=5), 'val_evaluator[0].topk', 'the best 5 of 3 classes '
     'cannot be looked for (model.head.num_classes): set topk=(1, ), got 5'),
    (_classifier(topk=1, mixed=1000, augments=_MIXUP),
     'data_preprocessor.num_classes', 'labels of 1000 classes are mixed '
     '(model.train_cfg.augments), model.head.num_classes is 3'),
    (dict(vis_backends=_WANDB, visualizer=dict(vis_backends=_LOCAL)),
     'vis_backends', 'WandbVisBackend has no effect: the base has made '
     'visualizer.vis_backends of its own list before. Set visualizer=dict('
     "vis_backends=[dict(type='WandbVisBackend', ...)])"),
    (dict(vis_backends=_LOCAL, visualizer=dict(vis_backends=_WANDB)), '', ''),
    (dict(vis_backends=_WANDB, visualizer=dict(vis_backends=_WANDB)), '', ''),
    (_classifier(5), '', ''),
    (_classifier(topk=-1, mixed=1000), '', ''),
    (_classifier(topk=1, mixed=3, augments=_MIXUP), '', ''),
    (_classifier('few'), '', ''),
])
def test_conflicts(cfg, key, problem):
    found = [tuple(x) for x in conflicts(cfg, ('train', 'val'))]
    assert found == ([(key, problem)] if key else [])
    assert [*conflicts({**cfg, 'visualizer': None, 'vis_backends': None},
                       ('test', ))] == []


@pytest.mark.parametrize('kind, head, options, is_refused', [
    ('TopdownPoseEstimator', 'head', {}, True),
    ('FCOS', 'bbox_head', {}, True), ('ImageClassifier', 'head', {}, False),
    ('FCOS', 'bbox_head', dict(gap_before_final_norm=False), False)])
def test_vectors_where_maps_are_taken(kind, head, options, is_refused):
    backbone = dict(type='mmconvnextv2.ConvNeXtV2', **options)
    model = {'type': kind, 'backbone': backbone, head: dict(type='Any')}
    assert [tuple(x) for x in conflicts(dict(model=model), ())] == [
        ('model.backbone.gap_before_final_norm', 'ConvNeXtV2 averages its '
         'outputs over their sites by default, for classifiers: (N, C), where '
         f'model.{head} takes maps. Set it to False')] * is_refused


@pytest.mark.parametrize('uri, allowed, is_refused', [
    (None, False, True), ('file:///a', False, True), (None, True, False),
    ('sqlite:///a.db', False, False), (None, None, False)])
def test_folder_that_mlflow_refuses(monkeypatch, uri, allowed, is_refused):
    # Of MLflow 3.17; None: an older one, which takes folders.
    variable = {} if allowed is None else dict(
        MLFLOW_ALLOW_FILE_STORE=SimpleNamespace(get=lambda: allowed))
    monkeypatch.setitem(sys.modules, 'mlflow', SimpleNamespace())
    monkeypatch.setitem(sys.modules, 'mlflow.environment_variables',
                        SimpleNamespace(**variable))
    backends = [*_LOCAL, dict(type='MLflowVisBackend', tracking_uri=uri)]
    found = [*conflicts(dict(visualizer=dict(vis_backends=backends)), ())]
    assert [tuple(x) for x in found] == is_refused * [(
        'visualizer.vis_backends[1].tracking_uri',
        'this MLflow keeps no records in a folder, which is the default: set '
        "it to a database, such as 'sqlite:///mlflow.db', or to the address "
        'of a server (or the environment variable MLFLOW_ALLOW_FILE_STORE='
        'true)')]


def _loss(number, **options):
    return dict(type='CrossEntropyLoss', class_weight=[1.0] * number,
                **options)


def _segmentor(number, *weights, **options):
    losses = [dict(type='CrossEntropyLoss', class_weight=x) for x in weights]
    return dict(model=dict(auxiliary_head=[dict(
        num_classes=number, loss_decode=losses, **options)]))


@pytest.mark.parametrize('cfg, place', [
    (_segmentor(3, None, [1.0] * 6), 'loss_decode[1]'),
    (_segmentor(3, [1.0] * 3, [1.0] * 4), ''),  # mmdet's have a background
    (_segmentor(2, [1.0], out_channels=1), ''),
    (_segmentor(3, 2.0, 'weights.npy'), ''),
    (dict(model=dict(head=dict(num_classes=3, out_channels=[8, 8]),
                     names={0: 'one'})), ''),
    (_segmentor(None, [1.0] * 6, num_things_classes=1, num_stuff_classes=2),
     'loss_decode[0]'),
    (_segmentor(3, [1.0] * 6, num_things_classes=6), 'loss_decode[0]'),
    # Things are a single class of such a head.
    (dict(model=dict(head=dict(num_things_classes=3, num_stuff_classes=2,
                               loss_seg=_loss(3)))), ''),
    # One weight for all, other outputs than classes, weights left over.
    *((dict(model=dict(head=dict(num_classes=3, **x))), '') for x in (
        dict(loss=_loss(1, use_sigmoid=True)),
        dict(loss=_loss(1, use_soft=True)), dict(loss_dir=_loss(2)),
        dict(loss_mask=_loss(1, use_mask=True)),
        dict(loss_decode=dict(type='LovaszLoss', class_weight=[1.0] * 6)))),
])
def test_weights_of_other_classes(cfg, place):
    assert not [*conflicts(cfg, ('val', 'test'))]  # which have no loss
    assert [tuple(x) for x in conflicts(cfg, ('train', ))] == [
        (f'model.auxiliary_head[0].{place}.class_weight', '6 weights for 3 '
         'classes of model.auxiliary_head[0]: give one for each, or set it to '
         'None')] * bool(place)
